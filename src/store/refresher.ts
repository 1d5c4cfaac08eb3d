/**
 * Keeps the store up to date: fills it once, then takes written exams from the queue, recomputes them from the view and
 * commits the difference under a new version.
 */
import type pg from 'pg'
import { pause } from '../database/pause.js'
import { createContinuousVerification } from './continuous-verification.js'
import { createDayScheduler, type DayScheduler } from './day-scheduler.js'
import { beginEpoch } from './epochs.js'
import { rebuild } from './fill.js'
import { fillStore } from './filling.js'
import { productionIntervals, type RefresherIntervals } from './intervals.js'
import { createLeader, type Leader, type Leadership, type RefresherLog } from './leader.js'
import { refreshBatch, type RefreshedBatch } from './refresh-batch.js'
import { createRetention, defaultRetentionH } from './retention.js'
import { queueIsCurrent, StoreSchemaOutdated } from './schema-version.js'
import type { Sessions } from './sessions.js'
import type { StoreRow } from './store-row.js'
import { describeFaults, triggerFaults } from './triggers.js'

/** Events for the metrics. */
export interface RefresherEvents {
  /** This refresher became the leader (true), or no longer is (false). */
  leads(isLeader: boolean): void
  refreshed(batch: RefreshedBatch, ms: number): void
  /** A few students were compared with the view. */
  sampled(): void
}

export interface RefresherOptions {
  /** Holds exam_results, the view and the queue. */
  primaryUrl: string
  /** Holds the store; the same as `primaryUrl` or another database. */
  storeUrl: string
  log: RefresherLog
  /** Exams per batch. */
  batch?: number
  events?: RefresherEvents
  /** Ends `run` when the store is complete and the queue is empty. */
  once?: boolean
  /** Hours for which the change feed keeps deletions. */
  retentionH?: number
  intervals?: RefresherIntervals
}

export type Refresher = Leader

/** A few seconds of work: bounds the lag of the store, and what a killed process must repeat. */
const defaultBatch = 2_000

async function queueHasRows(primary: pg.ClientBase): Promise<boolean> {
  return (await primary.query('select 1 from attempt_queue limit 1')).rows.length > 0
}

/** @throws Error where the queue is missing; StoreSchemaOutdated */
async function assertQueue(primary: pg.ClientBase): Promise<void> {
  const {
    rows: [queue],
  } = await primary.query<{ exists: boolean; current: boolean }>(
    `select to_regclass('attempt_queue') is not null as exists, ${queueIsCurrent} as current`,
  )
  if (queue?.exists !== true) throw new Error('there is no queue on exam_results: run attempt-api store enable')
  if (!queue.current) throw new StoreSchemaOutdated('queue')
}

/** Constructs a refresher; `run` starts it. */
export function createRefresher({
  primaryUrl,
  storeUrl,
  log,
  events,
  batch: batchExams = defaultBatch,
  once = false,
  retentionH = defaultRetentionH,
  intervals = productionIntervals,
}: RefresherOptions): Refresher {
  const removeExpiredDeletions = createRetention(retentionH, intervals.retentionMs)
  let loggedFaults: string | undefined

  /**
   * Whether the triggers put every write into the queue. If not, marks the store for a rebuild, so that requests read
   * the view. The store is filled again when the owner of exam_results has restored the triggers.
   */
  async function checkTriggers({ primary, store }: Sessions): Promise<boolean> {
    const faults = describeFaults(await triggerFaults(primary))
    if (faults !== undefined && faults !== loggedFaults) log.error({}, faults)
    loggedFaults = faults
    if (faults === undefined) return true
    const { rows } = await store.query<Pick<StoreRow, 'state'>>('select state from attempt_store')
    if (rows[0]?.state !== 'emptying') await rebuild(store)
    if (once) throw new Error(faults)
    return false
  }

  function logBatch({ exams, students, written, deleted, version, unacknowledged }: RefreshedBatch): void {
    if (unacknowledged.students > 0)
      log.warn(
        unacknowledged,
        'the primary has no record of the last batches of the store: it lost commits, or a batch was interrupted; ' +
          'their students were recomputed',
      )
    if (students > 0) log.info({ exams, students, written, deleted, version }, 'refreshed the store')
  }

  async function loop(leadership: Leadership, days: DayScheduler): Promise<void> {
    const { sessions, signal, reportProgress } = leadership
    const verifyContinuously = createContinuousVerification(log, intervals, () => events?.sampled())
    let triggersCheckedAt = 0
    let heartbeatAt = 0
    let caughtUp = false
    await assertQueue(sessions.primary)
    await beginEpoch(sessions.store)
    while (!signal.aborted) {
      await removeExpiredDeletions(sessions.store)
      if (Date.now() - triggersCheckedAt >= intervals.triggerCheckMs) {
        if (!(await checkTriggers(sessions))) {
          await pause(intervals.electionMs, signal)
          continue
        }
        triggersCheckedAt = Date.now()
      }
      if ((await queueHasRows(sessions.primary)) || Date.now() - heartbeatAt >= intervals.heartbeatMs) {
        const began = performance.now()
        const refreshed = await refreshBatch(sessions, batchExams)
        reportProgress()
        if (refreshed === undefined) {
          // with changed triggers the queue would miss exams that are written during the fill
          if (await checkTriggers(sessions)) await fillStore(sessions, { log, intervals, signal })
          else await pause(intervals.electionMs, signal)
          continue
        }
        events?.refreshed(refreshed, performance.now() - began)
        heartbeatAt = Date.now()
        logBatch(refreshed)
        caughtUp = refreshed.queueEmptied
      }
      const dayState = await days.step(sessions, caughtUp && !once)
      if (!caughtUp) continue
      if (once && dayState === 'none') return
      await verifyContinuously(sessions)
      await pause(dayState === 'computing' ? intervals.computingMs : intervals.idleMs, signal)
    }
  }

  return createLeader({
    primaryUrl,
    storeUrl,
    log,
    intervals,
    once,
    onLeading: (isLeader) => events?.leads(isLeader),
    async work(leadership) {
      const days = createDayScheduler(leadership.storePool, log, intervals)
      await loop(leadership, days).finally(() => days.stop())
    },
  })
}
