/**
 * A cached state, so that probes do not wait for the database. A query of a probe competes with the queries of
 * requests, and a platform restarts a process whose probe answers late. So the state is read in the background, once a
 * second. A good state is served from the cache. A bad state is read again first, so that a probe reports a repair at
 * once.
 */
import { atMost } from '../database/at-most.js'

export interface CachedState<T> {
  /** Begins to read in the background. */
  start(): void
  /** The cached state. Waits for the first read, and otherwise at most `patienceMs`. */
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

/** Milliseconds that `get` waits for a new read before it serves the cached state. */
const patienceMs = { good: 50, bad: 200 }

/**
 * @param read must not reject, and must have its own time limit, which bounds the age of the cached state
 * @param isGood whether a state may be served without a new read
 * @param initial served until the first read has ended; without it, `get` waits for the first read
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
      // the age of a state counts from the start of its read
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
      const current = cached
      const good = current !== undefined && isGood(current.state)
      if (good && performance.now() - current.at <= intervals.freshMs) return current.state
      // a bad first state is served at once: with a second read, a probe would wait twice for a server that is down
      if (current === undefined) return readNow()
      const newer = await atMost(readAgain(), good ? patienceMs.good : patienceMs.bad)
      return newer === undefined ? (cached ?? current).state : newer.result
    },
    async close() {
      closed = true
      clearInterval(timer)
      await reading
    },
  }
}
