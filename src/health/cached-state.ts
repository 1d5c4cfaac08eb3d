/**
 * A state that probes read without waiting for the database. A query competes with the queries of requests, and a
 * probe that answers late restarts a process that works. So the state is read in the background, once a second: a good
 * state is served from the cache, and a bad one is read again first, so that a probe reports a repair at once.
 */
import { atMost } from '../database/at-most.js'

export interface CachedState<T> {
  /** Begins to read in the background. */
  start(): void
  /** The state as of a second ago. Waits only for the first read. */
  get(): Promise<T>
  close(): Promise<void>
}

/** Milliseconds. */
export interface CacheIntervals {
  /** Between two reads in the background. */
  readEveryMs: number
  /** Up to this age a good state is served without another read. */
  freshMs: number
}

export const cacheIntervals: CacheIntervals = { readEveryMs: 1_000, freshMs: 1_500 }

/** Milliseconds that `get` waits for another read before it serves the state in the cache. */
const patienceMs = { good: 50, bad: 200 }

/**
 * @param read never rejects, and ends by a limit of its own, which bounds how long an old state is served
 * @param isGood whether a state may be served without another read
 * @param initial served until the first read has ended; not given: `get` waits for it
 */
export function createCachedState<T>(
  read: () => Promise<T>,
  isGood: (state: T) => boolean,
  { initial, intervals = cacheIntervals }: { initial?: T; intervals?: CacheIntervals } = {},
): CachedState<T> {
  let cached: { state: T; at: number } | undefined =
    initial === undefined ? undefined : { state: initial, at: -Infinity }
  let reading: Promise<T> | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined

  const readNow = () =>
    (reading ??= (async () => {
      // as old as the start of the read, not as its end
      const at = performance.now()
      const state = await read()
      cached = { state, at }
      return state
    })().finally(() => {
      reading = undefined
    }))

  async function readAgain(): Promise<T> {
    // a read that began before this moment may have missed a repair
    if (reading !== undefined) {
      const state = await reading
      if (closed || isGood(state)) return state
    }
    return readNow()
  }

  return {
    start() {
      timer = setInterval(() => {
        void readNow()
      }, intervals.readEveryMs)
      timer.unref()
      void readNow()
    },
    async get() {
      const before = cached
      const good = before !== undefined && isGood(before.state)
      if (good && performance.now() - before.at <= intervals.freshMs) return before.state
      // a bad first state is served as it is: with a second read, a probe of a silent server would wait twice as long
      if (before === undefined) return readNow()
      const again = await atMost(readAgain(), good ? patienceMs.good : patienceMs.bad)
      return again === undefined ? (cached ?? before).state : again.result
    },
    async close() {
      closed = true
      clearInterval(timer)
      await reading
    },
  }
}
