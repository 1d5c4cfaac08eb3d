/** Every error code of the service, with its status and meaning; one table from SQLSTATE to code. */

export const errorCodes = {
  invalid_parameter: { status: 400, title: 'A parameter is malformed, unknown, repeated or out of range' },
  invalid_cursor: { status: 400, title: 'The cursor is damaged, or belongs to other filters or another order' },
  bad_request: { status: 400, title: 'The request could not be read' },
  unauthenticated: { status: 401, title: 'The request has no key or token, or one that is not accepted' },
  insufficient_scope: { status: 403, title: 'The key or token does not have the scope that this needs' },
  not_found: { status: 404, title: 'There is nothing at this path' },
  student_not_found: { status: 404, title: 'The student has no attempt' },
  method_not_allowed: { status: 405, title: 'The path exists, but not with this method' },
  not_acceptable: { status: 406, title: 'The representation that was asked for is not available here' },
  request_timeout: { status: 408, title: 'The request did not come in whole in time' },
  changes_expired: {
    status: 410,
    title: 'The changes since this token are not to be had any more, or never were here: begin anew',
  },
  payload_too_large: { status: 413, title: 'The request is too large' },
  uri_too_long: { status: 414, title: 'The URL or a part of its path is too long' },
  unsupported_media_type: { status: 415, title: 'The request body is of a type that is not read here' },
  expectation_failed: { status: 417, title: 'The request expects what this service does not do' },
  anchor_without_responses: { status: 422, title: 'An anchor item has no response in the selection' },
  too_many_items: { status: 422, title: 'The layout wide would have more columns than it may' },
  too_many_responses: { status: 422, title: 'The selection has more responses than are counted in memory' },
  too_many_requests: { status: 429, title: 'The client has asked more often than it may; try again after Retry-After' },
  headers_too_large: { status: 431, title: 'The headers of the request are too large' },
  http_version_not_supported: { status: 505, title: 'Streams need HTTP/1.1 or newer' },
  internal_error: { status: 500, title: 'The service failed; the log has the reason under the request id' },
  not_migrated: {
    status: 503,
    title: 'The database lacks the view attempt: run attempt-api migrate up, with --again where it was there before',
  },
  database_unavailable: { status: 503, title: 'The database cannot be reached or refused the work; try again' },
  access_unavailable: {
    status: 503,
    title: 'Whether the token is good cannot be told, because the keys of its issuer cannot be fetched; try again',
  },
  store_unavailable: { status: 503, title: 'The store that was asked for is not there, not whole or too far behind' },
  too_many_streams: { status: 503, title: 'As many streams run as may run at a time; try again' },
  shutting_down: { status: 503, title: 'The service is shutting down; try again, another one answers' },
  overloaded: { status: 503, title: 'The service has more to do than it can; try again' },
  too_busy: { status: 503, title: 'No database connection became free in time; try again' },
  timeout: {
    status: 504,
    title: 'The answer took longer than a request of its kind may take, or than it asked for with Prefer: wait',
  },
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ParameterError {
  parameter: string
  message: string
}

/** An error that a client is meant to see: `detail` says what to change. */
export class ApiError extends Error {
  /** @param retryAfterS seconds after which it is worth to ask again; 503 without it says 5 */
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

/** A 400 that names one parameter. */
export const invalid = (parameter: string, message: string): ApiError =>
  new ApiError('invalid_parameter', `${parameter}: ${message}`, [{ parameter, message }])

const connectionErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

const connectFailures = new WeakSet<Error>()

/** Of what keeps a connection from being made (names, sockets, certificates, roles, databases) there is no end: none of it is our mistake. */
export function notConnected(error: unknown): never {
  if (error instanceof Error) connectFailures.add(error)
  throw error
}

/** The error code for what pg or the network threw; undefined where it is our own mistake. */
export function databaseErrorCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof ApiError) return error.code === 'timeout' || error.code === 'too_busy' ? error.code : undefined
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') {
    if (connectionErrors.has(code)) return 'database_unavailable'
    if (code === '57014') return 'timeout'
    if (code === '42P01' || code === '42883') return 'not_migrated'
    // connection, authorization, resources, operator intervention, system, standby conflict, sessions ended by the role's own limits
    if (/^(08|28|53|57|58|XX|40|25P03|25P04)/.test(code) || code === '42501' || code === '55P03')
      return 'database_unavailable'
  }
  if (error.message.includes('timeout exceeded when trying to connect')) return 'too_busy'
  if (
    /Connection terminated|connection is closed|Client has encountered a connection error|Query read timeout/i.test(
      error.message,
    )
  )
    return 'database_unavailable'
  return connectFailures.has(error) ? 'database_unavailable' : undefined
}

const unreachable: Record<string, string> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'the name of its host is not known',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its host',
  ECONNRESET: 'it closed the connection',
  ETIMEDOUT: 'it does not answer',
  '57P03': 'it is starting up, recovering or shutting down',
  '57P01': 'it is shutting down',
  '57P02': 'it crashed',
  '57014': 'it does not answer in time',
  '53300': 'it has no connection left',
  '53100': 'its disk is full',
  '53200': 'it is out of memory',
  '28P01': 'it refuses the password',
  '28000': 'it refuses the role',
  '3D000': 'there is no such database on the server',
  '55000': 'it takes no connections to this database',
  ENOENT: 'nothing listens at its address',
}

/** A pooler between that does not pass on what the sessions set: without that, timestamps would be in its time zone. */
export const refusedSettings = 'a pooler before it does not pass on the settings of the session (docs/poolers.md)'

/** In a sentence for the engineer on call, in words of ours: the text of pg may name a host or a role. */
export function whyUnreachable(error: unknown): string {
  const { code, message = '' } = (error ?? {}) as { code?: string; message?: string }
  const known =
    code === undefined
      ? undefined
      : code === '08P01' && /startup parameter/.test(message)
        ? refusedSettings
        : unreachable[code]
  const why =
    known ??
    (/timeout|timed out/i.test(message)
      ? 'it does not answer'
      : /terminated/i.test(message)
        ? 'it closed the connection'
        : undefined)
  return `the database cannot be reached${why === undefined ? '' : `: ${why}`}`
}
