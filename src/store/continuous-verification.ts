/** Verification while the queue is empty: compares a few students at a time with the view, and repairs differences. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { acknowledgeVersion } from './acknowledgement.js'
import { markDaysStale } from './day-kpis.js'
import { writeDifference } from './difference.js'
import type { RefresherIntervals } from './intervals.js'
import type { RefresherLog } from './leader.js'
import { studentsQueued } from './queue.js'
import { studentRows } from './recompute.js'
import { isExamError } from './exam-error.js'
import { studentsSetAside } from './set-aside.js'
import { type Sessions, transaction } from './sessions.js'
import { lockStoreRow, nextVersion } from './store-row.js'

/** Kept short, because batches wait for each statement of the comparison. */
const statementTimeoutMs = 1_000
const studentsPerStep = 5

export interface VerifiedStudents {
  /** Rows that differed and were repaired. */
  differences: number
  /** The last student that was compared; null: start with the first student again. */
  after: string | null
  /**
   * A statement timed out or failed, or there were too many rows, and nothing was compared: retry with fewer students.
   * A single student is skipped.
   */
  timedOut: boolean
}

async function studentsAfter(
  client: pg.ClientBase,
  relation: 'attempt_exam' | 'attempt_materialized',
  after: string | null,
  count: number,
): Promise<string[]> {
  const { rows } = await client.query<{ student_id: string }>(
    `select distinct student_id from ${relation}
where ${after === null ? 'student_id is not null' : 'student_id > $2::uuid'}
order by student_id
limit $1::integer`,
    after === null ? [count] : [count, after],
  )
  return rows.map(({ student_id }) => student_id)
}

/** Compares the next `count` students, in the order of their ids, with the view and repairs those that differ. */
export async function verifyNextStudents(
  sessions: Sessions,
  after: string | null,
  count: number,
): Promise<VerifiedStudents> {
  const { primary, store } = sessions
  const nothing = { differences: 0, after, timedOut: false }
  let last: string | null = null
  return transaction(sessions, async () => {
    const row = await lockStoreRow(store)
    if (row === undefined || row.state !== 'ready') return nothing
    for (const client of new Set([primary, store]))
      await client.query(`set local statement_timeout = ${statementTimeoutMs}`)
    // from both databases: a student may be in only one of them
    const candidates = [
      ...(await studentsAfter(primary, 'attempt_exam', after, count)),
      ...(await studentsAfter(store, 'attempt_materialized', after, count)),
    ]
    const students = new Set([...new Set(candidates)].sort().slice(0, count))
    last = [...students].at(-1) ?? null
    // students with an exam in the queue are left out: the store may not have the exam yet
    const queued = await studentsQueued(primary, [...students])
    // exam_results was truncated, and the store is about to be rebuilt
    if (queued === 'truncated') return nothing
    for (const student of queued) students.delete(student)
    if (row.set_aside > 0) for (const student of await studentsSetAside(store, [...students])) students.delete(student)
    const next = nextVersion(row)
    const difference = await writeDifference(
      store,
      await studentRows(sessions, [...students], { oneSlice: true }),
      next,
    )
    const differences = difference.written + difference.deleted
    if (differences > 0) {
      await markDaysStale(store, difference.days, next)
      await store.query(
        `update attempt_store set
  version = $1::bigint, differences = differences + $2::bigint, difference_at = now()`,
        [next, differences],
      )
      await acknowledgeVersion(primary, row, next)
    }
    return { ...nothing, differences, after: last }
  }).catch((error: unknown) => {
    if (!isExamError(error)) throw error
    return { differences: 0, after: count === 1 ? last : after, timedOut: true }
  })
}

/**
 * Returns a function to call between batches: it verifies the next students once every `verificationMs`.
 * @param onVerified called after each step that compared students
 */
export function createContinuousVerification(
  log: RefresherLog,
  { verificationMs }: Pick<RefresherIntervals, 'verificationMs'>,
  onVerified: () => void,
): (sessions: Sessions) => Promise<void> {
  let verifiedAt = Date.now()
  let count = studentsPerStep
  // a random start: if each leader began with the first student, short-lived leaders would never verify the last ones
  let after: string | null = randomUUID()
  return async (sessions) => {
    if (Date.now() - verifiedAt < verificationMs) return
    verifiedAt = Date.now()
    const verified = await verifyNextStudents(sessions, after, count)
    after = verified.after
    if (verified.timedOut && count === 1)
      log.warn(
        {},
        `skipped a student whose comparison fails or takes longer than ${statementTimeoutMs} ms; ` +
          'attempt-api store verify compares every student',
      )
    count = verified.timedOut ? 1 : studentsPerStep
    if (!verified.timedOut) onVerified()
    if (verified.differences > 0)
      log.error({ differences: verified.differences }, 'the store differed from the view and was repaired')
  }
}
