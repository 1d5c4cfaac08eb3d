/** Fills a store chunk by chunk, for the first time or again. Requests do not read it until it is complete. */
import type pg from 'pg'
import { acknowledgedVersion, acknowledgeVersion, recomputeUnacknowledged } from './acknowledgement.js'
import { createBatchWriter } from './batch-writer.js'
import { markDaysStale } from './day-kpis.js'
import { beginHistory } from './epochs.js'
import { hasProblems } from './queue-problems.js'
import { inTransaction, type Sessions, transaction } from './sessions.js'
import type { SetAsideExam } from './set-aside.js'
import { studentsThatFit } from './sizes.js'
import { lockStoreRow, nextVersion } from './store-row.js'
import { chunkStudents, limitByExams, nextStudents } from './students.js'

/**
 * Marks the store for a rebuild: requests read the view from now on, change tokens expire, and the leading refresher
 * empties the store and fills it again.
 */
export async function rebuild(store: pg.ClientBase): Promise<void> {
  // the first version is the time in milliseconds, as in the migration: a restored store must not reuse a version
  await store.query(`update attempt_store set
  state = 'emptying', filled_to = null, filled_rows = 0, caught_up_at = null,
  version = first.version, oldest_version = first.version
from (
  select greatest(version + 1, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) as version
  from attempt_store
) as first`)
  await beginHistory(store)
}

const isLockTimeout = (error: unknown): boolean => (error as { code?: string }).code === '55P03'

/**
 * Empties a store that is marked for a rebuild.
 * @returns false: other transactions still read it; retry
 */
export async function emptyStore(store: pg.ClientBase): Promise<boolean> {
  try {
    await inTransaction(store, async () => {
      // while TRUNCATE waits for its table lock, every request to the store waits behind it
      await store.query(`set local lock_timeout = '500ms'`)
      if ((await lockStoreRow(store))?.state !== 'emptying') return
      await store.query('truncate attempt_materialized, attempt_deleted, attempt_topic_day, attempt_day')
      await store.query('delete from attempt_set_aside')
      await store.query(`update attempt_store set state = 'filling', set_aside = 0`)
    })
    return true
  } catch (error) {
    if (isLockTimeout(error)) return false
    throw error
  }
}

export interface FilledChunk {
  /** This was the last chunk. */
  done: boolean
  /** The last student so far. */
  filledTo: string | null
  /** Rows written since the fill began. */
  rows: number
  setAside: readonly SetAsideExam[]
}

/**
 * Fills the next chunk and commits it with its position and its own version. So a killed process repeats one chunk, and
 * if the primary loses commits, only the students of the affected chunks are recomputed. The KPIs of days are computed
 * after the fill.
 */
export async function fillChunk(sessions: Sessions): Promise<FilledChunk> {
  const { primary, store } = sessions
  return transaction(sessions, async () => {
    const row = await lockStoreRow(store)
    if (row === undefined || row.state !== 'filling') return { done: true, filledTo: null, rows: 0, setAside: [] }
    const acknowledged = await acknowledgedVersion(primary, row)
    const next = nextVersion(row)
    const writer = createBatchWriter(sessions, next, row.set_aside > 0)
    // before its first chunk the store is empty, so it has no rows from lost commits
    const unacknowledged =
      row.filled_to === null ? 0 : await recomputeUnacknowledged(sessions, row, acknowledged, writer)
    // exams that the queue does not have may belong to students that are filled already: start over now, not at the end
    if (unacknowledged === undefined || (await hasProblems(primary))) {
      await rebuild(store)
      return { done: true, filledTo: null, rows: 0, setAside: [] }
    }
    const before = writer.difference().written
    const candidates = await nextStudents(primary, row.filled_to)
    const students = await studentsThatFit(primary, await limitByExams(primary, candidates))
    await writer.students(students)
    const { written, deleted, days } = writer.difference()
    await markDaysStale(store, days, next)
    const version = written + deleted > 0 ? next : row.version
    const filledTo = students.at(-1) ?? row.filled_to
    const done = candidates.length < chunkStudents && students.length === candidates.length
    await store.query(
      `update attempt_store set
  filled_to = $1, filled_rows = filled_rows + $2::bigint, state = $3, version = $4::bigint,
  set_aside = (select count(*) from attempt_set_aside)`,
      [filledTo, written - before, done ? 'catching_up' : 'filling', version],
    )
    await acknowledgeVersion(primary, row, version)
    return { done, filledTo, rows: Number(row.filled_rows) + written - before, setAside: writer.setAside }
  })
}
