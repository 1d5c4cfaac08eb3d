/**
 * Keeps the store up to date: fills it once, then takes written exams from the queue, recomputes them from the view and
 * commits the difference under a new version.
 */
import type pg from 'pg'
import { pause } from '../database/pause.js'
import { acknowledgedVersion } from './acknowledgement.js'
import { createContinuousVerification } from './continuous-verification.js'
import { createDayScheduler, type DayScheduler } from './day-scheduler.js'
import { beginEpoch } from './epochs.js'
import { rebuild } from './fill.js'
import { fillStore } from './filling.js'
import { productionIntervals, type RefresherIntervals } from './intervals.js'
import { createLeader, type Leader, type Leadership, type RefresherLog } from './leader.js'
import { refreshBatch, type RefreshedBatch } from './refresh-batch.js'
import { createRetention, defaultRetentionH } from './retention.js'
import { queueFaults } from './queue-faults.js'
import { describeProblems, hasProblems, removeProblems } from './queue-problems.js'
import { queueIsCurrent, StoreSchemaOutdated } from './schema-version.js'
import type { Sessions } from './sessions.js'
import { logSetAside } from './set-aside.js'
import type { StoreRow } from './store-row.js'

/** Events for the metrics. */
export interface RefresherEvents {
  /** This refresher became the leader (true), or no longer is (false). */
  leads(isLeader: boolean): void
  refreshed(batch: RefreshedBatch, ms: number): void
  /** The queue was found incomplete: the store is filled again. */
  incomplete(): void
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

/** @throws Error where there is no queue; StoreSchemaOutdated. If only some of its tables exist, see `queueFaults`. */
async function assertQueue(primary: pg.ClientBase): Promise<void> {
  const {
    rows: [queue],
  } = await primary.query<{ exists: boolean; read: boolean; current: boolean }>(
    `select
  to_regclass('attempt_queue') is not null as exists,
  to_regclass('attempt_queue_reader') is not null as read,
  ${queueIsCurrent} as current`,
  )
  if (queue?.read !== true) throw new Error('there is no queue on exam_results: run attempt-api store enable')
  if (queue.exists && !queue.current) throw new StoreSchemaOutdated('queue')
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
  let problemsAt = -Infinity
  let loggedReasons = ''

  /** Marks the store for a rebuild, so that requests read the view. */
  async function markForRebuild({ primary, store }: Sessions): Promise<void> {
    const {
      rows: [row],
    } = await store.query<Pick<StoreRow, 'id' | 'state'>>('select id, state from attempt_store')
    if (row === undefined || row.state === 'emptying') return
    // another database may hold a queue that never fed this store
    await acknowledgedVersion(primary, row)
    await rebuild(store)
  }

  /**
   * Whether the triggers can put every write into the queue. If not, marks the store for a rebuild. It is filled again
   * when the cause is gone.
   */
  async function checkQueue(sessions: Sessions): Promise<boolean> {
    const faults = await queueFaults(sessions.primary)
    if (faults === undefined) {
      loggedFaults = undefined
      return true
    }
    await markForRebuild(sessions)
    if (faults !== loggedFaults) {
      log.error({}, `${faults} Requests read the view until then.`)
      events?.incomplete()
    }
    loggedFaults = faults
    if (once) throw new Error(faults)
    return false
  }

  /**
   * Whether every statement since the last call was recorded, for as long as one check takes to come round: while some
   * are not, a fill would have to start over.
   */
  async function problemsEnded(sessions: Sessions): Promise<boolean> {
    if (await hasProblems(sessions.primary)) {
      await markForRebuild(sessions)
      const problems = await removeProblems(sessions.primary)
      const reasons = problems?.reasons.join() ?? ''
      const repeated = Date.now() - problemsAt < 2 * intervals.triggerCheckMs && reasons === loggedReasons
      if (problems !== undefined && !repeated) {
        log.error(
          problems,
          `${describeProblems(problems)} The store is filled again; until then, requests read the view.`,
        )
        events?.incomplete()
      }
      loggedReasons = reasons
      problemsAt = Date.now()
    }
    return Date.now() - problemsAt >= intervals.triggerCheckMs
  }

  function logBatch({ exams, students, written, deleted, version, unacknowledged, setAside }: RefreshedBatch): void {
    logSetAside(log, setAside)
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
    let queueCheckedAt = 0
    let heartbeatAt = 0
    let caughtUp = false
    await assertQueue(sessions.primary)
    await beginEpoch(sessions.store)
    while (!signal.aborted) {
      await removeExpiredDeletions(sessions.store)
      if (Date.now() - queueCheckedAt >= intervals.triggerCheckMs) {
        if (!(await checkQueue(sessions))) {
          await pause(intervals.electionMs, signal)
          continue
        }
        queueCheckedAt = Date.now()
      }
      if ((await queueHasRows(sessions.primary)) || Date.now() - heartbeatAt >= intervals.heartbeatMs) {
        const began = performance.now()
        const refreshed = await refreshBatch(sessions, batchExams)
        reportProgress()
        if (refreshed === undefined) {
          // an incomplete queue would miss exams that are written during the fill
          if ((await checkQueue(sessions)) && (await problemsEnded(sessions)))
            await fillStore(sessions, { log, intervals, signal })
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
