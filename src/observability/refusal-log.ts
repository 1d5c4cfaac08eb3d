/**
 * Logs what only an operator can change as one sentence, once: without it, every retry of every part of the service
 * logs the same error with a stack.
 */
import type { LoggerOptions } from 'pino'
import { refusalOf } from '../database/refusals.js'

/** Milliseconds until the same sentence is logged again while its cause lasts. */
const repeatMs = 600_000

/** @param variableOf the configuration variable that has this URL */
export function refusalHooks(
  variableOf: (url: string) => string | undefined,
  now: () => number = Date.now,
): NonNullable<LoggerOptions['hooks']> {
  const loggedAt = new Map<string, number>()
  return {
    logMethod(args, method) {
      const [fields] = args as unknown[]
      const error = typeof fields === 'object' && fields !== null && 'err' in fields ? fields.err : undefined
      const refusal = error === undefined ? undefined : refusalOf(error)
      if (refusal === undefined) {
        method.apply(this, args)
        return
      }
      const { sentence, url } = refusal
      const variable = url === undefined ? undefined : variableOf(url)
      const line = `${variable === undefined ? '' : `${variable}: `}${sentence}`
      if (now() - (loggedAt.get(line) ?? -Infinity) < repeatMs) return
      loggedAt.set(line, now())
      const { code } = error as { code?: unknown }
      this.error({ ...(code === undefined ? {} : { code }) }, line)
    },
  }
}
