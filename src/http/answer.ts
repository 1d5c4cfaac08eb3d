/** An answer as a value: it is complete before anything of it is written to the reply. */
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'

export type Headers = Readonly<Record<string, string>>

export interface Answer {
  /** Default 200. */
  status?: number
  headers: Headers
  /** None: a 304, or the HEAD of a stream. */
  body?: string | Readable
  /** Rows of a stream, for the trailer `Attempt-Rows`; called after the last byte. */
  rows?(): number
  /** Rows that the stream does not have, for the trailer `Attempt-Suppressed`. */
  suppressed?(): number
}

/** An answer of JSON, which depends on `Accept`. */
export const jsonAnswer = (headers: Headers, body: string | Readable): Answer => ({
  headers: { ...headers, vary: 'Accept', 'content-type': 'application/json; charset=utf-8' },
  body,
})

/** Writes an answer to the reply, once. */
export function sendAnswer(reply: FastifyReply, { status = 200, headers, body, ...counts }: Answer): FastifyReply {
  for (const [name, count] of [
    ['Attempt-Rows', counts.rows],
    ['Attempt-Suppressed', counts.suppressed],
  ] as const)
    if (count !== undefined)
      reply.trailer(name, (_reply, _payload, done) => {
        done(null, String(count()))
      })
  // the length of a HEAD is that of its GET, or left out (RFC 9110, 8.6): without a body, Fastify would send 0
  const sent = body === undefined && reply.request.method === 'HEAD' ? Readable.from([]) : body
  return reply.status(status).headers(headers).send(sent)
}
