/** Every error code of the service, with its status and meaning; one table from SQLSTATE to code. */

export const errorCodes = {
  invalid_parameter: { status: 400, title: 'A parameter is malformed, unknown, repeated or out of range' },
  invalid_cursor: { status: 400, title: 'The cursor is damaged, or belongs to other filters or another order' },
  bad_request: { status: 400, title: 'The request could not be read' },
  not_found: { status: 404, title: 'There is nothing at this path' },
  student_not_found: { status: 404, title: 'The student has no attempt' },
  method_not_allowed: { status: 405, title: 'The path exists, but not with this method' },
  not_acceptable: { status: 406, title: 'The representation that was asked for is not available here' },
  changes_expired: { status: 410, title: 'The changes since this token are not to be had any more, or never were here: begin anew' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  uri_too_long: { status: 414, title: 'The path parameter is too long' },
  unsupported_media_type: { status: 415, title: 'The request body is of a type that is not read here' },
  anchor_without_responses: { status: 422, title: 'An anchor item has no response in the selection' },
  too_many_items: { status: 422, title: 'The layout wide would have more columns than it may' },
  too_many_responses: { status: 422, title: 'The selection has more responses than are counted in memory' },
  http_version_not_supported: { status: 505, title: 'Streams need HTTP/1.1 or newer' },
  internal_error: { status: 500, title: 'The service failed; the log has the reason under the request id' },
  not_migrated: { status: 503, title: 'The database lacks the view attempt: run attempt-api migrate up' },
  database_unavailable: { status: 503, title: 'The database cannot be reached or refused the work; try again' },
  store_unavailable: { status: 503, title: 'The store that was asked for is not there, not whole or too far behind' },
  too_many_streams: { status: 503, title: 'As many streams run as may run at a time; try again' },
  too_busy: { status: 503, title: 'No database connection became free in time; try again' },
  timeout: { status: 504, title: 'The database took longer than the time that a request may take' },
} as const

export type ErrorCode = keyof typeof errorCodes

export interface ParameterError { parameter: string; message: string }

/** An error that a client is meant to see: `detail` says what to change. */
export class ApiError extends Error {
  constructor(readonly code: ErrorCode, detail: string, readonly errors?: ParameterError[]) {
    super(detail)
    this.name = 'ApiError'
  }

  get status(): number { return errorCodes[this.code].status }
}

/** A 400 that names one parameter. */
export const invalid = (parameter: string, message: string): ApiError =>
  new ApiError('invalid_parameter', `${parameter}: ${message}`, [{ parameter, message }])

const connectionErrors = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** The error code for what pg or the network threw; undefined where it is our own mistake. */
export function databaseErrorCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error)) return undefined
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') {
    if (connectionErrors.has(code)) return 'database_unavailable'
    if (code === '57014') return 'timeout'
    if (code === '42P01' || code === '42883') return 'not_migrated'
    // connection, authorization, resources, operator intervention, system, standby conflict
    if (/^(08|28|53|57|58|XX|40)/.test(code) || code === '42501' || code === '55P03') return 'database_unavailable'
    return undefined
  }
  if (error.message.includes('timeout exceeded when trying to connect')) return 'too_busy'
  if (/Connection terminated|connection is closed|Client has encountered a connection error|Query read timeout/i.test(error.message)) return 'database_unavailable'
  return undefined
}
