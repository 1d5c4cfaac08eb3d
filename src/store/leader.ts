/**
 * Elects one leader among any number of refreshers: the one whose session holds an advisory lock in the store's
 * database. The other refreshers, and a refresher without a store, wait and retry.
 */
import type pg from 'pg'
import { pause } from '../database/pause.js'
import { createPool, dropConnections, dropOpening, endPool } from '../database/pool.js'
import { hasOwnSession, sharedSession } from '../database/pooler.js'
import { refusalOf } from '../database/refusals.js'
import { assertTrustedSession, Untrusted } from '../database/trust.js'
import { guardSession } from '../database/session-guard.js'
import { firstError } from '../errors.js'
import type { RefresherIntervals } from './intervals.js'
import { StoreSchemaOutdated, storeIsCurrent } from './schema-version.js'
import { type Sessions, storeAdvisoryLock } from './sessions.js'

export interface RefresherLog {
  info(object: object, message: string): void
  warn(object: object, message: string): void
  error(object: object, message: string): void
}

/** What the leader's `work` receives. */
export interface Leadership {
  sessions: Sessions
  /** For further sessions on the store's database. */
  storePool: pg.Pool
  /** Aborted when the refresher is to stop. */
  signal: AbortSignal
  /** Reports that the databases work. With `once`, `run` fails only after a time without such a report. */
  reportProgress(): void
}

export interface LeaderOptions {
  primaryUrl: string
  storeUrl: string
  log: RefresherLog
  intervals: RefresherIntervals
  /** Ends `run` when `work` returns, or when another leader has emptied the queue since `run` began. */
  once: boolean
  /** Called with true when this refresher becomes the leader, and with false when it no longer is. */
  onLeading(isLeader: boolean): void
  /** The leader's work: runs until the signal is aborted, or rejects. */
  work(leadership: Leadership): Promise<void>
}

export interface Leader {
  /**
   * Waits to become the leader and runs `work`, until `stop`. Retries after every failure.
   * @throws with `once`: the last error after `oncePatienceMs` without progress, or StoreSchemaOutdated
   */
  run(): Promise<void>
  /**
   * @param patienceMs time for the running step to end; after it, its sessions are closed and the step is rolled back
   */
  stop(patienceMs?: number): Promise<void>
  /** Closes the connections to a server that does not respond, so that steps waiting for it fail. */
  dropConnections(server: 'primary' | 'store'): void
}

/** Result of one attempt to lead. absent: there is no store that this role may write. waiting: another one leads. */
type Attempt = 'done' | 'led' | 'waiting' | 'absent'

/** Whether only an operator can end the error: a privilege, a pending migration, a planted object, a standby. */
const isForGood = (error: unknown): boolean =>
  error instanceof StoreSchemaOutdated ||
  error instanceof Untrusted ||
  refusalOf(error) !== undefined ||
  firstError(error).code === '25006'

/** @throws StoreSchemaOutdated; Error where a pooler shares the session */
async function mayWriteStore(store: pg.ClientBase, pool: pg.Pool): Promise<boolean> {
  await assertTrustedSession(store)
  const {
    rows: [privileges],
  } = await store.query<{ writable: boolean; current: boolean }>(
    `select
  coalesce(has_table_privilege(to_regclass('attempt_store'), 'update'), false) as writable,
  ${storeIsCurrent} as current`,
  )
  if (privileges?.writable !== true) return false
  if (!privileges.current) throw new StoreSchemaOutdated('store')
  if (!(await hasOwnSession(store, pool))) throw new Error(`The store is not refreshed: ${sharedSession}`)
  return true
}

async function takeAdvisoryLock(store: pg.ClientBase): Promise<boolean> {
  const { rows } = await store.query<{ taken: boolean }>(`select pg_try_advisory_lock(${storeAdvisoryLock}) as taken`)
  return rows[0]?.taken === true
}

async function caughtUpSince(store: pg.ClientBase, moment: string): Promise<boolean> {
  const { rows } = await store.query<{ done: boolean | null }>(
    `select state = 'ready' and caught_up_at >= $1::timestamptz as done from attempt_store`,
    [moment],
  )
  return rows[0]?.done === true
}

const now = async (client: pg.ClientBase) =>
  (await client.query<{ now: string }>('select now()::text as now')).rows[0]?.now ?? ''

export function createLeader(options: LeaderOptions): Leader {
  const { primaryUrl, storeUrl, log, intervals, once } = options
  const timeouts = { statementTimeoutMs: 3_600_000 }
  // three sessions: the leader's, the one that computes days, and one that checks whether these two exist
  const settings = { max: 3, name: 'attempt-api refresher', readOnly: false }
  const storePool = createPool(timeouts, storeUrl, settings)
  const primaryPool = primaryUrl === storeUrl ? storePool : createPool(timeouts, primaryUrl, settings)
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> = Promise.resolve()
  let leading = false
  /** Since when every attempt has failed; milliseconds. */
  let failingSince: number | undefined
  const reportProgress = () => {
    failingSince = undefined
  }
  const drop = (server: 'primary' | 'store') => {
    dropConnections(server === 'primary' ? primaryPool : storePool)
  }

  async function lead(store: pg.PoolClient): Promise<void> {
    signal.throwIfAborted()
    const primary = primaryPool === storePool ? store : await primaryPool.connect()
    leading = true
    const guards: (() => void)[] = []
    try {
      log.info({}, 'started refreshing the store')
      options.onLeading(true)
      guards.push(await guardSession(storePool, store, intervals.sessionCheckMs))
      if (primary !== store) guards.push(await guardSession(primaryPool, primary, intervals.sessionCheckMs))
      await options.work({ sessions: { primary, store }, storePool, signal, reportProgress })
    } finally {
      leading = false
      for (const end of guards) end()
      options.onLeading(false)
      if (primary !== store) primary.release(true)
    }
  }

  /** @param began when `run` began, by the clock of the store's database; set by the first attempt that needs it */
  async function attempt(began: { at?: string }): Promise<Attempt> {
    const store = await storePool.connect()
    // the session of a former leader is closed, which releases its advisory lock; one that did not lead is kept
    let close = true
    try {
      if (!(await mayWriteStore(store, storePool))) {
        close = false
        return 'absent'
      }
      if (await takeAdvisoryLock(store)) {
        await lead(store)
        return once ? 'done' : 'led'
      }
      let done = false
      if (once) {
        began.at ??= await now(store)
        done = await caughtUpSince(store, began.at)
        reportProgress()
      }
      close = false
      return done ? 'done' : 'waiting'
    } finally {
      store.release(close)
    }
  }

  let logged = { message: '', at: -Infinity }

  /** Retries follow each other within seconds: the same error is logged once a minute. */
  function logFailure(error: unknown): void {
    const { message } = firstError(error)
    if (message === logged.message && performance.now() - logged.at < 60_000) return
    logged = { message, at: performance.now() }
    log.warn({ err: error }, 'the store could not be refreshed; retrying')
  }

  async function run(): Promise<void> {
    const began: { at?: string } = {}
    let outdatedLogged = false
    let absentLogged = false
    while (!signal.aborted) {
      let waitMs = intervals.electionMs
      try {
        const result = await attempt(began)
        if (result === 'done') return
        if (result === 'absent') {
          waitMs = intervals.absentStoreMs
          // without a store, most services have the refresher on and need none
          if (!absentLogged && storeUrl !== primaryUrl)
            log.warn(
              {},
              'STORE_DATABASE_URL has no store that this role may write, so this process refreshes none: run ' +
                'attempt-api store enable, grant the privileges (docs/access.md, roles), or set STORE_REFRESH=off.',
            )
          absentLogged = true
        } else absentLogged = false
      } catch (error) {
        const outdated = error instanceof StoreSchemaOutdated
        failingSince ??= Date.now()
        if (once && (isForGood(error) || Date.now() - failingSince >= intervals.oncePatienceMs)) throw error
        // logged once: it stays the same until an operator runs the upgrade
        if (outdated && !outdatedLogged) log.warn({}, error.message)
        if (!outdated && !signal.aborted) logFailure(error)
        outdatedLogged = outdated
      }
      await pause(waitMs, signal)
    }
  }

  return {
    run: () => (running = run()),
    dropConnections: drop,
    async stop(patienceMs) {
      stopping.abort()
      // a leader may finish its step, with the connections that it opens for it
      if (!leading) for (const pool of [storePool, primaryPool]) dropOpening(pool)
      const late =
        patienceMs === undefined
          ? undefined
          : setTimeout(() => {
              drop('primary')
              drop('store')
            }, patienceMs)
      // the caller of `run` gets the error
      await running.catch(() => undefined)
      clearTimeout(late)
      await Promise.all([...new Set([storePool, primaryPool])].map(endPool))
    },
  }
}
