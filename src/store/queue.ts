/** What the queue says about students. */
import type pg from 'pg'

/** Those of these students that have exams in the queue. `truncated`: exam_results was truncated. */
export async function studentsQueued(
  primary: pg.ClientBase,
  students: readonly string[],
): Promise<string[] | 'truncated'> {
  const { rows } = await primary.query<{ student_id: string | null }>(
    `select distinct attempt_student_id(user_id)::text as student_id
from attempt_queue
where user_id is null or attempt_student_id(user_id) = any($1::uuid[])`,
    [students],
  )
  const queued = rows.map(({ student_id }) => student_id).filter((student) => student !== null)
  return queued.length < rows.length ? 'truncated' : queued
}
