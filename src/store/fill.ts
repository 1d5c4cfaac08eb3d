/** The first fill of a store, and every later one: chunk by chunk, invisible to readers until it is whole. */
import type pg from 'pg'
import { markDays } from './days.js'
import { beginHistory } from './epochs.js'
import { rowsOf, writeDifference } from './recompute.js'
import { acknowledge, acknowledged, readState, type Sessions, transaction } from './sessions.js'
import { added, noDifference, recomputeUnacknowledged } from './unacknowledged.js'

/** Students of one chunk, and their exams: what a transaction costs, and what this process holds where the store is elsewhere. */
const chunk = 200
const chunkExams = 2_000

/** Has the store filled anew by whoever refreshes it; readers take the view meanwhile, and the feed begins again. */
export async function rebuild(store: pg.ClientBase): Promise<void> {
  // from the clock, as in the migration: a restored store must not give its versions again
  await store.query(`update attempt_store set state = 'emptying', filled_to = null, filled_rows = 0, caught_up_at = null, version = begin.version, oldest_version = begin.version
from (select greatest(version + 1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) as version from attempt_store) as begin`)
  await beginHistory(store)
}

/** Empties a store that is to be filled anew. @returns false where readers that began before still have it */
export async function empty(store: pg.ClientBase): Promise<boolean> {
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
export async function nextStudents(primary: pg.ClientBase, after: string | null): Promise<string[]> {
  const { rows } = await primary.query<{ student_id: string }>({
    // two texts: a plan for both would read the index from its beginning
    text: `select distinct student_id from attempt_exam where ${after === null ? 'student_id is not null' : 'student_id > $1::uuid'} order by student_id limit ${chunk}`,
    values: after === null ? [] : [after],
  })
  return rows.map(({ student_id }) => student_id)
}

/** As many of the first of these students, at least one, as one chunk takes. */
export async function affordable(primary: pg.ClientBase, students: string[]): Promise<string[]> {
  const { rows } = await primary.query<{ student_id: string; exams: string }>(
    'select student_id, count(*) as exams from attempt_exam where student_id = any($1::uuid[]) group by student_id',
    [students],
  )
  const exams = new Map(rows.map((row) => [row.student_id, Number(row.exams)]))
  let sum = 0
  return students.filter((student, index) => (sum += exams.get(student) ?? 0) <= chunkExams || index === 0)
}

/**
 * One chunk of the fill, committed with its place and a version of its own, so that a kill costs one chunk and the primary
 * may lose what one saw. The days are computed afterwards.
 * @returns whether that was the last one
 */
export async function fillChunk(sessions: Sessions): Promise<{ done: boolean; filledTo: string | null; rows: number }> {
  const { primary, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined || state.state !== 'filling') return { done: true, filledTo: null, rows: 0 }
    const known = await acknowledged(primary, state)
    const next = String(BigInt(state.version) + 1n)
    // at its beginning the store is empty, and knows of nothing that could be lost
    const lost = state.filled_to === null ? noDifference() : await recomputeUnacknowledged(sessions, state, known, next)
    if (lost === undefined) {
      await rebuild(store)
      return { done: true, filledTo: null, rows: 0 }
    }
    const found = await nextStudents(primary, state.filled_to)
    const students = await affordable(primary, found)
    const filled = await writeDifference(store, await rowsOf(sessions, students), next)
    const { written, deleted, days } = added(lost, filled)
    await markDays(store, days, next)
    const version = written + deleted > 0 ? next : state.version
    const filledTo = students.at(-1) ?? state.filled_to
    const done = found.length < chunk && students.length === found.length
    await store.query(
      `update attempt_store set filled_to = $1, filled_rows = filled_rows + $2::bigint, state = $3, version = $4::bigint`,
      [filledTo, filled.written, done ? 'catching_up' : 'filling', version],
    )
    await acknowledge(primary, state, version)
    return { done, filledTo, rows: Number(state.filled_rows) + filled.written }
  })
}
