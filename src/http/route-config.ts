/** What each route says of itself to the plugins: who may ask it, and what kind of work it is. */

/** `open` asks for no key unless configured otherwise. A row of a student, even aggregated, is `attempts:read`. */
export type Scope = 'open' | 'attempts:read' | 'aggregates:read' | 'metrics:read'
/** Bounds how long an answer may take. A page that is asked for as a stream is a stream. */
export type RequestClass = 'probe' | 'page' | 'aggregate' | 'stream'

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
    requestClass?: RequestClass
  }
}
