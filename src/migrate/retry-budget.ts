/** How long a runner waits for locks that other sessions hold, and how it reports that this was not enough. */

/** Milliseconds that one try waits for locks in total. Other sessions queue behind the runner for no longer. */
export const lockTimeoutMs = 2_000

/** A lock was not available in the time that the runner may wait; nothing was changed. A retry may succeed. */
export class LockTimeout extends Error {}

export interface RetryBudget {
  /** Whether the time is used up. */
  over(): boolean
  /** Waits before try number `turn` + 2: longer each time, up to `mostMs`, with jitter, and never past the end. */
  pause(turn: number, firstMs: number, mostMs: number): Promise<void>
}

/**
 * @param waitMs milliseconds for all tries and pauses. The pauses grow longer than the tries, so that other sessions go
 *   first, and vary, so that two runners do not retry at the same moments
 */
export function createRetryBudget(waitMs: number): RetryBudget {
  const end = Date.now() + waitMs
  const left = () => Math.max(0, end - Date.now())
  return {
    over: () => left() === 0,
    async pause(turn, firstMs, mostMs) {
      const ms = Math.min(firstMs * 1.6 ** turn, mostMs) * (0.5 + Math.random())
      await new Promise((done) => setTimeout(done, Math.min(ms, left())))
    },
  }
}

/** Whether the error is a lock timeout or a deadlock, so that a retry may succeed. */
export const isLockFailure = (error: unknown): boolean =>
  ['55P03', '40P01'].includes((error as { code?: string }).code ?? '')
