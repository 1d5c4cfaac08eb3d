/**
 * Shutdown in two steps. `leave`: probes answer 503 and connections close after their answer, while every request is
 * still served. Then close: running requests end, new ones are refused, probes are still answered; at the end of the
 * grace period the rest is aborted.
 */
import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { ApiError } from '../errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Begins the shutdown: from now on the service is not ready. */
    leave(): void
    leaving(): boolean
  }
}

/** Time for the answers of aborted requests, before their connections are closed. */
const lastAnswersMs = 200

/** `abort` ends the work of running requests, so that they fail. */
export const shutdown = fp<{ graceS: number; abort(): Promise<unknown> }>(
  (app, { graceS, abort }, done) => {
    const inFlight = new Set<ServerResponse>()
    let [leaving, closing] = [false, false]
    app.decorate('leave', () => {
      leaving = true
    })
    app.decorate('leaving', () => leaving)

    app.addHook('onRequest', (request, reply, next) => {
      inFlight.add(reply.raw)
      reply.raw.once('close', () => {
        inFlight.delete(reply.raw)
      })
      if (closing && request.routeOptions.config.requestClass !== 'probe')
        next(new ApiError('shutting_down', 'The service is shutting down. Retry'))
      else next()
    })
    // a kept connection would bring the next request here, instead of to the next process
    app.addHook('onSend', (_request, reply, _payload, next) => {
      if (leaving) reply.header('connection', 'close')
      next()
    })

    /** Waits until no request is running, at most this long. */
    async function quiet(ms: number): Promise<void> {
      const end = Date.now() + ms
      while (inFlight.size > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
    }

    app.addHook('preClose', async () => {
      leaving = closing = true
      await quiet(graceS * 1000)
      await Promise.race([abort(), new Promise((resolve) => setTimeout(resolve, lastAnswersMs).unref())])
      await quiet(lastAnswersMs)
      // idle connections, connections without a request, and clients that read nothing
      app.server.close()
      app.server.closeAllConnections()
    })
    done()
  },
  { name: 'shutdown' },
)
