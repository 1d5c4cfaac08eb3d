/**
 * What probes answer from. A question to a database shares its processors with everybody's answers, and a probe that is
 * late restarts a process that works; so the question is asked once a second beside the probes. Good news is told as it
 * was a moment ago. Bad news is asked for again first, so that whoever mended something is told so at once.
 */
import { atMost } from '../database/at-most.js'

export interface CachedState<T> {
  /** Late only before the first question has its answer. */
  get(): Promise<T>
  close(): Promise<void>
}

const askEveryMs = 1_000
/** Good news of so long ago needs no new question. */
const freshMs = 1_500
/** How long a new question is waited for, before what is known is told. */
const patienceMs = { good: 50, bad: 200 }

/**
 * @param ask never rejects; ends by a limit of its own, which bounds how long something that is over is told
 * @param good whether a state may be told again without a new question
 * @param first is told until there is an answer, so that nobody waits for the first either
 */
export function createCachedState<T>(ask: () => Promise<T>, good: (state: T) => boolean, first?: T): CachedState<T> {
  let known: { state: T; at: number } | undefined = first === undefined ? undefined : { state: first, at: -Infinity }
  let asking: Promise<T> | undefined
  let closed = false
  const look = () =>
    (asking ??= (async () => {
      // as old as the question, not as its answer
      const at = performance.now()
      const state = await ask()
      known = { state, at }
      return state
    })().finally(() => {
      asking = undefined
    }))
  const timer = setInterval(() => {
    void look()
  }, askEveryMs)
  timer.unref()
  void look()

  async function lookAgain(): Promise<T> {
    // what was asked before this moment may not have seen what was mended since
    if (asking !== undefined) {
      const state = await asking
      if (closed || good(state)) return state
    }
    return look()
  }

  return {
    async get() {
      const before = known
      const fine = before !== undefined && good(before.state)
      if (fine && performance.now() - before.at <= freshMs) return before.state
      // the first answer as it is: asked again, a silent server would have everybody wait twice
      if (before === undefined) return look()
      const given = await atMost(lookAgain(), fine ? patienceMs.good : patienceMs.bad)
      return given === undefined ? (known ?? before).state : given.result
    },
    async close() {
      closed = true
      clearInterval(timer)
      await asking
    },
  }
}
