/**
 * The error codes of the service, and the table that maps errno and SQLSTATE to an error code and a sentence.
 * docs/errors.md explains the codes to clients.
 */

export const errorCodes = {
  invalid_parameter: { status: 400, title: 'A parameter is unknown, repeated, malformed or out of range' },
  invalid_cursor: { status: 400, title: 'The cursor is damaged, or belongs to other filters or another order' },
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'The request has no valid API key or token' },
  insufficient_scope: { status: 403, title: 'The API key or token lacks the scope that the request needs' },
  not_found: { status: 404, title: 'No such endpoint' },
  student_not_found: { status: 404, title: 'The student has no attempts' },
  method_not_allowed: { status: 405, title: 'The endpoint does not support this method' },
  not_acceptable: { status: 406, title: 'The endpoint does not offer this representation' },
  request_timeout: { status: 408, title: 'The request did not arrive completely in time; retry' },
  changes_expired: {
    status: 410,
    title: 'Changes since this token are no longer available; start over with a full export',
  },
  payload_too_large: { status: 413, title: 'The request body is too large' },
  uri_too_long: { status: 414, title: 'The URL, or a part of its path, is too long' },
  unsupported_media_type: { status: 415, title: 'The service does not read request bodies of this type' },
  expectation_failed: { status: 417, title: 'The service does not support the Expect header of the request' },
  anchor_without_responses: { status: 422, title: 'An anchor item has no response in the selection' },
  answer_too_large: { status: 422, title: 'The answer, or a row of it, is larger than the service sends' },
  too_many_items: { status: 422, title: 'The wide layout would have too many item columns' },
  too_many_responses: { status: 422, title: 'The selection has more responses than the service counts in memory' },
  too_many_requests: { status: 429, title: 'The client exceeds its request limit; retry after Retry-After seconds' },
  too_many_client_streams: {
    status: 429,
    title: 'The client runs its maximum number of streams; retry when one has ended',
  },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'The service failed; its log has the reason under the request id' },
  not_migrated: {
    status: 503,
    title: 'The database lacks the view attempt; run attempt-api migrate up, with --again if the view was there before',
  },
  database_unavailable: { status: 503, title: 'The database cannot be reached or refuses the work' },
  access_unavailable: {
    status: 503,
    title: 'The keys of the token issuer cannot be fetched, so the token cannot be checked; retry',
  },
  store_unavailable: { status: 503, title: 'The requested store is missing, incomplete or too far behind' },
  too_many_streams: { status: 503, title: 'The maximum number of streams is running; retry' },
  shutting_down: { status: 503, title: 'The service is shutting down; retry' },
  overloaded: { status: 503, title: 'The service is overloaded; retry' },
  too_busy: { status: 503, title: 'No database connection became free in time; retry' },
  timeout: { status: 504, title: 'The answer takes longer than the time limit of the request' },
  http_version_not_supported: { status: 505, title: 'Streams need HTTP/1.1 or later' },
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ParameterError {
  parameter: string
  /** A predicate: "must be ...". */
  message: string
}

/** An error that the client receives: `detail` explains what is wrong and what to do. */
export class ApiError extends Error {
  /** @param retryAfterS seconds until a retry is useful; a 503 without it has 5 */
  constructor(
    readonly code: ErrorCode,
    detail: string,
    readonly errors?: ParameterError[],
    readonly retryAfterS?: number,
  ) {
    super(detail)
    this.name = 'ApiError'
  }

  get status(): number {
    return errorCodes[this.code].status
  }
}

/**
 * A 400 that names one parameter.
 * @param message a predicate: "must be ..."
 */
export const invalid = (
  parameter: string,
  message: string,
  detail = `\`${parameter}\` ${message}`,
  code: 'invalid_parameter' | 'invalid_cursor' = 'invalid_parameter',
): ApiError => new ApiError(code, detail, [{ parameter, message }])

const maxQuoteLength = 100
/** An API key, or the first part of a JWT. */
const secret = /attempt_key_|eyJ[\w-]+\./

/** Characters that are not seen, or change how the text around them is shown: terminals and logs get their escapes. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu
const escaped = (character: string) =>
  character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Quotes a value of a client in a message: in double quotes, shortened, and never a key or token. */
export function quoted(value: unknown): string {
  const text = String(value)
  if (secret.test(text)) return 'a value that looks like a key or token'
  const short = text.length > maxQuoteLength ? `${text.slice(0, maxQuoteLength)}...` : text
  return JSON.stringify(short).replaceAll(invisible, escaped)
}

/** The meaning of an errno, an SQLSTATE or an error of the driver. */
export interface DatabaseFault {
  code: ErrorCode
  /** What happened, for the engineer on call. Never the driver's text, which may name a host or a role. */
  sentence?: string
  /** What to do. Callers may replace `DATABASE_URL` by the variable of the database in question. */
  fix?: string
  /** Whether the same request may succeed later without an action of an operator. */
  retryable: boolean
  /** The server processed the statement, so it is reachable. */
  reached?: true
}

const unavailable = { code: 'database_unavailable', retryable: true } as const
const retry = 'retry'
const network = 'check the host and port in DATABASE_URL, and the network'
const noRoute: DatabaseFault = {
  ...unavailable,
  sentence: 'the database cannot be reached: there is no network route to its host',
  fix: 'check the host in DATABASE_URL, and the network',
}
const tls: DatabaseFault = {
  ...unavailable,
  retryable: false,
  sentence: 'the certificate of the database is not signed by a known authority',
  fix: 'append sslrootcert=FILE to DATABASE_URL, with the certificate of that authority',
}
const closed: DatabaseFault = { ...unavailable, sentence: 'the database closed the connection', fix: retry }
const unresponsive: DatabaseFault = { ...unavailable, sentence: 'the database does not answer', fix: network }

/** By errno or SQLSTATE, or else by the class of the SQLSTATE, which is its first two characters. */
const faults: Readonly<Record<string, DatabaseFault>> = {
  ECONNREFUSED: {
    ...unavailable,
    sentence: 'the database refuses connections',
    fix: 'check the host and port in DATABASE_URL, and that PostgreSQL is running',
  },
  ENOTFOUND: {
    ...unavailable,
    sentence: 'the host name of the database is unknown',
    fix: 'check the host in DATABASE_URL',
  },
  EAI_AGAIN: {
    ...unavailable,
    sentence: 'the host name of the database cannot be resolved at the moment',
    fix: retry,
  },
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  ETIMEDOUT: unresponsive,
  ECONNRESET: closed,
  EPIPE: closed,
  CERT_HAS_EXPIRED: { ...tls, sentence: 'the certificate of the database has expired' },
  DEPTH_ZERO_SELF_SIGNED_CERT: tls,
  ERR_TLS_CERT_ALTNAME_INVALID: { ...tls, sentence: 'the certificate of the database is for another host name' },
  SELF_SIGNED_CERT_IN_CHAIN: tls,
  UNABLE_TO_GET_ISSUER_CERT: tls,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: tls,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: tls,
  '08': unavailable,
  '25006': {
    code: 'internal_error',
    retryable: false,
    sentence: 'this database can only be read: it is a standby, or a pooler keeps default_transaction_read_only = on',
    fix: 'set DATABASE_URL to the primary, or set default_transaction_read_only = off for the role (docs/poolers.md)',
  },
  '25P03': { ...unavailable, retryable: false },
  '25P04': { ...unavailable, retryable: false },
  '28': { ...unavailable, retryable: false },
  '28000': {
    ...unavailable,
    retryable: false,
    sentence: 'the database refuses the role',
    fix: "check DATABASE_URL and the server's pg_hba.conf",
  },
  '28P01': {
    ...unavailable,
    retryable: false,
    sentence: 'the database refuses the password',
    fix: 'check the user and password in DATABASE_URL',
  },
  '3D000': {
    ...unavailable,
    retryable: false,
    sentence: 'the database does not exist',
    fix: 'check the database name in DATABASE_URL',
  },
  '3F000': { ...unavailable, retryable: false },
  '40': { ...unavailable, reached: true },
  '42501': { ...unavailable, retryable: false },
  '42883': { code: 'not_migrated', retryable: false },
  '42P01': { code: 'not_migrated', retryable: false },
  '53': { ...unavailable, retryable: false },
  '53100': {
    ...unavailable,
    retryable: false,
    sentence: 'the disk of the database is full',
    fix: 'free disk space on the server',
  },
  '53200': {
    ...unavailable,
    retryable: false,
    sentence: 'the database is out of memory',
    fix: 'free memory on the server',
  },
  '53300': { ...unavailable, sentence: 'the database has no free connection', fix: retry },
  '55P03': { ...unavailable, reached: true },
  '57': { ...unavailable, retryable: false },
  '57014': {
    code: 'timeout',
    retryable: true,
    sentence: 'the database does not answer in time',
    fix: retry,
  },
  '57P01': { ...unavailable, sentence: 'the database is shutting down', fix: 'retry when it is back' },
  '57P02': { ...unavailable, sentence: 'the database crashed and is recovering', fix: retry },
  '57P03': {
    ...unavailable,
    sentence: 'the database is starting up, recovering or shutting down',
    fix: retry,
  },
  '58': { ...unavailable, retryable: false },
  XX: { ...unavailable, retryable: false },
}

/** Errors of the driver that have no code, by message. The first match counts. */
const driverFaults: readonly (readonly [RegExp, DatabaseFault])[] = [
  [/timeout exceeded when trying to connect/i, { ...unresponsive, code: 'too_busy' }],
  [/timeout expired|Query read timeout|terminated due to connection timeout/i, unresponsive],
  [
    /server does not support SSL/,
    {
      ...unavailable,
      retryable: false,
      sentence: 'the database offers no TLS',
      fix: 'enable it on the server, or leave sslmode out of DATABASE_URL',
    },
  ],
  [
    /client password must be a string/,
    {
      ...unavailable,
      retryable: false,
      sentence: 'the database asks for a password',
      fix: 'add the password to DATABASE_URL',
    },
  ],
  [/Connection terminated|connection is closed|Client has encountered a connection error/i, closed],
]

/** Codes with a different meaning while a connection is being opened. */
const whileConnecting: Readonly<Record<string, DatabaseFault>> = {
  // the socket file of a local server is missing
  ENOENT: { ...unavailable, sentence: 'nothing listens at the address of the database', fix: network },
  '55000': { ...unavailable, retryable: false, sentence: 'the server accepts no connections to this database' },
}

/** A pooler ignores the session settings, so timestamps would be in the time zone of the server. */
const pooler: DatabaseFault = {
  ...unavailable,
  sentence:
    'the database cannot be used: a pooler before it does not pass on the settings of the session (docs/poolers.md)',
}

/** The error itself; for a connection attempt to several addresses, the error of the first address. */
export function firstError(error: unknown): Error & { code?: string; detail?: string } {
  if (!(error instanceof Error)) return new Error(String(error))
  // an AggregateError, or an error of the driver that looks like one
  const [first]: unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return first instanceof Error ? first : error
}

/** The meaning of an error of the database or the connection; undefined for any other error. */
export function databaseFault(error: unknown): DatabaseFault | undefined {
  const { code = '', message } = firstError(error)
  if (code === '08P01' && /startup parameter/.test(message)) return pooler
  // an errno has no class
  const byCode = faults[code] ?? (/^[0-9A-Z]{5}$/.test(code) ? faults[code.slice(0, 2)] : undefined)
  return byCode ?? driverFaults.find(([pattern]) => pattern.test(message))?.[1]
}

const connectFailures = new WeakSet<Error>()

/**
 * Marks the error as a connection failure, so that it is never reported as an internal error. Host names, sockets,
 * certificates, roles and databases fail in more ways than the table can list.
 * @throws the error
 */
export function notConnected(error: unknown): never {
  if (error instanceof Error) connectFailures.add(error)
  throw error
}

/** The error code for an error of the driver or the network; undefined if it is a bug in the service. */
export function databaseErrorCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof ApiError) return error.code === 'timeout' || error.code === 'too_busy' ? error.code : undefined
  const code = databaseFault(error)?.code ?? (connectFailures.has(error) ? 'database_unavailable' : 'internal_error')
  return code === 'internal_error' ? undefined : code
}

/** Why a connection cannot be made, in one sentence for the engineer on call. */
export function whyUnreachable(error: unknown): string {
  const { code = '', message } = firstError(error)
  const fault =
    whileConnecting[code] ?? databaseFault(error) ?? (/timeout|timed out/i.test(message) ? unresponsive : undefined)
  return fault?.sentence ?? 'the database cannot be reached'
}
