import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds of doing nothing, or until the signal; never rejects. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
