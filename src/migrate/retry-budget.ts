/** How long a runner waits for what others hold, and how it says that this was not enough. */

/** Milliseconds that one try waits for locks, all together: so long, at most, others queue behind it. */
export const lockTimeoutMs = 2_000

/** Somebody held what was needed for longer than the runner was told to wait; nothing was changed. */
export class LockTimeout extends Error {}

/** Seen from the outside, whoever waits gives way: the pauses are longer than the tries, and no two runners keep step. */
export function createRetryBudget(waitMs: number) {
  const end = Date.now() + waitMs
  const left = () => Math.max(0, end - Date.now())
  return {
    left,
    over: () => left() === 0,
    /** Waits before try number `turn` + 2, growing up to `mostMs`, with jitter, and never beyond the end. */
    async pause(turn: number, firstMs: number, mostMs: number): Promise<void> {
      const ms = Math.min(firstMs * 1.6 ** turn, mostMs) * (0.5 + Math.random())
      await new Promise((done) => setTimeout(done, Math.min(ms, left())))
    },
  }
}

/** Whether the error says that a lock was not to be had, and that it may be later: a timeout or a deadlock. */
export const isLockFailure = (error: unknown): boolean =>
  ['55P03', '40P01'].includes((error as { code?: string }).code ?? '')
