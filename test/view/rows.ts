/** Exams into a database, rows of the views out of it, and the difference of two lists of rows. */
import type { AnomalyRow, AttemptRow, Exam } from '../../src/contract/reference/expected-rows.js'

/** A pool, or a client of one. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** Puts exams into exam_results; JSON goes as text, so that 1.0, 1e3 and -0 arrive as they are spelled. */
export async function loadExams(db: Queryable, exams: readonly Exam[]): Promise<void> {
  await db.query(
    `
    insert into exam_results (id, session_id, user_id, result_json, created_at, updated_at)
    select id, session_id, user_id, result_json::jsonb, created_at::timestamptz, updated_at::timestamptz
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
      as e (id, session_id, user_id, result_json, created_at, updated_at)`,
    [
      exams.map((exam) => exam.id),
      exams.map((exam) => exam.sessionId),
      exams.map((exam) => exam.userId),
      exams.map((exam) => exam.resultJson),
      exams.map((exam) => exam.createdAt),
      exams.map((exam) => exam.updatedAt),
    ],
  )
}

const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** The rows of the view `attempt` in a database, every column as text. */
export async function attemptsOf(db: Queryable, where = 'true', values: unknown[] = []): Promise<AttemptRow[]> {
  const { rows } = await db.query(
    `
    select id::text, student_id::text, item_id::text, correct::text, response_time_ms::text, hint_used::text,
      ${utc('completed_at')} as completed_at, ${utc('started_at')} as started_at, attempt_no::text, session_id, topic_id
    from attempt where ${where}`,
    values,
  )
  return rows as AttemptRow[]
}

/** The rows of the view `attempt_anomaly` in a database. */
export async function anomaliesOf(db: Queryable, where = 'true', values: unknown[] = []): Promise<AnomalyRow[]> {
  const { rows } = await db.query(
    `
    select exam_result_id::text, session_id, user_id, position::text, question_id, field, value, reason, outcome
    from attempt_anomaly where ${where}`,
    values,
  )
  return rows as AnomalyRow[]
}

/** How two lists of rows differ as multisets, by all columns; two empty lists where they are the same. */
export function difference<Row extends object>(
  actual: readonly Row[],
  expected: readonly Row[],
): { missing: Row[]; unexpected: Row[] } {
  // sorted by name, so that the order of properties does not matter
  const key = (row: Row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  const open = new Map<string, Row[]>()
  for (const row of expected) {
    const same = open.get(key(row))
    if (same === undefined) open.set(key(row), [row])
    else same.push(row)
  }
  const unexpected = actual.filter((row) => open.get(key(row))?.pop() === undefined)
  return { missing: [...open.values()].flat(), unexpected }
}
