/**
 * Keeps the store in step: fills it once, then takes the users whose exams were written, recomputes their students and
 * commits the difference under a new version. Any number of refreshers may run; an advisory lock lets one work.
 */
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
/** Students compared with the view while idle, and how often. */
const sampled = 5
const sampleEveryMs = 1_000
export const storeLock = `hashtextextended('attempt store', 0)`

interface State { version: string; state: 'filling' | 'ready'; filled_to: string | null; filled_rows: string }

/** One refresher's sessions: the same one twice where source and store are one database. */
export interface Sessions { source: pg.PoolClient; store: pg.PoolClient }

/** Runs `work` in one transaction a database; the store commits first, so that a claim is acknowledged only afterwards. */
export async function transaction<T>({ source, store }: Sessions, work: () => Promise<T>): Promise<T> {
  const both = source === store ? [store] : [store, source]
  try {
    for (const client of both) await client.query('begin isolation level repeatable read')
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

const readState = async (store: pg.ClientBase) => (await store.query<State>('select version, state, filled_to, filled_rows from attempt_store for update')).rows[0]

/** Empties the store and lets it be filled anew; readers take the view meanwhile, and the feed begins again. */
export async function rebuild(store: pg.ClientBase): Promise<void> {
  await store.query(`update attempt_store set state = 'filling', filled_to = null, filled_rows = 0, caught_up_at = null, version = version + 1, oldest_version = version + 1`)
  await beginHistory(store)
  for (let attempt = 1; ; attempt++) {
    await store.query('begin')
    try {
      // readers that began before must end first; new ones do not come, because the state says so
      await store.query(`set local lock_timeout = '2s'`)
      await store.query('truncate attempt_materialized, attempt_deleted, attempt_topic_day, attempt_day')
      await store.query(`update attempt_store set filled_to = null, filled_rows = 0`)
      await store.query('commit')
      return
    } catch (error) {
      await store.query('rollback')
      if ((error as { code?: string }).code !== '55P03' || attempt === 1_800) throw error
      await new Promise((again) => setTimeout(again, 500 + Math.random() * 500))
    }
  }
}

/** The next students in the order of their id, all of them in the end. */
export async function nextStudents(source: pg.ClientBase, after: string | null): Promise<string[]> {
  const { rows } = await source.query<{ student_id: string }>({
    name: 'attempt_store_students', text: `select distinct student_id from attempt_exam where student_id is not null and ($1::uuid is null or student_id > $1::uuid) order by student_id limit ${chunk}`, values: [after],
  })
  return rows.map(({ student_id }) => student_id)
}

/**
 * One chunk of the first fill, committed with its place, so that a kill costs one chunk.
 * @returns whether that was the last one
 */
export async function fillChunk(sessions: Sessions): Promise<{ done: boolean; filledTo: string | null; rows: number }> {
  return transaction(sessions, async () => {
    const state = await readState(sessions.store)
    if (state === undefined || state.state !== 'filling') return { done: true, filledTo: null, rows: 0 }
    const students = await nextStudents(sessions.source, state.filled_to)
    const { written } = await writeDifference(sessions.store, await rowsOf(sessions, students), state.version)
    const filledTo = students.at(-1) ?? state.filled_to
    await sessions.store.query('update attempt_store set filled_to = $1, filled_rows = filled_rows + $2::bigint', [filledTo, written])
    return { done: students.length < chunk, filledTo, rows: Number(state.filled_rows) + written }
  })
}

/** The days of everything that is filled, when the rows are there. */
async function fillDays(store: pg.PoolClient): Promise<void> {
  await store.query('begin')
  try {
    const state = await readState(store)
    const { rows } = await store.query<{ date: string }>(`select distinct (completed_at at time zone 'UTC')::date::text as date from attempt_materialized`)
    await recomputeDays(store, rows.map(({ date }) => date), state?.version ?? '1')
    await store.query('commit')
  } catch (error) {
    await store.query('rollback')
    throw error
  }
}

/**
 * Takes up to `batch` rows of the queue, recomputes their students and commits everything at once.
 * @returns how many rows of the queue were taken; fewer than `batch`: the queue was empty then. -1: the table was emptied
 */
export async function refreshBatch(sessions: Sessions, batch: number): Promise<{ taken: number; students: number; written: number; deleted: number; version: string }> {
  const { source, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined) throw new Error('the store is not enabled')
    const { rows: queue } = await source.query<{ ctid: string; user_id: string | null; at: string }>(
      'select ctid::text as ctid, user_id, now()::text as at from attempt_queue limit $1', [batch])
    const users = new Set(queue.map(({ user_id }) => user_id))
    if (users.has(null)) {
      await source.query('delete from attempt_queue where user_id is null')
      return { taken: -1, students: 0, written: 0, deleted: 0, version: state.version }
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
    const { rows: [clock] } = await source.query<{ at: string }>('select now()::text as at')
    const caughtUp = queue.length < batch
    await store.query(`update attempt_store set version = $1::bigint, state = case when $2 then 'ready' else state end, caught_up_at = case when $2 then $3::timestamptz else caught_up_at end`,
      [version, caughtUp, clock?.at])
    if (queue.length > 0) await source.query('delete from attempt_queue where ctid = any($1::tid[])', [queue.map(({ ctid }) => ctid)])
    return { taken: queue.length, students, written, deleted, version }
  })
}

/** A few random students, compared with the view and repaired where they differ. @returns rows that differed */
export async function verifySample(sessions: Sessions, count: number): Promise<number> {
  const { source, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined || state.state !== 'ready') return 0
    const { rows: places } = await source.query<{ place: string }>('select gen_random_uuid()::text as place from generate_series(1, $1::integer)', [count])
    const students = new Set<string>()
    for (const { place } of places) {
      // from both sides: a student may be in the store alone, or not there at all
      for (const [client, relation] of [[source, 'attempt_exam'], [store, 'attempt_materialized']] as const) {
        const { rows } = await client.query<{ student_id: string }>(`select student_id::text from ${relation} where student_id >= $1::uuid order by student_id limit 1`, [place])
        if (rows[0] !== undefined) students.add(rows[0].student_id)
      }
    }
    // whose exams were just written is allowed to differ
    const { rows: waiting } = await source.query<{ student_id: string | null }>('select distinct attempt_student_id(user_id)::text as student_id from attempt_queue')
    for (const { student_id } of waiting) {
      if (student_id === null) return 0
      students.delete(student_id)
    }
    const next = String(BigInt(state.version) + 1n)
    const { written, deleted, days } = await writeDifference(store, await rowsOf(sessions, [...students]), next)
    if (written + deleted > 0) {
      await recomputeDays(store, days, next)
      await store.query('update attempt_store set version = $1::bigint, differences = differences + $2::bigint, difference_at = now()', [next, written + deleted])
    }
    return written + deleted
  })
}

const pause = (ms: number, signal: AbortSignal) => new Promise<void>((done) => {
  const timer = setTimeout(done, ms)
  signal.addEventListener('abort', () => { clearTimeout(timer); done() }, { once: true })
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
    const [began, before] = [Date.now(), (await sessions.store.query<State>('select version, state, filled_to, filled_rows from attempt_store')).rows[0]]
    let told = 0
    while (!stopped()) {
      const { done, filledTo, rows } = await fillChunk(sessions)
      if (done || Date.now() - told > 5_000) {
        told = Date.now()
        const share = done || filledTo === null ? 1 : parseInt(filledTo.slice(0, 8), 16) / 2 ** 32
        const rowsPerSecond = Math.round((rows - Number(before?.filled_rows ?? 0)) / Math.max(0.001, (Date.now() - began) / 1000))
        log.info({ rows, share: Math.round(share * 1000) / 1000, rowsPerSecond, secondsLeft: rowsPerSecond === 0 ? null : Math.round(rows * (1 / Math.max(share, 1e-9) - 1) / rowsPerSecond) }, 'filling the store')
      }
      if (done) return fillDays(sessions.store)
    }
  }

  /** Everything a leader does, until it is stopped or something fails. */
  async function lead(sessions: Sessions): Promise<void> {
    let beaten = 0
    let sampledAt = Date.now()
    await beginEpoch(sessions.store)
    const { rows: [state] } = await sessions.store.query<State>('select version, state, filled_to, filled_rows from attempt_store')
    if (state?.state === 'filling') await fill(sessions)
    while (!stopped()) {
      await retain(sessions.store)
      const { rows: [waiting] } = await sessions.source.query('select 1 from attempt_queue limit 1')
      if (waiting !== undefined || Date.now() - beaten >= heartbeatMs) {
        const { taken, students, written, deleted, version } = await refreshBatch(sessions, batch)
        if (taken === -1) {
          log.warn({}, 'exam_results was emptied: the store is filled anew')
          await rebuild(sessions.store)
          await fill(sessions)
          continue
        }
        beaten = Date.now()
        if (taken > 0) log.info({ taken, students, written, deleted, version }, 'refreshed the store')
        if (taken === batch) continue
        if (once) return
      }
      if (Date.now() - sampledAt >= sampleEveryMs) {
        sampledAt = Date.now()
        const differences = await verifySample(sessions, sampled)
        if (differences > 0) log.error({ differences }, 'the store differed from the view and was repaired')
      }
      await pause(idleMs, stopping.signal)
    }
  }

  async function loop(): Promise<void> {
    while (!stopped()) {
      let store: pg.PoolClient | undefined
      let source: pg.PoolClient | undefined
      try {
        store = await storePool.connect()
        const { rows: [place] } = await store.query<{ there: boolean }>(`select to_regclass('attempt_store') is not null as there`)
        const leads = place?.there === true && (await store.query<{ got: boolean }>(`select pg_try_advisory_lock(${storeLock}) as got`)).rows[0]?.got === true
        if (leads) {
          source = sourceUrl === storeUrl ? store : await sourcePool.connect()
          log.info({}, 'refreshing the store')
          await lead({ source, store })
          if (once) return
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
