/** The time limit of each data request, from its arrival: by the request class of its route, or by `Prefer: wait`. */
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { Deadline, ClientDisconnected } from '../database/deadline.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of data requests only: bounds every wait and every statement. */
    deadline: Deadline
    /** The time limit of this request if its answer is a stream, in milliseconds. */
    streamMs: number
  }
}

type Settings = Pick<Config, 'timeoutPageMs' | 'timeoutAggregateMs' | 'timeoutMaxMs' | 'streamTimeoutS'>

/**
 * The whole seconds of `Prefer: wait` (RFC 7240), of which the first counts. Any other value is ignored, as an
 * unknown preference is.
 */
export function preferredWait(prefer: string | string[] | undefined): number | undefined {
  if (prefer === undefined) return undefined
  for (const one of String(prefer).split(',')) {
    const [name = '', value = ''] = (one.split(';')[0] ?? '').split('=').map((part) => part.trim())
    if (name.toLowerCase() === 'wait')
      return /^("?)0*[1-9]\d*\1$/.test(value) ? Number(value.replaceAll('"', '')) : undefined
  }
  return undefined
}

export const timeouts = fp(
  (app, config: Settings, done) => {
    const times = {
      page: config.timeoutPageMs,
      aggregate: config.timeoutAggregateMs,
      stream: config.streamTimeoutS * 1000,
    }
    app.decorateRequest('deadline', null as unknown as Deadline)
    app.decorateRequest('streamMs', 0)
    app.addHook('onRequest', (request, reply, next) => {
      const { requestClass } = request.routeOptions.config
      if (requestClass === undefined || requestClass === 'probe') return next()
      const wait = preferredWait(request.headers.prefer)
      request.streamMs = wait === undefined ? times.stream : Math.min(wait * 1000, times.stream)
      const ms =
        requestClass === 'stream'
          ? request.streamMs
          : wait === undefined
            ? times[requestClass]
            : Math.min(wait * 1000, config.timeoutMaxMs)
      const deadline = (request.deadline = new Deadline(ms))
      // an answer that the client does not read in time holds memory
      deadline.onExpire(() => {
        if (reply.raw.headersSent) reply.raw.destroy()
      })
      reply.raw.once('close', () => {
        if (reply.raw.writableFinished) deadline.done()
        else deadline.expire(new ClientDisconnected())
      })
      next()
    })
    app.addHook('onSend', (request, reply, _payload, next) => {
      // none without a route
      const { deadline } = request as { deadline?: Deadline | null }
      if (deadline !== undefined && deadline !== null && preferredWait(request.headers.prefer) !== undefined)
        reply.header('preference-applied', `wait=${Math.floor(deadline.ms / 1000 + 0.001)}`)
      next()
    })
    done()
  },
  { name: 'timeouts' },
)
