/** The options of the log. It holds nothing that identifies a student, a key or a database. */
import type { LoggerOptions } from 'pino'

interface LoggedRequest {
  method: string
  url: string
  is404?: boolean
  routeOptions?: { url?: string | undefined }
}

/** The path as declared: the path of a request may name a student, its query a user, and an unknown path anything. */
function req({ method, url, routeOptions }: LoggedRequest) {
  return { method, path: routeOptions?.url ?? `${/^\/[a-z0-9.-]{0,20}(?=[/?]|$)/.exec(url)?.[0] ?? ''}… (no route)` }
}

/**
 * Without the message where PostgreSQL quotes values that it cannot read or store (classes 22 and 23), and without
 * detail and context, which quote them too. The error of an invalid URL holds the whole URL in `input`.
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
    // without its first lines, which are the message
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .join('\n'),
    // one for each address that was tried
    ...(Array.isArray(error.errors) ? { errors: error.errors.map((one) => one.message) } : {}),
    ...(error.cause instanceof Error ? { cause: err(error.cause) } : {}),
  }
}

/** The options of the logger, without its destination. */
export const logOptions = (level: string) => ({ level, serializers: { req, err } })

/** Only a request line has both: its message repeats what a person reads of its fields. */
const isRequestLine = (fields: object) => 'route' in fields && 'bytes' in fields

/** For a terminal: time, level and message; fields follow where the message does not repeat them. */
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
