/** What the log says of requests and errors: nothing by which a student, a key or a database is to be had. */

interface LoggedRequest {
  method: string
  url: string
  is404?: boolean
  routeOptions?: { url?: string | undefined }
}

/** The route's template: a path may name a student, a query a user, and an unknown path anything. */
function req({ method, url, routeOptions }: LoggedRequest) {
  return { method, path: routeOptions?.url ?? `${/^\/[a-z0-9.-]{0,20}(?=[/?]|$)/.exec(url)?.[0] ?? ''}… (no route)` }
}

/** PostgreSQL quotes the values that it cannot read or store (classes 22 and 23), as detail and context do; the error of a URL holds it whole. */
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

/** The options of the logger, but for where it writes. */
export const logOptions = (level: string) => ({ level, serializers: { req, err } })
