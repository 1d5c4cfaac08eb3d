/** The caller of a request and its scopes: what API keys and tokens have in common. */

/** `open` needs no key unless configured otherwise. Data of one student, even aggregated, needs `attempts:read`. */
export type Scope = 'open' | 'attempts:read' | 'aggregates:read' | 'metrics:read'

/** The scopes that a key or a token can have. */
export const scopes = ['attempts:read', 'aggregates:read', 'metrics:read'] as const satisfies readonly Scope[]
export type GivenScope = (typeof scopes)[number]

export interface Caller {
  /** For the log: the key's name or the token's client. Never the subject of a token, which may be a person. */
  name: string
  /** Identifies the caller for the rate limit; differs for each user of a client. Not for the log. */
  id: string
  scopes: ReadonlySet<GivenScope>
}

/** A key or token that is not accepted. The message goes to the client and contains no part of the key. */
export class InvalidToken extends Error {
  override name = 'InvalidToken'
}

/** `attempts:read` includes `aggregates:read`, because aggregates can be computed from rows. */
export const allows = (given: ReadonlySet<GivenScope>, scope: GivenScope): boolean =>
  given.has(scope) || (scope === 'aggregates:read' && given.has('attempts:read'))

/** The scopes of this service in a list that may have others. */
export const knownScopes = (list: Iterable<string>): Set<GivenScope> =>
  new Set([...list].filter((one): one is GivenScope => (scopes as readonly string[]).includes(one)))
