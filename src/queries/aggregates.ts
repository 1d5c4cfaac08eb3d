/** The aggregate of api.md, over attempts grouped by student, topic, item or day. */
import type { Reader, Statement } from '../database/reader.js'
import type { Column } from '../formats/encoder.js'
import type { Measure } from '../measures.js'
import {
  and,
  type PageRequest,
  attemptRelation,
  type StatementSequence,
  statement,
  Values,
  type KeyForm,
} from './sql.js'
import { rangeConditions, studentsOfRange, type Range } from './students-of-range.js'

/** A column to group and order by. `key` is what orders it: never null, the same order on every server. */
export interface GroupColumn extends Column {
  key: readonly { sql: string; type: string; pattern: KeyForm }[]
}

/** A day of the calendar: days are moved here, before the database reads them. */
const anyDay: KeyForm = {
  test: (text) =>
    /^\d{4}-\d{2}-\d{2}$/.test(text) &&
    !Number.isNaN(Date.parse(`${text}T00:00:00Z`)) &&
    new Date(`${text}T00:00:00Z`).toISOString().startsWith(text),
}
const anyText = /^[^\0]*$/
export const byStudent: GroupColumn = {
  name: 'student_id',
  kind: 'uuid',
  description: 'the student',
  key: [{ sql: 'student_id', type: 'uuid', pattern: /^[0-9a-f-]{36}$/ }],
}
export const byItem: GroupColumn = {
  name: 'item_id',
  kind: 'int64',
  description: 'the item',
  key: [{ sql: 'item_id', type: 'bigint', pattern: /^-?\d{1,19}$/ }],
}
export const byDate: GroupColumn = {
  name: 'date',
  kind: 'date',
  description: 'the day in the zone tz',
  key: [{ sql: 'date', type: 'date', pattern: anyDay }],
}
/** By code points, attempts without a topic last. */
export const byTopic: GroupColumn = {
  name: 'topic_id',
  kind: 'text',
  nullable: true,
  description: 'the topic; null: attempts without one',
  key: [
    { sql: 'topic_id is null', type: 'boolean', pattern: /^[tf]$/ },
    { sql: `coalesce(topic_id, '') collate "C"`, type: 'text', pattern: anyText },
  ],
}

export interface AggregateQuery {
  groups: readonly GroupColumn[]
  measures: readonly Measure[]
  /** Whose history to read; undefined: everyone's. */
  students?: string[] | undefined
  range?: Range
  /** Days instead of a range of timestamps. */
  days?: { since?: string; until?: string; zone: string }
  items?: string[]
  topics?: string[]
  attemptNo?: number
  minAttempts?: number
}

/**
 * The instants that surely hold the days, exactly those in UTC: a midnight can come twice or not at all in a zone, so that the day itself
 * is compared in `selectAggregates`.
 */
export function instantsOfDays({ since, until, zone }: Range & { zone: string }): Range {
  const margin = zone === 'UTC' ? 0 : 1
  const shift = (date: string, days: number) => {
    const moved = new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000)
    return moved.getUTCFullYear() < 1 || moved.getUTCFullYear() > 9999 ? undefined : moved.toISOString()
  }
  const range: Range = {}
  const from = since === undefined ? undefined : shift(since, -margin)
  const to = until === undefined ? undefined : shift(until, margin)
  if (from !== undefined) range.since = from
  if (to !== undefined) range.until = to
  return range
}

/** One row a group; groups in the order of their columns. */
export function aggregateStatement(
  reader: Reader,
  query: AggregateQuery,
  { limit, after, withKey: keyed }: PageRequest,
): Statement {
  const values = new Values()
  const conditions: string[] = []
  if (query.students !== undefined) conditions.push(`student_id = any(${values.add(query.students, 'uuid[]')})`)
  if (query.range !== undefined) conditions.push(...rangeConditions(query.range, values))
  let source = attemptRelation(reader)
  if (query.days !== undefined) {
    conditions.push(...rangeConditions(instantsOfDays(query.days), values))
    source = `(select *, (completed_at at time zone ${values.add(query.days.zone, 'text')})::date as date from ${source}) as attempt_of_day`
    if (query.days.since !== undefined) conditions.push(`date >= ${values.add(query.days.since, 'date')}`)
    if (query.days.until !== undefined) conditions.push(`date < ${values.add(query.days.until, 'date')}`)
  }
  if (query.items !== undefined) conditions.push(`item_id = any(${values.add(query.items, 'bigint[]')})`)
  if (query.topics !== undefined) conditions.push(`topic_id = any(${values.add(query.topics, 'text[]')})`)
  if (query.attemptNo !== undefined) conditions.push(`attempt_no = ${values.add(query.attemptNo, 'integer')}`)
  const keys = query.groups.flatMap((group) => group.key)
  if (after !== undefined) {
    const last = after.map((value, index) => values.add(value, keys[index]?.type ?? 'text'))
    conditions.push(`(${keys.map((key) => key.sql).join(', ')}) > (${last.join(', ')})`)
  }
  const having =
    query.minAttempts === undefined ? '' : `\nhaving count(*) >= ${values.add(query.minAttempts, 'bigint')}`
  const groups = query.groups.map((group) => group.name).join(', ')
  const text = `select ${[groups, ...query.measures.map((measure) => measure.sql), ...(keyed ? keys.map((key) => key.sql) : [])].join(', ')}
from ${source}
where ${and(conditions)}
group by ${groups}${having}
order by ${keys.map((key) => key.sql).join(', ')}
limit ${values.add(limit ?? null, 'bigint')}`
  return statement(text, values)
}

/** What the values of a cursor over these groups look like. */
export const keyPatterns = (groups: readonly GroupColumn[]): KeyForm[] =>
  groups.flatMap((group) => group.key.map((key) => key.pattern))

/** Aggregates over the students of the range, or of its days; everyone's where it has too many. */
export async function* selectAggregates(reader: Reader, query: AggregateQuery, ask: PageRequest): StatementSequence {
  // days before the cursor's were read already
  const days =
    query.days === undefined || ask.after?.[0] === undefined ? query.days : { ...query.days, since: ask.after[0] }
  const students =
    query.students ?? (await studentsOfRange(reader, days === undefined ? (query.range ?? {}) : instantsOfDays(days)))
  yield aggregateStatement(reader, { ...query, ...(days === undefined ? {} : { days }), students }, ask)
}

/** Days of topics: the store has those of UTC, but for the days that were just touched, which are read from its rows. */
export async function* selectTopicDays(
  reader: Reader,
  query: AggregateQuery & { days: Range & { zone: string } },
  ask: PageRequest,
): StatementSequence {
  if (!reader.store || query.days.zone !== 'UTC') {
    yield* selectAggregates(reader, query, ask)
    return
  }
  const days = { ...query.days, since: ask.after?.[0] ?? query.days.since }
  const inRange = (values: Values) => [
    ...(days.since === undefined ? [] : [`date >= ${values.add(days.since, 'date')}`]),
    ...(days.until === undefined ? [] : [`date < ${values.add(days.until, 'date')}`]),
  ]
  const asked = new Values()
  const stale = (
    await reader.rows(
      statement(`select date::text from attempt_day where stale and ${and(inRange(asked))} order by date`, asked),
    )
  ).map(([date]) => date as string)

  const values = new Values()
  const names = [...query.groups, ...query.measures].map((column) => column.name)
  const conditions = inRange(values)
  const ofTopics = query.topics === undefined ? [] : [`topic_id = any(${values.add(query.topics, 'text[]')})`]
  const keys = query.groups.flatMap((group) => group.key)
  const after =
    ask.after === undefined
      ? []
      : [
          `(${keys.map((key) => key.sql).join(', ')}) > (${ask.after.map((value, index) => values.add(value, keys[index]?.type ?? 'text')).join(', ')})`,
        ]
  let source = 'attempt_topic_day'
  if (stale.length > 0) {
    const days = values.add(stale, 'date[]')
    // a condition a run of days, so that the index finds them wherever they lie
    const ranges = runsOfDays(stale).map(
      ({ since, until }) =>
        `completed_at >= ${values.add(`${since}T00:00:00Z`, 'timestamptz')} and completed_at < ${values.add(`${until}T00:00:00Z`, 'timestamptz')}`,
    )
    source = `(select ${names.join(', ')} from attempt_topic_day where ${and([...conditions, ...ofTopics, `date <> all(${days})`])}
union all
select date, topic_id, ${query.measures.map(({ sql, name }) => `${sql} as ${name}`).join(', ')}
from (select *, (completed_at at time zone 'UTC')::date as date from attempt_materialized where (${ranges.join(' or ')})) as attempt_of_day
where ${and([...ofTopics, `date = any(${days})`])}
group by date, topic_id) as topic_day`
  }
  yield statement(
    `select ${[...names, ...(ask.withKey ? keys.map((key) => key.sql) : [])].join(', ')}
from ${source}
where ${and([...conditions, ...ofTopics, ...after])}
order by ${keys.map((key) => key.sql).join(', ')}
limit ${values.add(ask.limit ?? null, 'bigint')}`,
    values,
    { fresh: stale.length > 0 },
  )
}

/** Days in their order, as few half-open ranges. */
function runsOfDays(days: readonly string[]): { since: string; until: string }[] {
  const runs: { since: string; until: string }[] = []
  for (const day of days) {
    const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)
    const run = runs.at(-1)
    if (run?.until === day) run.until = next
    else runs.push({ since: day, until: next })
  }
  return runs
}
