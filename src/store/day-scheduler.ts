/** Computes stale days one after another, in parallel with batches. While no day is stale, it compares stored days. */
import type pg from 'pg'
import { abandon } from '../database/cancel.js'
import { guardSession } from '../database/session-guard.js'
import { type ComparedDay, compareNextDay, invalidateDay } from './day-comparison.js'
import { type ComputedDay, computeDay, staleDays, writeDay } from './day-kpis.js'
import type { RefresherIntervals } from './intervals.js'
import type { RefresherLog } from './leader.js'
import type { Sessions } from './sessions.js'

export interface DayScheduler {
  /**
   * Called between batches: writes the computed day, and begins to compute the next stale day. If none is due and
   * `compare` is true, begins to compare a day.
   * @returns computing: a day is being computed. waiting: every stale day is postponed. none: no day is stale
   */
  step(sessions: Sessions, compare: boolean): Promise<'computing' | 'waiting' | 'none'>
  /** Cancels the running computation and closes its session. */
  stop(): Promise<void>
}

/** A date within the last year. */
const randomDate = () => new Date(Date.now() - Math.random() * 365 * 86_400_000).toISOString().slice(0, 10)

/** @param pool of the store's database; the scheduler uses one session of it */
export function createDayScheduler(pool: pg.Pool, log: RefresherLog, intervals: RefresherIntervals): DayScheduler {
  /**
   * Days not to compute before `until`: the last computation was slow, failed, or a batch changed the day meanwhile.
   */
  const postponed = new Map<string, { until: number; failures: number }>()
  let running: Promise<void> | undefined
  let comparing = false
  let stopping = false
  let computed: ComputedDay | undefined
  let different: ComparedDay | undefined
  // a random start: if each leader began with the first day, short-lived leaders would never compare the last ones
  let comparedUpTo: string | null = randomDate()
  let compareAt = 0
  let client: pg.PoolClient | undefined
  let endGuard = () => {}

  async function session(): Promise<pg.PoolClient> {
    if (client === undefined) {
      client = await pool.connect()
      endGuard = await guardSession(pool, client, intervals.sessionCheckMs)
    }
    // `stop` was called while this session was being opened, and could not close it
    if (stopping) throw new Error('stopping')
    return client
  }

  function closeSession(): void {
    endGuard()
    client?.release(true)
    client = undefined
  }

  /** @param ms that the last computation took */
  function postpone(date: string, ms: number, failures: number): void {
    const wait = ms * (1 / intervals.dayComputeShare - 1) * 2 ** failures
    postponed.set(date, { until: Date.now() + Math.min(intervals.longestDayWaitMs, wait), failures })
  }

  async function compute(date: string): Promise<void> {
    const began = performance.now()
    try {
      computed = await computeDay(await session(), date)
      if (computed === undefined) postpone(date, performance.now() - began, 0)
    } catch (error) {
      closeSession()
      if (stopping) return
      postponed.set(date, { until: Date.now() + intervals.dayRetryMs, failures: 0 })
      log.warn({ err: error, date }, 'the KPIs of a day could not be computed; retrying')
    }
  }

  async function compareNext(): Promise<void> {
    const began = performance.now()
    try {
      const compared = await compareNextDay(await session(), comparedUpTo)
      comparedUpTo = compared?.date ?? null
      if (compared?.differs === true) different = compared
    } catch (error) {
      closeSession()
      if (!stopping) log.warn({ err: error }, 'the KPIs of a day could not be compared; retrying')
    }
    const took = performance.now() - began
    compareAt = Date.now() + Math.max(intervals.dayComparisonMs, took * (1 / intervals.dayComparisonShare - 1))
  }

  async function writeComputed(store: pg.ClientBase, day: ComputedDay): Promise<void> {
    const failures = (await writeDay(store, day)) ? 0 : (postponed.get(day.date)?.failures ?? 0) + 1
    postpone(day.date, day.ms, failures)
  }

  /** The latest stale day that is not postponed. */
  function nextDue(stale: string[]): string | undefined {
    const now = Date.now()
    for (const [date, { until }] of postponed) if (until < now && !stale.includes(date)) postponed.delete(date)
    return stale.find((date) => (postponed.get(date)?.until ?? 0) <= now)
  }

  function run(work: Promise<void>): void {
    running = work.finally(() => {
      running = undefined
    })
  }

  return {
    async step(sessions, compare) {
      if (computed !== undefined) {
        const day = computed
        computed = undefined
        await writeComputed(sessions.store, day)
      }
      if (different !== undefined) {
        const day = different
        different = undefined
        if (await invalidateDay(sessions, day))
          log.error({ date: day.date }, 'the KPIs of a day differed from the rows of the store; recomputing them')
      }
      if (running !== undefined) return comparing ? 'none' : 'computing'
      const stale = await staleDays(sessions.store)
      const next = nextDue(stale)
      comparing = next === undefined
      if (next !== undefined) run(compute(next))
      else if (compare && stale.length === 0 && Date.now() >= compareAt) run(compareNext())
      return next !== undefined ? 'computing' : stale.length > 0 ? 'waiting' : 'none'
    },
    async stop() {
      stopping = true
      if (running !== undefined && client !== undefined) abandon(client)
      await running
      closeSession()
    },
  }
}
