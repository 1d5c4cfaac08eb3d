/** The measures of an aggregate: name, type, description, and the SQL over a group of attempts. */
import { sql, type RawBuilder } from 'kysely'
import type { Column } from './formats/encoder.js'
import { compiled } from './database/statement.js'
import { columnsOf } from './relations.js'

export interface Measure extends Column {
  sql: RawBuilder<unknown>
}

const attempt = columnsOf<'attempt_numbered'>()
const responseTime = attempt('response_time_ms')
const correct = attempt('correct')
const isFirst = sql<boolean>`${attempt('attempt_no')} = 1`
const countWhere = (condition: RawBuilder<unknown>) => sql`count(*) filter (where ${condition})`
const quantile = (share: number, column: RawBuilder<unknown>) =>
  sql`percentile_cont(${sql.lit(share)}) within group (order by ${column})`

/**
 * Means and medians are over all attempts (`avg`, `percentile_cont`). Counts and sums can be added over days.
 */
export const measures: readonly Measure[] = [
  { name: 'attempts', kind: 'count', description: 'attempts', sql: compiled(sql`count(*)`) },
  { name: 'correct', kind: 'count', description: 'correct attempts', sql: compiled(countWhere(correct)) },
  {
    name: 'accuracy',
    kind: 'number',
    description: 'correct / attempts',
    sql: compiled(sql`${countWhere(correct)}::float8 / count(*)`),
  },
  {
    name: 'first_attempts',
    kind: 'count',
    description: 'attempts with attempt_no 1',
    sql: compiled(countWhere(isFirst)),
  },
  {
    name: 'first_attempts_correct',
    kind: 'count',
    description: 'correct attempts with attempt_no 1',
    sql: compiled(countWhere(sql`${isFirst} and ${correct}`)),
  },
  {
    name: 'hints',
    kind: 'count',
    description: 'attempts with a hint',
    sql: compiled(countWhere(attempt('hint_used'))),
  },
  {
    name: 'timed_attempts',
    kind: 'count',
    description: 'attempts with a response time above 0',
    sql: compiled(countWhere(sql`${responseTime} > 0`)),
  },
  {
    name: 'sum_response_time_ms',
    kind: 'count',
    description: 'sum of the response times, milliseconds',
    sql: compiled(sql`sum(${responseTime})`),
  },
  {
    name: 'avg_response_time_ms',
    kind: 'number',
    description: 'mean response time over all attempts, milliseconds',
    sql: compiled(sql`avg(${responseTime})::float8`),
  },
  {
    name: 'median_response_time_ms',
    kind: 'number',
    description: 'median response time over all attempts (interpolated), milliseconds',
    sql: compiled(quantile(0.5, responseTime)),
  },
]

export const p90: Measure = {
  name: 'p90_response_time_ms',
  kind: 'number',
  description: '90th percentile of the response times (interpolated), milliseconds',
  sql: compiled(quantile(0.9, responseTime)),
}
export const distinctStudents: Measure = {
  name: 'students',
  kind: 'count',
  description: 'different students',
  sql: compiled(sql`count(distinct ${attempt('student_id')})`),
}
export const firstCompleted: Measure = {
  name: 'first_completed_at',
  kind: 'timestamp',
  description: 'earliest completed_at',
  sql: compiled(sql`min(${attempt('completed_at')})`),
}
export const lastCompleted: Measure = {
  name: 'last_completed_at',
  kind: 'timestamp',
  description: 'latest completed_at',
  sql: compiled(sql`max(${attempt('completed_at')})`),
}
export const pValue: Measure = {
  name: 'p_value',
  kind: 'number',
  nullable: true,
  description: 'share correct of first attempts; null without any',
  sql: sql`${countWhere(sql`${isFirst} and ${correct}`)}::float8 / nullif(${countWhere(isFirst)}, 0)`,
}
export const studentMeasures: readonly Measure[] = [
  {
    name: 'items',
    kind: 'count',
    description: 'different items',
    sql: compiled(sql`count(distinct ${attempt('item_id')})`),
  },
  {
    name: 'topics',
    kind: 'count',
    description: 'different topics (no topic is none)',
    sql: compiled(sql`count(distinct ${attempt('topic_id')})`),
  },
  {
    name: 'sessions',
    kind: 'count',
    description: 'different sessions',
    sql: compiled(sql`count(distinct ${attempt('session_id')})`),
  },
  firstCompleted,
  lastCompleted,
]

/** The measures that the store keeps per topic and UTC day: the KPIs of /v1/topics/daily. */
export const dayMeasures: readonly Measure[] = [...measures, distinctStudents, p90]
