/** How a command fails: one sentence without a secret, and whether a retry can help. */

const byCode: Record<string, string> = {
  ECONNREFUSED:
    'the database refuses connections: check the host and port in DATABASE_URL, and that PostgreSQL is running',
  ENOTFOUND: 'the host in DATABASE_URL is unknown: check its name',
  EAI_AGAIN: 'the host in DATABASE_URL cannot be resolved at the moment: retry',
  ETIMEDOUT: 'the database does not answer: check the host and port in DATABASE_URL, and the network',
  EHOSTUNREACH: 'the host in DATABASE_URL cannot be reached: check it, and the network',
  ENETUNREACH: 'the host in DATABASE_URL cannot be reached: check it, and the network',
  ECONNRESET: 'the connection to the database was lost: retry',
  EPIPE: 'the connection to the database was lost: retry',
  '28P01': 'the database refuses the password: check the user and password in DATABASE_URL',
  '28000': "the database refuses this user: check DATABASE_URL and the server's pg_hba.conf",
  '3D000': 'the database does not exist: check the database name in DATABASE_URL',
  '53300': 'the database has no free connection: retry',
  '57P01': 'the database is shutting down: retry when it is back',
  '57P02': 'the database crashed and is recovering: retry',
  '57P03': 'the database is starting or recovering: retry',
  '25006': 'this database is read-only, such as a standby: set DATABASE_URL to the primary',
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'EPIPE',
  '53300',
  '57P01',
  '57P02',
  '57P03',
  '57014',
])
const timedOut = /timeout expired|timeout exceeded|Query read timeout|terminated due to connection timeout/i
const connectionLost = /Connection terminated|Client has encountered a connection error/i

/** The error itself, or the first of those of the addresses that a connection tried. */
const first = (error: unknown): Error & { code?: string; detail?: string } => {
  const { errors } = error as { errors?: unknown[] }
  return (errors?.[0] ?? error) as Error & { code?: string; detail?: string }
}

/** Whether the database could not be reached: its state is unknown, and a retry may help. */
export function isUnreachable(error: unknown): boolean {
  const { code = '', message = '' } = first(error)
  return unreachable.has(code) || code.startsWith('08') || timedOut.test(message) || connectionLost.test(message)
}

/**
 * Whether the database denies access: a wrong password, a missing privilege, or no such database. Its state is unknown,
 * and a retry does not help.
 */
export const isAccessDenied = (error: unknown): boolean => /^(28...|3D000|42501)$/.test(first(error).code ?? '')

/** The configuration variable that names a database. */
export type Variable = 'DATABASE_URL' | 'STORE_DATABASE_URL'

/** The same error with the variable of the database it came from. */
export const withVariable = (variable: Variable, error: unknown): Error => Object.assign(error as Error, { variable })

/** The same error with the exit code it ends the command with. */
export const withExitCode = (exitCode: number, error: unknown): Error => Object.assign(error as Error, { exitCode })

/** The exit code of an error; 1 without one of its own. */
export const exitCodeOf = (error: unknown): number => (error as { exitCode?: number }).exitCode ?? 1

/** Replaces user and password of every URL, and the passwords of `urls` in any spelling, by asterisks. */
export function withoutSecrets(text: string, urls: readonly (string | undefined)[] = []): string {
  let hidden = text.replace(/(\w+:\/\/)[^\s/]*@/g, '$1***@').replace(/(password=)[^\s&]+/gi, '$1***')
  for (const url of urls) {
    const [, password] = /^\w+:\/\/[^:@/]*:([^/]*)@/.exec(url ?? '') ?? []
    let plain = password
    try {
      plain = decodeURIComponent(password ?? '')
    } catch {
      /* not percent-encoded: as it is written */
    }
    for (const secret of [password, plain])
      if (secret !== undefined && secret.length > 3) hidden = hidden.replaceAll(secret, '***')
  }
  return hidden
}

/** The error in one line, which may still hold a secret. */
export function describeFailure(error: unknown): string {
  const { code = '', message = '', detail = '' } = first(error)
  const known =
    byCode[code] ??
    (timedOut.test(message)
      ? 'the database does not answer: check the network and the server, then retry'
      : connectionLost.test(message)
        ? 'the connection to the database was lost: retry'
        : undefined)
  if (known !== undefined)
    return known.replaceAll('DATABASE_URL', (error as { variable?: Variable }).variable ?? 'DATABASE_URL')
  if (code === '2BP01')
    return `${message} (${detail.replaceAll(/\s*\n\s*/g, ', ')}): drop the objects that depend on it first`
  if (code === '42501') return `${message}: use a database role with this privilege (docs/access.md, roles)`
  return (message === '' ? String(error) : message).replaceAll(/\s*\n\s*/g, ' ')
}

/** The same error, its message without the secrets of these URLs. */
export function scrubbed(error: unknown, urls: readonly (string | undefined)[]): unknown {
  for (const one of [error, first(error)]) if (one instanceof Error) one.message = withoutSecrets(one.message, urls)
  return error
}
