/** What each route says of itself to the plugins: who may ask it, and what kind of work it is. */
import type { Scope } from '../access/caller.js'

/** Bounds how long an answer may take. A page that is asked for as a stream is a stream. */
export type RequestClass = 'probe' | 'page' | 'aggregate' | 'stream'

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
    requestClass?: RequestClass
  }
}
