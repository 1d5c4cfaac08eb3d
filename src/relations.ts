/**
 * The relations that the service reads, declared for Kysely: a misspelled column is a compile error. The types are
 * those of SQL; the rows of a `Reader` have every value as PostgreSQL's text. All columns are read-only here: the
 * refresher has its own statements.
 */
import { sql, type GeneratedAlways, type Kysely, type RawBuilder, type SelectType } from 'kysely'
import type { AttemptColumn } from './contract/attempt-v1.js'
import { compiled, createQueryBuilder, ownSchema } from './database/statement.js'

interface SqlTypes {
  bigint: string
  boolean: boolean
  integer: number
  text: string
  'timestamp with time zone': string
  uuid: string
}
type ReadOnly<Columns> = { [C in keyof Columns]: GeneratedAlways<Columns[C]> }

/** The columns of the contract. */
export type AttemptColumns = {
  [C in AttemptColumn as C['name']]: C['nullable'] extends true ? SqlTypes[C['type']] | null : SqlTypes[C['type']]
}

/** The place of an attempt in exam_results, and whether the source has its correctness. */
interface Provenance {
  exam_result_id: string
  position: number
  answered: boolean
}

interface Exam {
  exam_result_id: string
  session_id: string
  user_id: string | null
  student_id: string | null
  completed_at: string | null
  questions: unknown
}

interface Anomaly {
  exam_result_id: string
  session_id: string
  user_id: string | null
  position: number | null
  question_id: string | null
  field: string
  value: string | null
  reason: string
  outcome: string
}

interface DeletedAttempt extends Pick<AttemptColumns, 'student_id' | 'item_id' | 'attempt_no'> {
  version: string
  deleted_at: string
}

interface TopicDay {
  date: string
  topic_id: string | null
  attempts: string
  correct: string
  accuracy: number
  first_attempts: string
  first_attempts_correct: string
  hints: string
  timed_attempts: string
  sum_response_time_ms: string
  avg_response_time_ms: number
  median_response_time_ms: number
  students: string
  p90_response_time_ms: number
}

/** The values of attempt_store.state; `StoreRow` explains them. */
export const storeStates = ['emptying', 'filling', 'catching_up', 'ready'] as const
export type StoreStateName = (typeof storeStates)[number]

interface Store {
  only_row: boolean
  id: string
  version: string
  state: StoreStateName
  filled_to: string | null
  filled_rows: string
  caught_up_at: string | null
  oldest_version: string
  differences: string
  difference_at: string | null
  set_aside: number
}

interface QueuedExam {
  user_id: string | null
  enqueued_at: string
  exam_result_id: string | null
  is_new: boolean
  /** Why the queue is incomplete; null in the row of an exam. */
  problem: string | null
}

/** Views of the contract, then tables of the store, then the queue that feeds it. */
export interface Relations {
  attempt: ReadOnly<AttemptColumns>
  attempt_numbered: ReadOnly<AttemptColumns & Provenance>
  attempt_response: ReadOnly<Omit<AttemptColumns, 'attempt_no'> & Provenance>
  attempt_exam: ReadOnly<Exam>
  attempt_anomaly: ReadOnly<Anomaly>
  attempt_materialized: ReadOnly<AttemptColumns & Provenance & { version: string }>
  attempt_deleted: ReadOnly<DeletedAttempt>
  attempt_topic_day: ReadOnly<TopicDay>
  attempt_day: ReadOnly<{ date: string; version: string; stale: boolean }>
  attempt_store: ReadOnly<Store>
  attempt_epoch: ReadOnly<{ epoch: string; first_version: string }>
  attempt_queue: ReadOnly<QueuedExam>
}

/** Builds read-only statements. */
export const db: Pick<Kysely<Relations>, 'selectFrom'> = createQueryBuilder<Relations>().withSchema(ownSchema)

/** The name of a column; for several relations: of a column that all of them have. */
export type ColumnName<Relation extends keyof Relations> = keyof Relations[Relation] & string

const references = new Map<string, RawBuilder<never>>()
const tables = new Map<string, RawBuilder<unknown>>()

/** A reference to a column by its name, compiled once: a statement has up to fifty references. */
export function referenceTo(column: string): RawBuilder<never> {
  const reference = references.get(column) ?? compiled<never>(sql.ref(column))
  references.set(column, reference)
  return reference
}

/** References to the columns of a relation, for `sql` templates. */
export const columnsOf =
  <Relation extends keyof Relations>() =>
  <Name extends ColumnName<Relation>>(name: Name): RawBuilder<SelectType<Relations[Relation][Name]>> =>
    referenceTo(name)

/** A relation, for `sql` templates; compiled once. */
export function relation(name: keyof Relations): RawBuilder<unknown> {
  const table = tables.get(name) ?? compiled(sql.table(`${ownSchema}.${name}`))
  tables.set(name, table)
  return table
}
