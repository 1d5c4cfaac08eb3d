/** What each route declares to the plugins: the scope that it needs, and its request class. */
import type { Scope } from '../access/caller.js'

/** Decides the time limit of an answer. A page in a streamed format has the limit of a stream. */
export type RequestClass = 'probe' | 'page' | 'aggregate' | 'stream'

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
    requestClass?: RequestClass
  }
}
