/**
 * Exams that the refresher could not take. They do not stop the others. The store has no rows of such an exam, and
 * numbers the student's attempts at the same items without it. A change of the exam retries it, and so does time.
 */
import type pg from 'pg'
import type { RefresherLog } from './leader.js'

/** The refresher retries an exam after this time, as an SQL interval. */
const retryAfter = `interval '1 day'`

/** More exams than this have one cause, which is not theirs: the refresher stops instead, and retries. */
export const mostSetAside = 1_000

export interface SetAsideExam {
  exam: string
  /** More than one if the exam's user was changed. */
  students: string[]
  reason: string
}

/** Logs each exam as an error. */
export function logSetAside(log: RefresherLog, exams: readonly SetAsideExam[]): void {
  for (const { exam, reason } of exams)
    log.error(
      { exam, reason },
      'an exam could not be taken into the store and was set aside; see attempt-api store status',
    )
}

/** Adds an exam, or replaces its reason. @returns false: there are too many already, and nothing was added */
export async function addSetAside(store: pg.ClientBase, { exam, students, reason }: SetAsideExam): Promise<boolean> {
  const { rowCount } = await store.query(
    `insert into attempt_set_aside (exam_result_id, students, reason, retry_at)
select $1::uuid, $2::uuid[], $3, now() + ${retryAfter}
where (select count(*) from attempt_set_aside) < ${mostSetAside}
on conflict (exam_result_id) do update set
  students = excluded.students, reason = excluded.reason, retry_at = excluded.retry_at`,
    [exam, students, reason],
  )
  return rowCount === 1
}

/** Removes exams that the store has taken. */
export async function removeSetAside(store: pg.ClientBase, exams: readonly string[]): Promise<void> {
  await store.query('delete from attempt_set_aside where exam_result_id = any($1::uuid[])', [exams])
}

/** Removes the exams of students whose exams the store has all taken. */
export async function removeSetAsideOf(store: pg.ClientBase, students: readonly string[]): Promise<void> {
  await store.query('delete from attempt_set_aside where students <@ $1::uuid[]', [students])
}

/** The exam whose time to be retried has come first, if any. */
export async function nextRetry(store: pg.ClientBase): Promise<{ exam: string; students: string[] } | undefined> {
  const { rows } = await store.query<{ exam: string; students: string[] }>(
    `select exam_result_id::text as exam, students::text[] as students
from attempt_set_aside
where retry_at <= now()
order by retry_at
limit 1`,
  )
  return rows[0]
}

/** Those of these students that have such an exam: store and view differ for them. */
export async function studentsSetAside(store: pg.ClientBase, students: readonly string[]): Promise<string[]> {
  const { rows } = await store.query<{ student_id: string }>(
    `select distinct student_id::text
from attempt_set_aside, unnest(students) as student_id
where student_id = any($1::uuid[])`,
    [students],
  )
  return rows.map(({ student_id }) => student_id)
}

/** Has the refresher retry one exam, or all, within a second. @returns how many */
export async function retrySetAside(store: Pick<pg.ClientBase, 'query'>, exam?: string): Promise<number> {
  const { rowCount } = await store.query(
    `update attempt_set_aside set retry_at = now() where $1::uuid is null or exam_result_id = $1::uuid`,
    [exam ?? null],
  )
  return rowCount ?? 0
}

export interface ListedExam {
  exam: string
  reason: string
  since: string
  retryAt: string
}

const formatted = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

/** The oldest ones. */
export async function listSetAside(store: Pick<pg.ClientBase, 'query'>, limit: number): Promise<ListedExam[]> {
  const { rows } = await store.query<ListedExam>(
    `select exam_result_id::text as exam, reason, ${formatted('since')} as since, ${formatted('retry_at')} as "retryAt"
from attempt_set_aside
order by attempt_set_aside.since, exam_result_id
limit $1::integer`,
    [limit],
  )
  return rows
}
