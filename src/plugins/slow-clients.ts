/**
 * Aborts streams whose client reads more slowly than the lowest rate: each holds a connection to the database and a
 * snapshot. Only time counts in which bytes wait for the client, so a slow database or a slow encoder is not its fault.
 */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { nameOfClient } from '../http/client.js'

/** Milliseconds between two measurements; less if the client may be behind for less than four of them. */
const everyMs = 1_000

interface Watched {
  request: FastifyRequest
  response: ServerResponse
  /** Bytes that the operating system had taken at the last measurement. */
  sent: number
  /** How far the client is behind the lowest rate, as the time that it has to catch up. */
  behindMs: number
}

/** Bytes that the operating system has taken, and bytes that wait for it. It takes them as the client reads. */
function progressOf({ socket }: ServerResponse): { sent: number; waiting: number } {
  const waiting = socket?.writableLength ?? 0
  // bytesWritten includes the bytes that wait
  return { sent: (socket?.bytesWritten ?? 0) - waiting, waiting }
}

export const slowClients = fp<Pick<Config, 'streamMinRate' | 'streamStallS'>>(
  (app, { streamMinRate, streamStallS }, done) => {
    if (streamMinRate === 0) return done()
    const watched = new Set<Watched>()
    const mostBehindMs = streamStallS * 1000
    const intervalMs = Math.min(everyMs, mostBehindMs / 4)
    let last = performance.now()

    function abort({ request, response }: Watched): void {
      const { meter } = request
      meter.cut = 'slow_client'
      request.log.warn(
        { route: request.routeOptions.url, rows: meter.stream?.rows },
        `stream aborted: client ${nameOfClient(request)} reads less than STREAM_MIN_RATE=${streamMinRate} bytes/s`,
      )
      response.destroy()
    }

    function measure(): void {
      const now = performance.now()
      // after a pause of this process the client has not been slow
      const passedMs = Math.min(now - last, 2 * intervalMs)
      last = now
      for (const one of watched) {
        const { sent, waiting } = progressOf(one.response)
        const earnedMs = ((sent - one.sent) / streamMinRate) * 1000
        one.sent = sent
        one.behindMs = waiting === 0 ? 0 : Math.max(0, one.behindMs + passedMs - earnedMs)
        if (one.behindMs > mostBehindMs) abort(one)
      }
    }

    const timer = setInterval(measure, intervalMs).unref()
    app.addHook('onSend', (request, reply, payload, next) => {
      if (payload instanceof Readable) {
        const one = { request, response: reply.raw, sent: progressOf(reply.raw).sent, behindMs: 0 }
        watched.add(one)
        reply.raw.once('close', () => {
          watched.delete(one)
        })
      }
      next(null, payload)
    })
    app.addHook('onClose', (_app, closed) => {
      clearInterval(timer)
      closed()
    })
    done()
  },
  { name: 'slow-clients' },
)
