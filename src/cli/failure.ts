/** How a command fails: one sentence without a secret, and whether a retry can help. */
import { databaseFault, firstError as first } from '../errors.js'

/** Whether the database could not be reached: its state is unknown, and a retry may help. */
export function isUnreachable(error: unknown): boolean {
  const fault = databaseFault(error)
  return fault?.retryable === true && fault.reached !== true
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
  const fault = databaseFault(error)
  if (fault?.sentence !== undefined)
    return `${fault.sentence}${fault.fix === undefined ? '' : `: ${fault.fix}`}`.replaceAll(
      'DATABASE_URL',
      (error as { variable?: Variable }).variable ?? 'DATABASE_URL',
    )
  const { code = '', message, detail = '' } = first(error)
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
