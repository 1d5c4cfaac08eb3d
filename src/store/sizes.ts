/** How many exams fit into one statement, by the size of their rows. */
import type pg from 'pg'
import { isExamError } from './exam-error.js'
import { retryable } from './savepoint.js'

/** Estimated bytes of the rows of one statement; a single exam, or a student in a fill, may have more. */
export const statementBytes = 8 * 1024 * 1024

/** Of one row without its texts. */
const rowBytes = 200

// `offset 0` keeps the document from being read once per use
const sizes = (selected: string, condition: string) => `select ${selected}::text as key, sum(
  case when jsonb_typeof(questions) = 'array'
    then jsonb_array_length(questions) * (${rowBytes} + coalesce(octet_length(session_id), 0))::numeric
      + pg_column_size(questions)
    else 0
  end
) as bytes
from (select student_id, exam_result_id, session_id, questions from attempt_exam where ${condition} offset 0) as exam
group by 1`

/** The longest beginning of `keys` that fits; at least one. */
function beginning(keys: readonly string[], rows: readonly { key: string; bytes: string }[]): string[] {
  const bytes = new Map(rows.map((row) => [row.key, Number(row.bytes)]))
  let sum = 0
  const end = keys.findIndex((key, index) => (sum += bytes.get(key) ?? 0) > statementBytes && index > 0)
  return end < 0 ? [...keys] : keys.slice(0, end)
}

/** The longest beginning of these exams whose rows fit into one statement; at least one exam. */
export async function examsThatFit(
  primary: pg.ClientBase,
  exams: readonly string[],
  students: readonly string[],
): Promise<string[]> {
  if (exams.length <= 1) return [...exams]
  try {
    return await retryable([primary], async () => {
      const { rows } = await primary.query<{ key: string; bytes: string }>(
        sizes('exam_result_id', 'student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])'),
        [students, exams],
      )
      return beginning(exams, rows)
    })
  } catch (error) {
    // one of them cannot be read
    if (!isExamError(error)) throw error
    return examsThatFit(primary, exams.slice(0, Math.ceil(exams.length / 2)), students)
  }
}

/** The same for all exams of students, at least one student. */
export async function studentsThatFit(primary: pg.ClientBase, students: readonly string[]): Promise<string[]> {
  if (students.length <= 1) return [...students]
  try {
    return await retryable([primary], async () => {
      const { rows } = await primary.query<{ key: string; bytes: string }>(
        sizes('student_id', 'student_id = any($1::uuid[])'),
        [students],
      )
      return beginning(students, rows)
    })
  } catch (error) {
    if (!isExamError(error)) throw error
    return studentsThatFit(primary, students.slice(0, Math.ceil(students.length / 2)))
  }
}
