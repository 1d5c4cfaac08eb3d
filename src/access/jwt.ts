/** Bearer tokens of an identity provider: signed JWTs, whose keys are fetched, kept and followed. */
import { createHash } from 'node:crypto'
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { JwtSettings } from '../config.js'
import { ApiError } from '../errors.js'
import { InvalidToken, knownScopes, type Caller } from './caller.js'

export interface KeySetLog {
  info(object: object, message: string): void
  warn(object: object, message: string): void
}

/** Milliseconds. Not configuration: who runs the service has no reason to know them; tests have. */
export interface KeySetTimes {
  /** A fetch takes no longer. */
  timeoutMs: number
  /** From then on keys are fetched again, beside the requests. */
  freshMs: number
  /** For so long after they were fetched the keys are taken while new ones cannot be had. */
  keptMs: number
  /** For so long an unknown key asks for no second fetch. */
  cooldownMs: number
  /** For so long a fetch that failed is not tried again. */
  failureMs: number
}
const defaultTimes: KeySetTimes = {
  timeoutMs: 3_000,
  freshMs: 600_000,
  keptMs: 3_600_000,
  cooldownMs: 30_000,
  failureMs: 5_000,
}

// never `none`, and no HMAC, whose secret whoever checks would hold as well: a public key taken for one would sign anything
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** Seconds by which the clocks of provider and service may differ. */
const leewayS = 30

/** No issuer publishes more; whatever does is not its keys. */
const largestKeySet = 1_000_000

async function keySetOf(response: Response): Promise<JSONWebKeySet> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    if ((size += chunk.length) > largestKeySet) throw new Error('the answer is larger than a list of keys can be')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as JSONWebKeySet
}

function failureOf(error: Error): string {
  if (error.name === 'TimeoutError') return 'no answer in time'
  // its message quotes the answer
  if (error instanceof SyntaxError) return 'the answer is not JSON'
  return (error.cause as { code?: string } | undefined)?.code ?? error.message
}

const unavailable = () =>
  new ApiError(
    'access_unavailable',
    "The keys of the tokens' issuer cannot be fetched, so that the token can be neither accepted nor refused; try again",
  )

/**
 * The keys of the issuer. jose's own set for a URL asks again at every request while the URL fails, and forgets the keys
 * that it has the moment that they are old.
 */
export function createKeySet(url: string, times: KeySetTimes = defaultTimes): (log: KeySetLog) => JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let fetchedAt = -Infinity
  let failedAt = -Infinity
  let fetching: Promise<void> | undefined
  // of the process, so that a clock that is set does not make old keys new
  const now = () => performance.now()

  async function download(log: KeySetLog): Promise<void> {
    try {
      const response = await fetch(url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(times.timeoutMs),
      })
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      const next = createLocalJWKSet(await keySetOf(response))
      if (failedAt > fetchedAt && keys !== undefined)
        log.info({}, "the keys of the tokens' issuer can be fetched again")
      keys = next
      fetchedAt = now()
    } catch (error) {
      if (failedAt <= fetchedAt)
        log.warn({ reason: failureOf(error as Error) }, "the keys of the tokens' issuer cannot be fetched")
      failedAt = now()
      throw unavailable()
    }
  }
  /** One for all who wait. A failure is told again for a while, without a try. */
  async function refresh(log: KeySetLog): Promise<void> {
    if (fetching === undefined && now() - failedAt < times.failureMs) throw unavailable()
    await (fetching ??= download(log).finally(() => {
      fetching = undefined
    }))
  }

  return (log) => async (header, token) => {
    if (keys === undefined || now() - fetchedAt > times.keptMs) await refresh(log)
    else if (now() - fetchedAt > times.freshMs) void refresh(log).catch(() => undefined)
    const find = keys as NonNullable<typeof keys>
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || now() - fetchedAt < times.cooldownMs) throw error
      await refresh(log)
      return (keys as NonNullable<typeof keys>)(header, token)
    }
  }
}

/** Providers write scopes as `scope` (RFC 8693) or `scp`, as one text or as a list; `scopes` is met too. */
function scopesOf(claims: JWTPayload): string[] {
  return [claims['scope'], claims['scp'], claims['scopes']].flatMap((claim) =>
    typeof claim === 'string'
      ? claim.split(' ')
      : Array.isArray(claim)
        ? claim.filter((one) => typeof one === 'string')
        : [],
  )
}

/** client_id (RFC 9068), azp (OpenID) or appid (Entra, version 1). */
const clientOf = (claims: JWTPayload): string | undefined =>
  [claims['client_id'], claims['azp'], claims['appid']]
    .find((claim): claim is string => typeof claim === 'string' && claim !== '')
    ?.slice(0, 100)

/** What jose throws, in words for the client; undefined: no fault of the token. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'The token has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return (
      (
        {
          iss: 'The token is of another issuer',
          aud: 'The token is for another audience',
          nbf: 'The token is not valid yet',
          exp: 'The token has no expiry',
        } as Record<string, string>
      )[error.claim] ?? 'A claim of the token is not accepted'
    )
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'The token is signed by an algorithm that is not accepted'
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'The token is signed with a key that its issuer does not publish'
  if (error instanceof errors.JOSEError) return 'The token or its signature is not valid'
  return undefined
}

export type TokenVerifier = (token: string, log: KeySetLog) => Promise<Caller>

/**
 * Accepts the signed tokens of one issuer for this audience.
 * @returns a function that gives the caller, or throws InvalidToken, or ApiError access_unavailable where keys are not to be had
 */
export function createTokenVerifier({ issuer, audience, jwksUrl }: JwtSettings, times?: KeySetTimes): TokenVerifier {
  const keys = createKeySet(jwksUrl, times)
  return async (token, log) => {
    try {
      const { payload } = await jwtVerify(token, keys(log), {
        issuer,
        audience: [...audience],
        algorithms,
        clockTolerance: leewayS,
        requiredClaims: ['exp'],
      })
      const client = clientOf(payload)
      const name = `jwt:${client ?? 'unnamed'}`
      return {
        name,
        id: `${name}:${createHash('sha256')
          .update(payload.sub ?? '')
          .digest('hex')
          .slice(0, 16)}`,
        scopes: knownScopes(scopesOf(payload)),
      }
    } catch (error) {
      const reason = reasonOf(error)
      throw reason === undefined ? error : new InvalidToken(reason)
    }
  }
}
