/**
 * Refuses excess load before any work: URLs that are too long, and data requests while the event loop is late, so that
 * probes and running requests are still answered.
 */
import type { IncomingMessage } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { ApiError, quoted } from '../errors.js'

/** Bytes of a URL: the longest documented parameters fit. URL and headers together have `maxHeaderSize`. */
const longestUrl = 61_440
const resolutionMs = 10
const everyMs = 250
/** One long pause (a large page, a garbage collection) is not an overload: two samples in a row are. */
const lateSamples = 2
/** After the service listens: a start loads and compiles code, which delays the event loop and is not an overload. */
const warmUpMs = 1_000

/** Whether the percent escapes of a query are valid. A value with half an escape would silently match nothing. */
function hasValidEscapes(url: string): boolean {
  const query = url.indexOf('?')
  if (query === -1 || !url.includes('%', query)) return true
  try {
    decodeURIComponent(url.slice(query))
    return true
  } catch {
    return false
  }
}

/** A name or an address, with a port or not; empty where the target has no authority. */
const validHost = /^(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:[0-9]{0,5})?$/

/**
 * What is wrong with the header Host (RFC 9112, 3.2): an HTTP/1.1 request has exactly one. Node would refuse none
 * without a problem document, and takes the first of several, while a proxy in front may take the last.
 */
function hostProblem({ rawHeaders, headers: { host }, httpVersion }: IncomingMessage): string | undefined {
  if (host === undefined) return httpVersion === '1.1' ? 'An HTTP/1.1 request needs the header Host' : undefined
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts++
  if (hosts > 1) return `The request has ${hosts} Host headers; it must have exactly one`
  return validHost.test(host)
    ? undefined
    : `The header Host must be a name or an address, with a port or not, such as localhost:3000; got ${quoted(host)}`
}

export const overload = fp(
  (app, { overloadDelayMs }: Pick<Config, 'overloadDelayMs'>, done) => {
    app.addHook('onRequest', (request, _reply, next) => {
      const host = hostProblem(request.raw)
      if (host !== undefined) next(new ApiError('bad_request', host))
      else if (request.url.length <= longestUrl)
        next(
          hasValidEscapes(request.url)
            ? undefined
            : new ApiError(
                'bad_request',
                'The query has an invalid percent escape, or one that is not UTF-8. Write a literal % as %25',
              ),
        )
      else
        next(
          new ApiError(
            'uri_too_long',
            `The URL has ${request.url.length} bytes; the limit is ${longestUrl}. Split the request`,
          ),
        )
    })
    if (overloadDelayMs === 0) return done()
    const delay = monitorEventLoopDelay({ resolution: resolutionMs })
    let late = 0
    const measure = () => {
      // no sample at all: the loop was blocked for the whole time
      const mean = delay.count === 0 ? Infinity : delay.mean / 1e6 - resolutionMs
      late = mean > overloadDelayMs ? late + 1 : 0
      if (late === lateSamples)
        app.log.warn(
          { delay_ms: Math.round(mean) },
          'overloaded: data requests are refused until the event loop is on time again',
        )
      delay.reset()
    }
    let timer: NodeJS.Timeout | undefined
    app.addHook('onListen', (listening) => {
      timer = setTimeout(() => {
        delay.enable()
        timer = setInterval(measure, everyMs).unref()
      }, warmUpMs).unref()
      listening()
    })
    app.addHook('onClose', () => {
      clearTimeout(timer)
      delay.disable()
    })
    app.addHook('onRequest', (request, _reply, next) => {
      const { requestClass } = request.routeOptions.config
      if (late < lateSamples || requestClass === undefined || requestClass === 'probe') next()
      else next(new ApiError('overloaded', 'The service is overloaded. Retry in a second', undefined, 1))
    })
    done()
  },
  { name: 'limits' },
)
