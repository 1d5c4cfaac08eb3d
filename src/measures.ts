/** The measures of an aggregate of attempts: name, type, description, and the SQL over a group of attempts. */
import type { Column } from './formats/encoder.js'

export interface Measure extends Column {
  sql: string
}

/** Averages and medians are over all attempts, as `avg` and `percentile_cont` give them; counts and sums add up over days. */
export const measures: readonly Measure[] = [
  { name: 'attempts', kind: 'count', description: 'attempts', sql: 'count(*)' },
  { name: 'correct', kind: 'count', description: 'correct attempts', sql: 'count(*) filter (where correct)' },
  {
    name: 'accuracy',
    kind: 'number',
    description: 'correct / attempts',
    sql: 'count(*) filter (where correct)::float8 / count(*)',
  },
  {
    name: 'first_attempts',
    kind: 'count',
    description: 'attempts with attempt_no 1',
    sql: 'count(*) filter (where attempt_no = 1)',
  },
  {
    name: 'first_attempts_correct',
    kind: 'count',
    description: 'correct attempts with attempt_no 1',
    sql: 'count(*) filter (where attempt_no = 1 and correct)',
  },
  { name: 'hints', kind: 'count', description: 'attempts with a hint', sql: 'count(*) filter (where hint_used)' },
  {
    name: 'timed_attempts',
    kind: 'count',
    description: 'attempts with a response time above 0',
    sql: 'count(*) filter (where response_time_ms > 0)',
  },
  {
    name: 'sum_response_time_ms',
    kind: 'count',
    description: 'sum of the response times, milliseconds',
    sql: 'sum(response_time_ms)',
  },
  {
    name: 'avg_response_time_ms',
    kind: 'number',
    description: 'mean response time over all attempts, milliseconds',
    sql: 'avg(response_time_ms)::float8',
  },
  {
    name: 'median_response_time_ms',
    kind: 'number',
    description: 'median response time over all attempts (interpolated), milliseconds',
    sql: 'percentile_cont(0.5) within group (order by response_time_ms)',
  },
]

export const p90: Measure = {
  name: 'p90_response_time_ms',
  kind: 'number',
  description: '90th percentile of the response times (interpolated), milliseconds',
  sql: 'percentile_cont(0.9) within group (order by response_time_ms)',
}
export const distinctStudents: Measure = {
  name: 'students',
  kind: 'count',
  description: 'different students',
  sql: 'count(distinct student_id)',
}
export const firstCompleted: Measure = {
  name: 'first_completed_at',
  kind: 'timestamp',
  description: 'earliest completed_at',
  sql: 'min(completed_at)',
}
export const lastCompleted: Measure = {
  name: 'last_completed_at',
  kind: 'timestamp',
  description: 'latest completed_at',
  sql: 'max(completed_at)',
}
export const pValue: Measure = {
  name: 'p_value',
  kind: 'number',
  nullable: true,
  description: 'share correct of first attempts; null without any',
  sql: 'count(*) filter (where attempt_no = 1 and correct)::float8 / nullif(count(*) filter (where attempt_no = 1), 0)',
}
export const studentMeasures: readonly Measure[] = [
  { name: 'items', kind: 'count', description: 'different items', sql: 'count(distinct item_id)' },
  {
    name: 'topics',
    kind: 'count',
    description: 'different topics (no topic is none)',
    sql: 'count(distinct topic_id)',
  },
  { name: 'sessions', kind: 'count', description: 'different sessions', sql: 'count(distinct session_id)' },
  firstCompleted,
  lastCompleted,
]

/** What the store keeps of each topic and UTC day: the KPIs of /v1/topics/daily. */
export const dayMeasures: readonly Measure[] = [...measures, distinctStudents, p90]
