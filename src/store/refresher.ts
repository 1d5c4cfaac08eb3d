/**
 * Keeps the store in step: fills it once, then takes the exams that were written, recomputes them from the view and
 * commits the difference under a new version. Any number of refreshers may run; an advisory lock lets one work.
 */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { guardSession } from '../database/session-guard.js'
import { pause } from '../database/pause.js'
import { hasOwnSession, sharedSession } from '../database/pooler.js'
import { createPool, dropConnections } from '../database/pool.js'
import { refreshBatch, type Batch } from './batch.js'
import { StoreSchemaOutdated, queueIsCurrent, storeIsCurrent } from './current.js'
import { createDayKeeper, type DayKeeper } from './days.js'
import { beginEpoch } from './epochs.js'
import { empty, fillChunk, rebuild } from './fill.js'
import { createRetention, defaultRetentionH } from './retention.js'
import { verifySample } from './sample.js'
import { storeAdvisoryLock, type Sessions, type StoreRow } from './sessions.js'
import { describeFaults, triggerFaults } from './triggers.js'

/** For the metrics. */
export interface RefresherEvents {
  /** This refresher became the one that works, or is it no longer. */
  leads(does: boolean): void
  refreshed(batch: Batch, ms: number): void
  /** A few students were compared with the view. */
  sampled(): void
}

export interface RefresherOptions {
  /** Holds exam_results, the view and the queue. */
  primaryUrl: string
  /** Holds the store; the same as `primaryUrl` or another database. */
  storeUrl: string
  log: {
    info(object: object, message: string): void
    warn(object: object, message: string): void
    error(object: object, message: string): void
  }
  /** Exams that one batch takes. */
  batch?: number
  events?: RefresherEvents
  /** Returns as soon as the store is whole and the queue is empty. */
  once?: boolean
  /** Hours for which the feed of changes tells of keys that went. */
  retentionH?: number
}

export interface Refresher {
  /** Runs until `stop`: waits for its turn, works, and goes on after whatever fails; with `once` rejects after ten seconds of that. */
  run(): Promise<void>
  /** @param patienceMs for which what is under way may end; then its sessions are closed, and it is rolled back */
  stop(patienceMs?: number): Promise<void>
  /** For a server that is silent: ends what waits for it. */
  dropConnections(server: 'primary' | 'store'): void
}

/** Some seconds of work: what a reader may be behind for, and what a kill costs. */
const defaultBatch = 2_000
const idleMs = 200
const heartbeatMs = 500
/** While days are computed, to write them soon. */
const busyMs = 20
/** Students compared with the view while idle, one after another, and how often. */
const sampled = 5
const sampleEveryMs = 1_000
/** For so long may everything fail before one who is to end gives up. */
const oncePatienceMs = 10_000
/** Until whoever took the store for ready has begun to read: TRUNCATE shows an empty table to every snapshot. */
const settleMs = 2_000
const triggersEveryMs = 5_000
/** Between two looks whether it is our turn, and whether there is a store now. */
const turnMs = 1_000
const absentMs = 5_000

export function createRefresher({
  primaryUrl,
  storeUrl,
  log,
  events,
  batch = defaultBatch,
  once = false,
  retentionH = defaultRetentionH,
}: RefresherOptions): Refresher {
  const settings = { statementTimeoutMs: 3_600_000 }
  // the leader's session, the one beside that computes days, and one to ask after both
  const write = { max: 3, name: 'attempt-api refresher', readOnly: false }
  const storePool = createPool(settings, storeUrl, write)
  const primaryPool = primaryUrl === storeUrl ? storePool : createPool(settings, primaryUrl, write)
  const retain = createRetention(retentionH)
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let running: Promise<void> = Promise.resolve()
  /** Since when nothing was done but failing, milliseconds. */
  let failingSince: number | undefined
  const drop = (server: 'primary' | 'store') => {
    dropConnections(server === 'primary' ? primaryPool : storePool)
  }

  let told: string | undefined
  /**
   * Whether all that is written comes into the queue. If not, the store is read no longer until it was filled anew, which
   * is when the triggers are as they were: only the owner of exam_results can mend them.
   */
  async function triggersIntact({ primary, store }: Sessions): Promise<boolean> {
    const faults = describeFaults(await triggerFaults(primary))
    if (faults !== undefined && faults !== told) log.error({}, faults)
    told = faults
    if (faults === undefined) return true
    if ((await store.query<StoreRow>('select state from attempt_store')).rows[0]?.state !== 'emptying')
      await rebuild(store)
    if (once) throw new Error(faults)
    return false
  }

  async function fill(sessions: Sessions): Promise<void> {
    // what is filled while the queue hears nothing would be missed
    if (!(await triggersIntact(sessions))) {
      await pause(turnMs, stopping.signal)
      return
    }
    const {
      rows: [before],
    } = await sessions.store.query<StoreRow>('select state, filled_rows from attempt_store')
    if (before?.state === 'emptying') {
      log.warn({}, 'the store is filled anew')
      // since it was marked, which its version tells: a session that ends sooner must not make the next begin again
      const {
        rows: [left],
      } = await sessions.store.query<{ ms: number }>(
        `select greatest(0, least($1::bigint, version + $1::bigint - floor(extract(epoch from clock_timestamp()) * 1000)::bigint))::integer as ms from attempt_store`,
        [settleMs],
      )
      await pause(left?.ms ?? settleMs, stopping.signal)
      while (!stopped() && !(await empty(sessions.store))) await pause(idleMs, stopping.signal)
    }
    const began = Date.now()
    let told = 0
    while (!stopped()) {
      const { done, filledTo, rows } = await fillChunk(sessions)
      if (done || Date.now() - told > 5_000) {
        told = Date.now()
        const share = done || filledTo === null ? 1 : parseInt(filledTo.slice(0, 8), 16) / 2 ** 32
        const rowsPerSecond = Math.round(
          (rows - Number(before?.filled_rows ?? 0)) / Math.max(0.001, (Date.now() - began) / 1000),
        )
        log.info(
          {
            rows,
            share: Math.round(share * 1000) / 1000,
            rowsPerSecond,
            secondsLeft:
              rowsPerSecond === 0 ? null : Math.round((rows * (1 / Math.max(share, 1e-9) - 1)) / rowsPerSecond),
          },
          'filling the store',
        )
      }
      if (done) return
    }
  }

  /** Everything a leader does, until it is stopped or something fails. */
  async function lead(sessions: Sessions, keeper: DayKeeper): Promise<void> {
    const {
      rows: [queue],
    } = await sessions.primary.query<{ there: boolean; current: boolean }>(
      `select to_regclass('attempt_queue') is not null as there, ${queueIsCurrent} as current`,
    )
    if (queue?.there !== true) throw new Error('there is no queue on exam_results: attempt-api store enable makes it')
    if (!queue.current) throw new StoreSchemaOutdated('queue')
    let heartbeatAt = 0
    let sampledAt = Date.now()
    let retryWithOne = false
    let caughtUp = false
    let lookedAt = 0
    // the walk goes on anywhere, or the first students alone would be verified where sessions are short
    let place: string | null = randomUUID()
    await beginEpoch(sessions.store)
    while (!stopped()) {
      await retain(sessions.store)
      if (Date.now() - lookedAt >= triggersEveryMs) {
        if (!(await triggersIntact(sessions))) {
          await pause(turnMs, stopping.signal)
          continue
        }
        lookedAt = Date.now()
      }
      const {
        rows: [waiting],
      } = await sessions.primary.query('select 1 from attempt_queue limit 1')
      if (waiting !== undefined || Date.now() - heartbeatAt >= heartbeatMs) {
        const began = performance.now()
        const refreshed = await refreshBatch(sessions, batch)
        failingSince = undefined
        if (refreshed === undefined) {
          await fill(sessions)
          continue
        }
        const { exams, students, written, deleted, version, emptied, unacknowledged } = refreshed
        events?.refreshed(refreshed, performance.now() - began)
        heartbeatAt = Date.now()
        if (unacknowledged.students > 0)
          log.warn(
            unacknowledged,
            'exam_results does not know of the last steps of the store: it lost commits, or a step was not ended; their students were recomputed',
          )
        if (students > 0) log.info({ exams, students, written, deleted, version }, 'refreshed the store')
        caughtUp = emptied
      }
      const days = await keeper.turn(sessions, caughtUp && !once)
      if (!caughtUp) continue
      if (once && days === 'none') return
      if (Date.now() - sampledAt >= sampleEveryMs) {
        sampledAt = Date.now()
        const { differences, after, late } = await verifySample(sessions, place, retryWithOne ? 1 : sampled)
        if (retryWithOne && late === true)
          log.warn(
            {},
            'a student has too many attempts to be compared beside the refresher: attempt-api store verify does',
          )
        place = after
        retryWithOne = late === true
        if (!retryWithOne) events?.sampled()
        if (differences > 0) log.error({ differences }, 'the store differed from the view and was repaired')
      }
      await pause(days === 'computing' ? busyMs : idleMs, stopping.signal)
    }
  }

  async function loop(): Promise<void> {
    let asked: string | undefined
    let toldOutdated = false
    while (!stopped()) {
      let store: pg.PoolClient | undefined
      let primary: pg.PoolClient | undefined
      const guards: (() => void)[] = []
      let [wait, close] = [turnMs, true]
      try {
        store = await storePool.connect()
        const {
          rows: [place],
        } = await store.query<{ there: boolean; current: boolean }>(
          `select coalesce(has_table_privilege(to_regclass('attempt_store'), 'update'), false) as there, ${storeIsCurrent} as current`,
        )
        if (place?.there === true && !place.current) throw new StoreSchemaOutdated('store')
        if (place?.there === true && !(await hasOwnSession(store, storePool)))
          throw new Error(`The store is not refreshed: ${sharedSession}`)
        // a service that may only read leaves the store to others
        const leads =
          place?.there === true &&
          (await store.query<{ got: boolean }>(`select pg_try_advisory_lock(${storeAdvisoryLock}) as got`)).rows[0]
            ?.got === true
        if (leads) {
          primary = primaryUrl === storeUrl ? store : await primaryPool.connect()
          log.info({}, 'refreshing the store')
          events?.leads(true)
          guards.push(await guardSession(storePool, store))
          if (primary !== store) guards.push(await guardSession(primaryPool, primary))
          const keeper = createDayKeeper(storePool, log)
          await lead({ primary, store }, keeper).finally(() => keeper.stop())
          if (once) return
        } else if (once && place?.there === true) {
          // another one leads: it is enough that it has caught up with what was there when we came
          asked ??= (await store.query<{ at: string }>('select now()::text as at')).rows[0]?.at
          const {
            rows: [state],
          } = await store.query<{ done: boolean | null }>(
            `select state = 'ready' and caught_up_at >= $1::timestamptz as done from attempt_store`,
            [asked],
          )
          failingSince = undefined
          if (state?.done === true) return
        }
        close = leads
        if (place?.there !== true) wait = absentMs
      } catch (error) {
        const outdated = error instanceof StoreSchemaOutdated
        failingSince ??= Date.now()
        if (once && (outdated || Date.now() - failingSince >= oncePatienceMs)) throw error
        // until somebody upgrades it, it is the same each time
        if (outdated ? !toldOutdated : !stopped())
          log.warn(
            outdated ? {} : { err: error },
            outdated ? error.message : 'the store could not be refreshed; trying again',
          )
        toldOutdated = outdated
      } finally {
        for (const end of guards) end()
        events?.leads(false)
        // closes a session that led, and with it the advisory lock; one that only asked is kept
        if (primary !== store) primary?.release(true)
        store?.release(close)
      }
      await pause(wait, stopping.signal)
    }
  }

  return {
    run: () => (running = loop()),
    dropConnections: drop,
    async stop(patienceMs) {
      stopping.abort()
      const late =
        patienceMs === undefined
          ? undefined
          : setTimeout(() => {
              for (const server of ['primary', 'store'] as const) drop(server)
            }, patienceMs)
      // whoever ran it has been told
      await running.catch(() => undefined)
      clearTimeout(late)
      await storePool.end()
      if (primaryPool !== storePool) await primaryPool.end()
    },
  }
}
