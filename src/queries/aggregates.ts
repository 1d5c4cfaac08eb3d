/** Aggregates over attempts grouped by student, topic, item or day. */
import { sql, type RawBuilder } from 'kysely'
import type { Reader } from '../database/reader.js'
import { compiled, statement, type Statement } from '../database/statement.js'
import type { Column } from '../formats/encoder.js'
import { distinctStudents, type Measure } from '../measures.js'
import { columnsOf, relation } from '../relations.js'
import { and, attemptConditions, attemptRelation, dayIn, inDays, inRange, type Days, type Range } from './filters.js'
import { bigintForm, isAfter, keyList, uuidForm, type KeyColumn, type KeyForm } from './keyset.js'
import type { PageRequest, StatementSequence } from './paging.js'
import { studentsOfRange } from './students-of-range.js'

/** A column to group by, and the key that orders the groups. */
export interface GroupColumn extends Column {
  sql: RawBuilder<unknown>
  key: readonly KeyColumn[]
}

const attempt = columnsOf<'attempt_numbered'>()
/** The column `date` that `withDay` adds. */
const date = columnsOf<'attempt_topic_day'>()('date')
const topic = attempt('topic_id')

const group = (column: Column, expression: RawBuilder<unknown>, key: Omit<KeyColumn, 'sql'>): GroupColumn => ({
  ...column,
  sql: expression,
  key: [{ sql: expression, ...key }],
})

const isDay = (text: string) =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) &&
  !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) &&
  new Date(`${text}T00:00:00Z`).toISOString().startsWith(text)

export const byStudent = group(
  { name: 'student_id', kind: 'uuid', description: 'the student' },
  attempt('student_id'),
  { type: 'uuid', form: uuidForm },
)
export const byItem = group({ name: 'item_id', kind: 'int64', description: 'the item' }, attempt('item_id'), {
  type: 'bigint',
  form: bigintForm,
})
export const byDate = group({ name: 'date', kind: 'date', description: 'the day in the zone tz' }, date, {
  type: 'date',
  // a full check, because `instantsOfDays` computes with the day before PostgreSQL checks it
  form: { test: isDay },
})
/**
 * A cursor contains this key, so it is bounded: a name of more than 1000 bytes is its first 1000 characters and its
 * SHA-256. Such keys have more than 1000 bytes, so they differ from those of shorter names.
 */
const topicKey = sql`case when octet_length(${topic}) > 1000
  then left(${topic}, 1000) || encode(sha256(convert_to(${topic}, 'UTF8')), 'hex')
  else coalesce(${topic}, '') end collate "C"`

/** Ordered by code points, as far as the key has the name; attempts without a topic are last. */
export const byTopic: GroupColumn = {
  name: 'topic_id',
  kind: 'text',
  nullable: true,
  description: 'the topic; null: attempts without one',
  sql: topic,
  key: [
    { sql: compiled(sql`${topic} is null`), type: 'boolean', form: /^[tf]$/ },
    { sql: compiled(topicKey), type: 'text', form: /^[^\0]*$/ },
  ],
}

export interface AggregateQuery {
  groups: readonly GroupColumn[]
  measures: readonly Measure[]
  /** The students whose history is read; undefined: all. */
  students?: string[] | undefined
  range?: Range
  /** Days instead of a range of timestamps. */
  days?: Days
  items?: string[]
  topics?: string[]
  attemptNo?: number
  minAttempts?: number
  /** Groups of fewer students are read whatever `minAttempts`, so that their number does not depend on it. */
  alwaysBelowStudents?: number | undefined
}

/**
 * A range of timestamps that contains the days; for UTC, exactly the days. In other zones the range is a day longer at
 * both ends, because a midnight can occur twice or not at all; `aggregateStatement` compares the day itself as well.
 */
export function instantsOfDays({ since, until, zone }: Days): Range {
  const margin = zone === 'UTC' ? 0 : 1
  const shift = (day: string, days: number) => {
    const moved = new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000)
    return moved.getUTCFullYear() < 1 || moved.getUTCFullYear() > 9999 ? undefined : moved.toISOString()
  }
  const range: Range = {}
  const from = since === undefined ? undefined : shift(since, -margin)
  const to = until === undefined ? undefined : shift(until, margin)
  if (from !== undefined) range.since = from
  if (to !== undefined) range.until = to
  return range
}

/** The rows with an additional column `date`. */
export const withDay = (rows: RawBuilder<unknown>, day: RawBuilder<string>): RawBuilder<unknown> =>
  sql`(select *, ${day} as date from ${rows}) as attempt_of_day`

const keyOf = (groups: readonly GroupColumn[]): KeyColumn[] => groups.flatMap(({ key }) => key)

/** One row per group, in the order of the groups' keys. */
export function aggregateStatement(
  reader: Reader,
  query: AggregateQuery,
  { limit, after, withKey }: PageRequest,
): Statement {
  const { groups, measures, range, days, minAttempts, alwaysBelowStudents, ...filters } = query
  const key = keyOf(groups)
  const conditions = attemptConditions({ ...filters, ...range })
  let rows: RawBuilder<unknown> = relation(attemptRelation(reader))
  if (days !== undefined) {
    conditions.push(...inRange(instantsOfDays(days)), ...inDays(days, date))
    rows = withDay(rows, dayIn(days.zone, attempt('completed_at')))
  }
  if (after !== undefined) conditions.push(isAfter(key, after))
  const grouped = sql.join(groups.map((column) => column.sql))
  const selected = [grouped, ...measures.map((measure) => measure.sql), ...(withKey ? [keyList(key)] : [])]
  const alsoSmall =
    alwaysBelowStudents === undefined ? sql`` : sql` or ${distinctStudents.sql} < ${alwaysBelowStudents}::bigint`
  const having = minAttempts === undefined ? sql`` : sql`\nhaving count(*) >= ${minAttempts}::bigint${alsoSmall}`
  return statement(sql`select ${sql.join(selected)}
from ${rows}
where ${and(conditions)}
group by ${grouped}${having}
order by ${keyList(key)}
limit ${limit ?? null}::bigint`)
}

/** The forms of the values of a cursor over these groups. */
export const keyPatterns = (groups: readonly GroupColumn[]): KeyForm[] => keyOf(groups).map(({ form }) => form)

/** Aggregates over the students who have an exam in the range; over all students if these are too many. */
export async function* selectAggregates(
  reader: Reader,
  query: AggregateQuery,
  request: PageRequest,
): StatementSequence {
  // earlier pages have read the days before that of the cursor
  const days =
    query.days === undefined || request.after?.[0] === undefined
      ? query.days
      : { ...query.days, since: request.after[0] }
  const students =
    query.students ?? (await studentsOfRange(reader, days === undefined ? (query.range ?? {}) : instantsOfDays(days)))
  yield aggregateStatement(reader, { ...query, ...(days === undefined ? {} : { days }), students }, request)
}
