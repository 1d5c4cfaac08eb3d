/**
 * Leaving in order. Told first (`leave`): probes answer 503 and connections close after their answer, while everything
 * is still served. Then closed: what is in flight ends, what is new is refused, probes are still answered; at the end of
 * the grace the rest is cut.
 */
import type { ServerResponse } from 'node:http'
import fp from 'fastify-plugin'
import { ApiError } from '../errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Begins to leave: from now on the service is not ready. */
    leave(): void
    leaving(): boolean
  }
}

/** Until what was cut has been told, and its connections are closed under it. */
const tellMs = 200

/** `cut` ends what is still at work, so that it fails. */
export const shutdown = fp<{ graceS: number; cut(): Promise<unknown> }>(
  (app, { graceS, cut }, done) => {
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
        next(new ApiError('shutting_down', 'The service is shutting down; try again'))
      else next()
    })
    // whoever keeps the connection asks here again, and not the one that comes after
    app.addHook('onSend', (_request, reply, _payload, next) => {
      if (leaving) reply.header('connection', 'close')
      next()
    })

    /** Waits until nothing is in flight, or for so long. */
    async function quiet(ms: number): Promise<void> {
      const end = Date.now() + ms
      while (inFlight.size > 0 && Date.now() < end) await new Promise((again) => setTimeout(again, 10))
    }

    app.addHook('preClose', async () => {
      leaving = closing = true
      await quiet(graceS * 1000)
      await Promise.race([cut(), new Promise((over) => setTimeout(over, tellMs).unref())])
      await quiet(tellMs)
      // idle ones, those that never asked anything, and readers that take nothing
      app.server.close()
      app.server.closeAllConnections()
    })
    done()
  },
  { name: 'shutdown' },
)
