/** The relations as TypeScript has them are those of the database. */
import t from 'tap'
import { buildIndexes } from '../../src/migrate/indexes.js'
import type { ColumnName, Relations } from '../../src/relations.js'
import { createDatabase } from '../helpers/database.js'
import { enabled } from '../helpers/store.js'

/** A column that is missing here, or is too many, does not compile. */
const columns: { [R in keyof Relations]: Record<ColumnName<R>, string> } = {
  attempt: {
    id: 'bigint',
    student_id: 'uuid',
    item_id: 'bigint',
    correct: 'boolean',
    response_time_ms: 'integer',
    hint_used: 'boolean',
    completed_at: 'timestamp with time zone',
    started_at: 'timestamp with time zone',
    attempt_no: 'integer',
    session_id: 'text',
    topic_id: 'text',
  },
  get attempt_numbered() {
    return { ...this.attempt, exam_result_id: 'uuid', position: 'integer', answered: 'boolean' }
  },
  get attempt_response() {
    const { attempt_no: _numbered, ...response } = this.attempt_numbered
    return response
  },
  attempt_exam: {
    exam_result_id: 'uuid',
    session_id: 'text',
    user_id: 'text',
    student_id: 'uuid',
    completed_at: 'timestamp with time zone',
    questions: 'jsonb',
  },
  attempt_anomaly: {
    exam_result_id: 'uuid',
    session_id: 'text',
    user_id: 'text',
    position: 'integer',
    question_id: 'text',
    field: 'text',
    value: 'text',
    reason: 'text',
    outcome: 'text',
  },
  get attempt_materialized() {
    return { ...this.attempt_numbered, version: 'bigint' }
  },
  attempt_deleted: {
    student_id: 'uuid',
    item_id: 'bigint',
    attempt_no: 'integer',
    version: 'bigint',
    deleted_at: 'timestamp with time zone',
  },
  attempt_topic_day: {
    date: 'date',
    topic_id: 'text',
    attempts: 'bigint',
    correct: 'bigint',
    accuracy: 'double precision',
    first_attempts: 'bigint',
    first_attempts_correct: 'bigint',
    hints: 'bigint',
    timed_attempts: 'bigint',
    sum_response_time_ms: 'bigint',
    avg_response_time_ms: 'double precision',
    median_response_time_ms: 'double precision',
    students: 'bigint',
    p90_response_time_ms: 'double precision',
  },
  attempt_day: { date: 'date', version: 'bigint', stale: 'boolean' },
  attempt_store: {
    only_row: 'boolean',
    id: 'uuid',
    version: 'bigint',
    state: 'text',
    filled_to: 'uuid',
    filled_rows: 'bigint',
    caught_up_at: 'timestamp with time zone',
    oldest_version: 'bigint',
    differences: 'bigint',
    difference_at: 'timestamp with time zone',
    set_aside: 'integer',
  },
  attempt_epoch: { epoch: 'uuid', first_version: 'bigint' },
  attempt_queue: {
    user_id: 'text',
    enqueued_at: 'timestamp with time zone',
    exam_result_id: 'uuid',
    is_new: 'boolean',
    problem: 'text',
  },
}

t.test('every relation has the columns and types that the code is compiled against', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  for (const [relation, expected] of Object.entries(columns)) {
    const { rows } = await db.pool.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, atttypmod) as type
from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
      [relation],
    )
    t.strictSame(Object.fromEntries(rows.map(({ name, type }) => [name, type])), expected, relation)
  }
})
