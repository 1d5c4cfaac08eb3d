/** Bearer tokens of an identity provider: signed JWTs, whose keys are fetched, cached and refreshed. */
import { createHash } from 'node:crypto'
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { JwtSettings } from '../config.js'
import { ApiError } from '../errors.js'
import { InvalidToken, knownScopes, type Caller } from './caller.js'

export interface KeySetLog {
  info(object: object, message: string): void
  warn(object: object, message: string): void
}

/** Milliseconds. Not configuration: only tests need other values. */
export interface KeySetTimes {
  /** Time limit of a fetch. */
  timeoutMs: number
  /** Age from which keys are fetched again in the background. */
  freshMs: number
  /** Age up to which keys are used while new ones cannot be fetched. */
  keptMs: number
  /** Minimum time between two fetches for unknown keys. */
  cooldownMs: number
  /** Minimum time between a failed fetch and the next one. */
  failureMs: number
}
const defaultTimes: KeySetTimes = {
  timeoutMs: 3_000,
  freshMs: 600_000,
  keptMs: 3_600_000,
  cooldownMs: 30_000,
  failureMs: 5_000,
}

// never `none`, and no HMAC: its secret could be the public key, which is not secret
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** Seconds by which the clocks of the issuer and of the service may differ. */
const leewayS = 30

/** Bytes; a longer answer is not a key set. */
const largestKeySet = 1_000_000

async function keySetOf(response: Response): Promise<JSONWebKeySet> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    if ((size += chunk.length) > largestKeySet) throw new Error(`the answer is larger than ${largestKeySet} bytes`)
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as JSONWebKeySet
}

function failureOf(error: Error): string {
  if (error.name === 'TimeoutError') return 'no answer in time'
  // the message of the error quotes the answer
  if (error instanceof SyntaxError) return 'the answer is not JSON'
  return (error.cause as { code?: string } | undefined)?.code ?? error.message
}

const unavailable = () =>
  new ApiError(
    'access_unavailable',
    'The keys of the token issuer cannot be fetched, so the token cannot be checked. Retry',
  )

/**
 * The keys of the issuer. jose's own remote key set fetches at every request while the URL fails, and drops its keys as
 * soon as they are old.
 */
function createKeySet(url: string, times: KeySetTimes = defaultTimes): (log: KeySetLog) => JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let fetchedAt = -Infinity
  let failedAt = -Infinity
  let fetching: Promise<void> | undefined
  // monotonic: setting the clock must not make old keys new
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
      if (failedAt > fetchedAt && keys !== undefined) log.info({}, 'the keys of the token issuer can be fetched again')
      keys = next
      fetchedAt = now()
    } catch (error) {
      if (failedAt <= fetchedAt)
        log.warn({ reason: failureOf(error as Error) }, 'the keys of the token issuer cannot be fetched')
      failedAt = now()
      throw unavailable()
    }
  }
  /** One fetch for all waiting requests. For a while after a failure, the same error without a fetch. */
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

/** Issuers write scopes as `scope` (RFC 8693), `scp` or `scopes`, as one text or as a list. */
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

/** The message for the client; undefined: the token is not at fault. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'The token has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return (
      (
        {
          iss: 'The token is from another issuer',
          aud: 'The token is for another audience',
          nbf: 'The token is not valid yet',
          exp: 'The token has no expiry (claim exp)',
        } as Record<string, string>
      )[error.claim] ?? 'The token has a claim that is not accepted'
    )
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'The token is signed with an algorithm that is not accepted'
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'The token is signed with a key that its issuer does not publish'
  if (error instanceof errors.JOSEError) return 'The token or its signature is not valid'
  return undefined
}

export type TokenVerifier = (token: string, log: KeySetLog) => Promise<Caller>

/**
 * Accepts the signed tokens of one issuer for this audience.
 * @returns a function that returns the caller; it throws InvalidToken, or ApiError access_unavailable without keys
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
