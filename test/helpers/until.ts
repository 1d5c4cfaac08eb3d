/** Waiting in tests: for a state wherever there is one to look at, for a time only where the time itself is tested. */
import { inspect } from 'node:util'

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

export interface Patience {
  /** What is waited for, as a clause that is true at the end: `the store is filled`. */
  message?: string
  /** Far more than it takes: a busy machine is no failure. */
  seconds?: number
  everyMs?: number
}

/**
 * Waits until the condition gives something truthy.
 * @returns what it gave
 * @throws Error with the message and the last value where it did not come in time; whatever the condition throws
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  patience: string | Patience = {},
): Promise<Exclude<T, false | undefined | null>> {
  const options = typeof patience === 'string' ? { message: patience } : patience
  const { message = String(condition), seconds = 120, everyMs = 20 } = options
  const end = Date.now() + seconds * 1000
  for (;;) {
    const value = await condition()
    if (value) return value as Exclude<T, false | undefined | null>
    if (Date.now() > end) throw new Error(`Not within ${seconds} s: ${message}; at last: ${inspect(value)}`)
    await sleep(everyMs)
  }
}
