/**
 * Refuses excess load before any work: URLs that are too long, and data requests while the event loop is late, so that
 * probes and running requests are still answered.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { ApiError } from '../errors.js'

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

export const overload = fp(
  (app, { overloadDelayMs }: Pick<Config, 'overloadDelayMs'>, done) => {
    app.addHook('onRequest', (request, _reply, next) => {
      // RFC 9112, 3.2: an HTTP/1.1 request names its host; Node would refuse it without a problem document
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
        next(new ApiError('bad_request', 'An HTTP/1.1 request needs the header Host'))
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
