/** The SQL condition of each filter, on attempts, exams and days. */
import { expressionBuilder, sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Reader } from '../database/reader.js'
import { columnsOf, type Relations } from '../relations.js'

export type Condition = RawBuilder<SqlBool>

/** Timestamps; `until` is exclusive. */
export interface Range {
  since?: string
  until?: string
}

/** Days in a time zone; `until` is exclusive. */
export type Days = Range & { zone: string }

/** Selects attempts: those that match any value of each filter, and all filters. */
export interface AttemptFilters extends Range {
  student?: string | undefined
  students?: readonly string[] | undefined
  id?: string | undefined
  items?: readonly string[] | undefined
  topics?: readonly string[] | undefined
  session?: string | undefined
  correct?: string | undefined
  attemptNo?: number | undefined
  /** Only the first attempt of a student at an item. */
  first?: boolean | undefined
  /** Leaves out attempts with a hint. */
  withoutHints?: boolean | undefined
  /** Leaves out attempts whose correctness the source does not have. */
  explicit?: boolean | undefined
  /** A share of the students, above 0 to 1. */
  sample?: number | undefined
}

/** From Kysely: `and` of no condition is true, `or` of none is false. */
export const { and, or } = expressionBuilder<Relations>()

const attempt = columnsOf<'attempt_numbered'>()

/** The relation of the attempts, with the columns that the contract leaves out: exam_result_id, position, answered. */
export const attemptRelation = (reader: Reader): 'attempt_materialized' | 'attempt_numbered' =>
  reader.store ? 'attempt_materialized' : 'attempt_numbered'

const from = (column: RawBuilder<unknown>, value: string, type: 'date' | 'timestamptz') =>
  sql<SqlBool>`${column} >= ${value}::${sql.raw(type)}`
const before = (column: RawBuilder<unknown>, value: string, type: 'date' | 'timestamptz') =>
  sql<SqlBool>`${column} < ${value}::${sql.raw(type)}`

/** Conditions on completed_at, which attempts and exams have. */
export const inRange = ({ since, until }: Range): Condition[] => [
  ...(since === undefined ? [] : [from(attempt('completed_at'), since, 'timestamptz')]),
  ...(until === undefined ? [] : [before(attempt('completed_at'), until, 'timestamptz')]),
]

/** Conditions on days. `last` and `first`: the latest and earliest day of a row. */
export const inDays = (
  { since, until }: Range,
  last: RawBuilder<unknown>,
  first: RawBuilder<unknown> = last,
): Condition[] => [
  ...(since === undefined ? [] : [from(last, since, 'date')]),
  ...(until === undefined ? [] : [before(first, until, 'date')]),
]

/** The day of an instant in a time zone. */
export const dayIn = (zone: string, instant: RawBuilder<unknown>): RawBuilder<string> =>
  sql<string>`(${instant} at time zone ${zone}::text)::date`

/** Number of values of the hash of a student. A sample has the students whose hash is below its share of them. */
const sampleSpace = 2 ** 32

export function attemptConditions({ student, students, sample, ...filters }: AttemptFilters): Condition[] {
  const conditions: Condition[] = []
  if (student !== undefined) conditions.push(sql`${attempt('student_id')} = ${student}::uuid`)
  if (students !== undefined) conditions.push(sql`${attempt('student_id')} = any(${students}::uuid[])`)
  conditions.push(...inRange(filters))
  // md5 gives the same sample on every server, and a larger sample contains every smaller one
  if (sample !== undefined)
    conditions.push(
      sql`('x' || substr(md5(${attempt('student_id')}::text), 1, 8))::bit(32)::bigint <
  ${Math.max(1, Math.round(sample * sampleSpace))}::bigint`,
    )
  const { id, items, topics, session, correct, attemptNo, first, withoutHints, explicit } = filters
  if (id !== undefined) conditions.push(sql`${attempt('id')} = ${id}::bigint`)
  if (items !== undefined) conditions.push(sql`${attempt('item_id')} = any(${items}::bigint[])`)
  if (topics !== undefined) conditions.push(sql`${attempt('topic_id')} = any(${topics}::text[])`)
  if (session !== undefined) conditions.push(sql`${attempt('session_id')} = ${session}::text`)
  if (correct !== undefined) conditions.push(sql`${attempt('correct')} = ${correct}::boolean`)
  if (attemptNo !== undefined) conditions.push(sql`${attempt('attempt_no')} = ${attemptNo}::integer`)
  if (first === true) conditions.push(sql`${attempt('attempt_no')} = 1`)
  if (withoutHints === true) conditions.push(sql`not ${attempt('hint_used')}`)
  if (explicit === true) conditions.push(attempt('answered'))
  return conditions
}
