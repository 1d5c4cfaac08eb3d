/** How a command fails: one sentence without a secret, and whether it is worth trying again. */
import { databaseFault, firstError as first } from '../errors.js'

/** Whether the database could not be asked: nothing is known of it, and asking again may help. */
export function couldNotAsk(error: unknown): boolean {
  const fault = databaseFault(error)
  return fault?.retryable === true && fault.reached !== true
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
  const fault = databaseFault(error)
  if (fault?.sentence !== undefined)
    return `${fault.sentence}${fault.fix === undefined ? '' : `: ${fault.fix}`}`.replaceAll(
      'DATABASE_URL',
      (error as { variable?: Variable }).variable ?? 'DATABASE_URL',
    )
  const { code = '', message, detail = '' } = first(error)
  if (code === '2BP01') return `${message} (${detail.replaceAll(/\s*\n\s*/g, ', ')}): drop what depends on it first`
  if (code === '42501') return `${message}: use a role that may do this (README, roles)`
  return (message === '' ? String(error) : message).replaceAll(/\s*\n\s*/g, ' ')
}

/** The same error, which names no secret of these URLs any more. */
export function scrubbed(error: unknown, urls: readonly (string | undefined)[]): unknown {
  for (const one of [error, first(error)]) if (one instanceof Error) one.message = withoutSecrets(one.message, urls)
  return error
}
