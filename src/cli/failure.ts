/** How a command fails: one sentence without a secret, and whether it is worth trying again. */

const byCode: Record<string, string> = {
  ECONNREFUSED: 'the database refuses the connection: check host and port of DATABASE_URL, and that the server runs',
  ENOTFOUND: 'the host of DATABASE_URL is not known: check it',
  EAI_AGAIN: 'the host of DATABASE_URL cannot be looked up now: try again',
  ETIMEDOUT: 'the database does not answer: check host and port of DATABASE_URL, and the network',
  EHOSTUNREACH: 'the host of DATABASE_URL cannot be reached: check it, and the network',
  ENETUNREACH: 'the host of DATABASE_URL cannot be reached: check it, and the network',
  ECONNRESET: 'the connection to the database was cut: try again',
  EPIPE: 'the connection to the database was cut: try again',
  '28P01': 'the database refuses the password: check user and password of DATABASE_URL',
  '28000': "the database refuses this user: check DATABASE_URL and the server's pg_hba.conf",
  '3D000': 'there is no such database: check the name in DATABASE_URL',
  '53300': 'the database has no connection left: try again',
  '57P01': 'the database is being stopped: try again when it is back',
  '57P02': 'the database has crashed and recovers: try again',
  '57P03': 'the database is starting or recovering: try again',
  '25006': 'this database can only be read, as a standby: give the primary in DATABASE_URL',
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
const silent = /timeout expired|timeout exceeded|Query read timeout|terminated due to connection timeout/i
const cut = /Connection terminated|Client has encountered a connection error/i

/** The error itself, or the first of those of the addresses that a connection tried. */
const first = (error: unknown): Error & { code?: string } => {
  const { errors } = error as { errors?: unknown[] }
  return (errors?.[0] ?? error) as Error & { code?: string }
}

/** Whether the database could not be asked: nothing is known of it, and asking again may help. */
export function couldNotAsk(error: unknown): boolean {
  const { code = '', message = '' } = first(error)
  return unreachable.has(code) || code.startsWith('08') || silent.test(message) || cut.test(message)
}

/** Whether the database refuses whoever asks: a password, a role, a right, or there is no such database. Nothing is known of it, and asking again does not help. */
export const refusesRole = (error: unknown): boolean => /^(28...|3D000|42501)$/.test(first(error).code ?? '')

/** The variable that leads to a database. */
export type Variable = 'DATABASE_URL' | 'STORE_DATABASE_URL'

/** The error, which knows whose database it came from. */
export const withVariable = (variable: Variable, error: unknown): Error => Object.assign(error as Error, { variable })

/** Hides user and password of every URL, and the passwords that are known, however they are written. */
export function withoutSecrets(text: string, urls: readonly (string | undefined)[] = []): string {
  let hidden = text.replace(/(\w+:\/\/)[^\s/]*@/g, '$1***@').replace(/(password=)[^\s&]+/gi, '$1***')
  for (const url of urls) {
    const [, password] = /^\w+:\/\/[^:@/]*:([^/]*)@/.exec(url ?? '') ?? []
    let plain = password
    try {
      plain = decodeURIComponent(password ?? '')
    } catch {
      /* as it is written, then */
    }
    for (const secret of [password, plain])
      if (secret !== undefined && secret.length > 3) hidden = hidden.replaceAll(secret, '***')
  }
  return hidden
}

/** The error in one line. */
export function sentenceOf(error: unknown): string {
  const { code = '', message = '' } = first(error)
  const known =
    byCode[code] ??
    (silent.test(message)
      ? 'the database does not answer: check the network and the server, and try again'
      : cut.test(message)
        ? 'the connection to the database was cut: try again'
        : undefined)
  if (known !== undefined)
    return known.replaceAll('DATABASE_URL', (error as { variable?: Variable }).variable ?? 'DATABASE_URL')
  const { detail = '' } = first(error) as { detail?: string }
  if (code === '2BP01') return `${message} (${detail.replaceAll(/\s*\n\s*/g, ', ')}): drop what depends on it first`
  if (code === '42501') return `${message}: use a role that may do this (README, roles)`
  return (message === '' ? String(error) : message).replaceAll(/\s*\n\s*/g, ' ')
}

/** The same error, which names no secret of these URLs any more. */
export function scrubbed(error: unknown, urls: readonly (string | undefined)[]): unknown {
  for (const one of [error, first(error)]) if (one instanceof Error) one.message = withoutSecrets(one.message, urls)
  return error
}
