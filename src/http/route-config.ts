/** What each route declares to the plugins: the scope that it needs, and its request class; what a caller may read. */
import type { Scope } from '../access/caller.js'

/** Decides the time limit of an answer. A page in a streamed format has the limit of a stream. */
export type RequestClass = 'probe' | 'page' | 'aggregate' | 'stream'

/** The smallest group of students that a caller may read about, and the zone of the days that it may select. */
export interface SmallestGroup {
  students: number
  zone: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
    requestClass?: RequestClass
    /** Of a route for `aggregates:read`: parameters that select students one by one, and need `attempts:read`. */
    studentParameters?: readonly string[]
  }
  interface FastifyRequest {
    /** undefined: the caller may read every row. */
    smallestGroup: SmallestGroup | undefined
  }
}
