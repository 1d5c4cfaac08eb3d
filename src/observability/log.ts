/** Options of the log. It contains nothing that identifies a student, a key or a database. */
import type { LoggerOptions } from 'pino'

interface LoggedRequest {
  method: string
  url: string
  is404?: boolean
  routeOptions?: { url?: string | undefined }
}

/** Logs the route instead of the URL: path and query may name a student or user, and an unknown path anything. */
function req({ method, url, routeOptions }: LoggedRequest) {
  return { method, path: routeOptions?.url ?? `${/^\/[a-z0-9.-]{0,20}(?=[/?]|$)/.exec(url)?.[0] ?? ''}… (no route)` }
}

/**
 * Logs an error without data. In SQLSTATE classes 22 and 23 PostgreSQL quotes values in the message, so it is left out.
 * Detail, context and other members are never logged: they may quote values, and `input` has the whole of an invalid
 * URL.
 */
function err(error: Error & { code?: unknown; severity?: string; errors?: Error[] }): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, severity } = error
  const quotes = typeof code === 'string' && /^2[23]...$/.test(code)
  return {
    type: error.name,
    message: quotes ? '(left out: it may quote values)' : error.message,
    ...(code === undefined ? {} : { code }),
    ...(severity === undefined ? {} : { severity }),
    // without the first lines, which repeat the message
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n'),
    // one error for each address of the host
    ...(Array.isArray(error.errors) ? { errors: error.errors.map(({ message }) => message) } : {}),
    ...(error.cause instanceof Error ? { cause: err(error.cause) } : {}),
  }
}

/** The options of the logger, without its destination. */
export const logOptions = (level: string) => ({ level, serializers: { req, err } })

/** Only a request line has both fields. Its message already contains what a person needs of the fields. */
const isRequestLine = (fields: object) => 'route' in fields && 'bytes' in fields

/** For a terminal: time, level, message, and the fields that the message does not repeat. */
export const terminalLog: Pick<LoggerOptions, 'formatters' | 'transport'> = {
  formatters: { log: (fields) => (isRequestLine(fields) ? {} : fields) },
  transport: {
    target: 'pino-pretty',
    options: {
      singleLine: true,
      ignore: 'pid,hostname,request_id,trace_id,span_id,parent_span_id,trace_flags',
      translateTime: 'SYS:HH:MM:ss.l',
    },
  },
}
