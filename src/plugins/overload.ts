/** Refuses what is too much before any work: URLs that are too long, and data requests while the event loop is late, so that probes and what was begun are still answered. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { ApiError } from '../errors.js'

/** Bytes of a URL: the longest parameters that are documented fit. With the headers it is at most `maxHeaderSize`. */
const longestUrl = 61_440
const resolutionMs = 10
const everyMs = 250
/** One long pause (a large page, a garbage collection) is no overload: only what lasts is. */
const lateSamples = 2
/** After the service listens: a start loads and compiles code, which delays the event loop and is not an overload. */
const warmUpMs = 1_000

/** Whether a query's escapes are such. Taken as it stands, half an escape would be a value that matches nothing: an empty answer, and nobody told. */
function escapes(url: string): boolean {
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
      // RFC 9112, 3.2: an HTTP/1.1 request names the host it is for; Node would refuse it without a body
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
        next(new ApiError('bad_request', 'The request has no header Host') as never)
      else if (request.url.length <= longestUrl)
        next(
          escapes(request.url)
            ? undefined
            : (new ApiError('bad_request', 'The query has an escape (%) that is none, or that is not UTF-8') as never),
        )
      else
        next(
          new ApiError(
            'uri_too_long',
            `The URL has ${request.url.length} bytes, and at most ${longestUrl} are read`,
          ) as never,
        )
    })
    if (overloadDelayMs === 0) return done()
    const delay = monitorEventLoopDelay({ resolution: resolutionMs })
    let late = 0
    const measure = () => {
      // no sample at all: the loop stood still for the whole time
      const mean = delay.count === 0 ? Infinity : delay.mean / 1e6 - resolutionMs
      late = mean > overloadDelayMs ? late + 1 : 0
      if (late === lateSamples)
        app.log.warn(
          { delay_ms: Math.round(mean) },
          'overloaded: data requests are refused until the event loop is in time again',
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
      const { requestClass: work } = request.routeOptions.config
      if (late < lateSamples || work === undefined || work === 'probe') next()
      else
        next(
          new ApiError(
            'overloaded',
            'The service has more to do than it can; try again in a moment',
            undefined,
            1,
          ) as never,
        )
    })
    done()
  },
  { name: 'limits' },
)
