/** Who asks, and what they may: what API keys and tokens have in common. */

/** `open` asks for no key unless configured otherwise. A row of a student, even aggregated, is `attempts:read`. */
export type Scope = 'open' | 'attempts:read' | 'aggregates:read' | 'metrics:read'

/** What a key or a token can be given. */
export const scopes = ['attempts:read', 'aggregates:read', 'metrics:read'] as const satisfies readonly Scope[]
export type GivenScope = (typeof scopes)[number]

export interface Caller {
  /** For the log: the key's name or the token's client. Never the subject of a token, which may be a person. */
  name: string
  /** One for each who is counted by themselves: a client's users each have their own. Not for the log. */
  id: string
  scopes: ReadonlySet<GivenScope>
}

/** A key or token that is not accepted; the reason is told to the client and holds nothing of it. */
export class InvalidToken extends Error {
  override name = 'InvalidToken'
}

/** Whoever has the rows can compute the aggregates. */
export const allows = (given: ReadonlySet<GivenScope>, scope: GivenScope): boolean =>
  given.has(scope) || (scope === 'aggregates:read' && given.has('attempts:read'))

/** The scopes of ours in a list that may have others. */
export const knownScopes = (list: Iterable<string>): Set<GivenScope> =>
  new Set([...list].filter((one): one is GivenScope => (scopes as readonly string[]).includes(one)))
