/**
 * Keeps the store in step: fills it once, then takes the users whose exams were written, recomputes their students and
 * commits the difference under a new version. Any number of refreshers may run; an advisory lock lets one work.
 */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { createPool } from '../database/reader.js'
import { beginEpoch, beginHistory } from './epochs.js'
import { readArrays, recomputeDays, type Rows, writeDifference } from './recompute.js'
import { createRetention, defaultRetentionH } from './retention.js'

export interface RefresherOptions {
  /** Holds exam_results, the view and the queue. */
  sourceUrl: string
  /** Holds the store; the same as `sourceUrl` or another database. */
  storeUrl: string
  log: { info(object: object, message: string): void; warn(object: object, message: string): void; error(object: object, message: string): void }
  /** Rows of the queue that one batch takes. */
  batch?: number
  /** Returns as soon as the store is whole and the queue is empty. */
  once?: boolean
  /** Hours for which the feed of changes tells of keys that went. */
  retentionH?: number
}

export interface Refresher {
  /** Runs until `stop`: waits for its turn, works, and goes on after whatever fails. */
  run(): Promise<void>
  stop(): Promise<void>
}

/** Users whose queue rows one transaction takes. A commit costs the recomputing of a day: many at once are cheaper. */
const defaultBatch = 2_000
/** Students of one chunk of the first fill. */
const chunk = 200
const idleMs = 200
const heartbeatMs = 500
/** Students compared with the view while idle, one after another, and how often. */
const sampled = 5
const sampleEveryMs = 1_000
/** Until whoever took the store for ready has begun to read: TRUNCATE shows an empty table to every snapshot. */
const settleMs = 2_000
export const storeLock = `hashtextextended('attempt store', 0)`

/** emptying: to be filled anew. catching_up: everybody is filled, and what was written meanwhile is taken. */
export interface State { id: string; version: string; state: 'emptying' | 'filling' | 'catching_up' | 'ready'; filled_to: string | null; filled_rows: string }

/** One refresher's sessions: the same one twice where source and store are one database. */
export interface Sessions { source: pg.PoolClient; store: pg.PoolClient }

/** Runs `work` in one transaction a database; the store commits first, so that a claim is acknowledged only afterwards. */
export async function transaction<T>({ source, store }: Sessions, work: () => Promise<T>): Promise<T> {
  const both = source === store ? [store] : [store, source]
  try {
    for (const client of both) await client.query('begin isolation level repeatable read')
    // before the snapshots: TRUNCATE empties the table for every snapshot, and only a newer one has its row in the queue
    await source.query('lock table attempt_numbered in access share mode')
    // of two databases the second must not remember what the first, after a crash, has forgotten
    if (source !== store) await store.query(`select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`)
    const result = await work()
    for (const client of both) await client.query('commit')
    return result
  } catch (error) {
    for (const client of both) await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** What the view says of the students, to be written into the store. */
export const rowsOf = async ({ source, store }: Sessions, students: string[]): Promise<Rows> =>
  (source === store ? { students } : { students, arrays: await readArrays(source, students) })

/** Reads and locks the one row first of all: whoever writes into the store waits here, and then sees what the last one wrote. */
const readState = async (store: pg.ClientBase) => (await store.query<State>('select id, version, state, filled_to, filled_rows from attempt_store for update')).rows[0]

/**
 * The version at which the store last took from the queue.
 * @throws Error where another one takes from it: each would get a part
 */
async function acknowledged(source: pg.ClientBase, { id }: State): Promise<string> {
  const { rows: [reader] } = await source.query<{ store: string; version: string }>('select store, version from attempt_queue_reader')
  if (reader?.store !== id) throw new Error('the queue of exam_results feeds another store: attempt-api store enable makes it feed this one')
  return reader.version
}

/** Has the store filled anew by whoever refreshes it; readers take the view meanwhile, and the feed begins again. */
export async function rebuild(store: pg.ClientBase): Promise<void> {
  // from the clock, as in the migration: a restored store must not give its versions again
  await store.query(`update attempt_store set state = 'emptying', filled_to = null, filled_rows = 0, caught_up_at = null, version = begin.version, oldest_version = begin.version
from (select greatest(version + 1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) as version from attempt_store) as begin`)
  await beginHistory(store)
}

/** Empties a store that is to be filled anew. @returns false where readers that began before still have it */
async function empty(store: pg.ClientBase): Promise<boolean> {
  await store.query('begin')
  try {
    // who waits for the table makes every reader wait
    await store.query(`set local lock_timeout = '500ms'`)
    if ((await readState(store))?.state === 'emptying') {
      await store.query('truncate attempt_materialized, attempt_deleted, attempt_topic_day, attempt_day')
      await store.query(`update attempt_store set state = 'filling'`)
    }
    await store.query('commit')
    return true
  } catch (error) {
    await store.query('rollback')
    if ((error as { code?: string }).code === '55P03') return false
    throw error
  }
}

/** The next students in the order of their id, all of them in the end. */
export async function nextStudents(source: pg.ClientBase, after: string | null): Promise<string[]> {
  const { rows } = await source.query<{ student_id: string }>({
    // two texts: a plan for both would read the index from its beginning
    text: `select distinct student_id from attempt_exam where ${after === null ? 'student_id is not null' : 'student_id > $1::uuid'} order by student_id limit ${chunk}`, values: after === null ? [] : [after],
  })
  return rows.map(({ student_id }) => student_id)
}

/**
 * One chunk of the fill, committed with its place, so that a kill costs one chunk; with the last one, all days.
 * @returns whether that was the last one
 */
export async function fillChunk(sessions: Sessions): Promise<{ done: boolean; filledTo: string | null; rows: number }> {
  const { source, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined || state.state !== 'filling') return { done: true, filledTo: null, rows: 0 }
    await acknowledged(source, state)
    const students = await nextStudents(source, state.filled_to)
    const { written } = await writeDifference(store, await rowsOf(sessions, students), state.version)
    const filledTo = students.at(-1) ?? state.filled_to
    const done = students.length < chunk
    if (done) {
      const { rows } = await store.query<{ date: string }>(`select distinct (completed_at at time zone 'UTC')::date::text as date from attempt_materialized`)
      await recomputeDays(store, rows.map(({ date }) => date), state.version)
    }
    await store.query(`update attempt_store set filled_to = $1, filled_rows = filled_rows + $2::bigint, state = $3`, [filledTo, written, done ? 'catching_up' : 'filling'])
    return { done, filledTo, rows: Number(state.filled_rows) + written }
  })
}

export interface Batch { taken: number; students: number; written: number; deleted: number; version: string }

/**
 * Takes up to `batch` rows of the queue, recomputes their students and commits everything at once.
 * @returns how many rows of the queue were taken; fewer than `batch`: the queue was empty then. Undefined: the store is to be filled first
 */
export async function refreshBatch(sessions: Sessions, batch: number): Promise<Batch | undefined> {
  const { source, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined) throw new Error('the store is not enabled')
    if (state.state === 'emptying' || state.state === 'filling') return undefined
    const known = await acknowledged(source, state)
    const { rows: queue } = await source.query<{ ctid: string; user_id: string | null }>('select ctid::text as ctid, user_id from attempt_queue limit $1', [batch])
    const users = new Set(queue.map(({ user_id }) => user_id))
    // the table was emptied; or the store is older than what it took (a backup, a standby that was behind), and that is gone from the queue
    if (users.has(null) || BigInt(known) > BigInt(state.version)) {
      await rebuild(store)
      await source.query('update attempt_queue_reader set version = 0')
      await source.query('delete from attempt_queue where user_id is null')
      return undefined
    }
    let [written, deleted, students, version] = [0, 0, 0, state.version]
    if (users.size > 0) {
      const { rows } = await source.query<{ student_id: string }>('select distinct attempt_student_id(user_id)::text as student_id from unnest($1::text[]) as user_id', [[...users]])
      students = rows.length
      const next = String(BigInt(state.version) + 1n)
      const difference = await writeDifference(store, await rowsOf(sessions, rows.map(({ student_id }) => student_id)), next)
      await recomputeDays(store, difference.days, next)
      ;({ written, deleted } = difference)
      if (written + deleted > 0) version = next
    }
    // when the transaction began, and so before its snapshot
    const { rows: [clock] } = await source.query<{ at: string }>('select now()::text as at')
    const caughtUp = queue.length < batch
    await store.query(`update attempt_store set version = $1::bigint, state = case when $2 then 'ready' else state end, caught_up_at = case when $2 then $3::timestamptz else caught_up_at end`,
      [version, caughtUp, clock?.at])
    if (queue.length > 0) {
      await source.query('delete from attempt_queue where ctid = any($1::tid[])', [queue.map(({ ctid }) => ctid)])
      await source.query('update attempt_queue_reader set version = $1::bigint', [version])
    }
    return { taken: queue.length, students, written, deleted, version }
  })
}

/**
 * The next `count` students in the order of their id, compared with the view and repaired where they differ.
 * @returns rows that differed, and the last student; null: the next one is the first again
 */
export async function verifySample(sessions: Sessions, after: string | null, count: number): Promise<{ differences: number; after: string | null }> {
  const { source, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined || state.state !== 'ready') return { differences: 0, after }
    // from both sides: a student may be in the store alone, or not there at all
    const both: string[] = []
    for (const [client, relation] of [[source, 'attempt_exam'], [store, 'attempt_materialized']] as const) {
      const { rows } = await client.query<{ student_id: string }>(`select distinct student_id from ${relation}
where ${after === null ? 'student_id is not null' : 'student_id > $2::uuid'} order by student_id limit $1::integer`, after === null ? [count] : [count, after])
      both.push(...rows.map(({ student_id }) => student_id))
    }
    const students = new Set([...new Set(both)].sort().slice(0, count))
    const last = [...students].at(-1) ?? null
    // whose exams were just written is allowed to differ
    const { rows: waiting } = await source.query<{ student_id: string | null }>('select distinct attempt_student_id(user_id)::text as student_id from attempt_queue')
    for (const { student_id } of waiting) {
      if (student_id === null) return { differences: 0, after }
      students.delete(student_id)
    }
    const next = String(BigInt(state.version) + 1n)
    const { written, deleted, days } = await writeDifference(store, await rowsOf(sessions, [...students]), next)
    if (written + deleted > 0) {
      await recomputeDays(store, days, next)
      await store.query('update attempt_store set version = $1::bigint, differences = differences + $2::bigint, difference_at = now()', [next, written + deleted])
    }
    return { differences: written + deleted, after: last }
  })
}

const pause = (ms: number, signal: AbortSignal) => new Promise<void>((done) => {
  const over = () => {
    clearTimeout(timer)
    // a signal that lives as long as the process must not gather a listener a pause
    signal.removeEventListener('abort', over)
    done()
  }
  const timer = setTimeout(over, ms)
  signal.addEventListener('abort', over)
  if (signal.aborted) over()
})

export function createRefresher({ sourceUrl, storeUrl, log, batch = defaultBatch, once = false, retentionH = defaultRetentionH }: RefresherOptions): Refresher {
  const settings = { statementTimeoutMs: 3_600_000 }
  const write = { max: 1, name: 'attempt-api refresher', readOnly: false }
  const storePool = createPool(settings, storeUrl, write)
  const sourcePool = sourceUrl === storeUrl ? storePool : createPool(settings, sourceUrl, write)
  const retain = createRetention(retentionH)
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let running: Promise<void> = Promise.resolve()

  async function fill(sessions: Sessions): Promise<void> {
    const { rows: [before] } = await sessions.store.query<State>('select state, filled_rows from attempt_store')
    if (before?.state === 'emptying') {
      log.warn({}, 'the store is filled anew')
      // since it was marked, which its version tells: a session that ends sooner must not make the next begin again
      const { rows: [left] } = await sessions.store.query<{ ms: number }>(`select greatest(0, least($1::bigint, version + $1::bigint - floor(extract(epoch from clock_timestamp()) * 1000)::bigint))::integer as ms from attempt_store`, [settleMs])
      await pause(left?.ms ?? settleMs, stopping.signal)
      while (!stopped() && !await empty(sessions.store)) await pause(idleMs, stopping.signal)
    }
    const began = Date.now()
    let told = 0
    while (!stopped()) {
      const { done, filledTo, rows } = await fillChunk(sessions)
      if (done || Date.now() - told > 5_000) {
        told = Date.now()
        const share = done || filledTo === null ? 1 : parseInt(filledTo.slice(0, 8), 16) / 2 ** 32
        const rowsPerSecond = Math.round((rows - Number(before?.filled_rows ?? 0)) / Math.max(0.001, (Date.now() - began) / 1000))
        log.info({ rows, share: Math.round(share * 1000) / 1000, rowsPerSecond, secondsLeft: rowsPerSecond === 0 ? null : Math.round(rows * (1 / Math.max(share, 1e-9) - 1) / rowsPerSecond) }, 'filling the store')
      }
      if (done) return
    }
  }

  /** Everything a leader does, until it is stopped or something fails. */
  async function lead(sessions: Sessions): Promise<void> {
    let beaten = 0
    let sampledAt = Date.now()
    // the walk goes on anywhere, or the first students alone would be verified where sessions are short
    let place: string | null = randomUUID()
    await beginEpoch(sessions.store)
    while (!stopped()) {
      await retain(sessions.store)
      const { rows: [waiting] } = await sessions.source.query('select 1 from attempt_queue limit 1')
      if (waiting !== undefined || Date.now() - beaten >= heartbeatMs) {
        const refreshed = await refreshBatch(sessions, batch)
        if (refreshed === undefined) {
          await fill(sessions)
          continue
        }
        const { taken, students, written, deleted, version } = refreshed
        beaten = Date.now()
        if (taken > 0) log.info({ taken, students, written, deleted, version }, 'refreshed the store')
        if (taken === batch) continue
        if (once) return
      }
      if (Date.now() - sampledAt >= sampleEveryMs) {
        sampledAt = Date.now()
        const { differences, after } = await verifySample(sessions, place, sampled)
        place = after
        if (differences > 0) log.error({ differences }, 'the store differed from the view and was repaired')
      }
      await pause(idleMs, stopping.signal)
    }
  }

  async function loop(): Promise<void> {
    let asked: string | undefined
    while (!stopped()) {
      let store: pg.PoolClient | undefined
      let source: pg.PoolClient | undefined
      try {
        store = await storePool.connect()
        const { rows: [place] } = await store.query<{ there: boolean }>(`select coalesce(has_table_privilege(to_regclass('attempt_store'), 'update'), false) as there`)
        // a service that may only read leaves the store to others
        const leads = place?.there === true && (await store.query<{ got: boolean }>(`select pg_try_advisory_lock(${storeLock}) as got`)).rows[0]?.got === true
        if (leads) {
          source = sourceUrl === storeUrl ? store : await sourcePool.connect()
          log.info({}, 'refreshing the store')
          await lead({ source, store })
          if (once) return
        } else if (once && place?.there === true) {
          // another one leads: it is enough that it has caught up with what was there when we came
          source = sourceUrl === storeUrl ? store : await sourcePool.connect()
          asked ??= (await source.query<{ at: string }>('select now()::text as at')).rows[0]?.at
          const { rows: [state] } = await store.query<{ done: boolean | null }>(`select state = 'ready' and caught_up_at >= $1::timestamptz as done from attempt_store`, [asked])
          if (state?.done === true) return
        }
      } catch (error) {
        if (!stopped()) log.warn({ err: error }, 'the store could not be refreshed; trying again')
      } finally {
        // closes the session, and with it the advisory lock
        if (source !== store) source?.release(true)
        store?.release(true)
      }
      await pause(1_000, stopping.signal)
    }
  }

  return {
    run: () => (running = loop()),
    async stop() {
      stopping.abort()
      await running
      await storePool.end()
      if (sourcePool !== storePool) await sourcePool.end()
    },
  }
}
