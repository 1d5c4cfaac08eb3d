/**
 * Recomputes students from the view and writes the difference: what changed, what went, the days that were touched.
 * The same statement serves a store beside exam_results and one in another database; it is idempotent.
 */
import type pg from 'pg'
import { distinctStudents, measures, p90 } from '../queries/aggregates.js'

/** The columns that the store takes from the view, in its order. */
export const storedColumns = [
  ['id', 'bigint'], ['student_id', 'uuid'], ['item_id', 'bigint'], ['correct', 'boolean'], ['response_time_ms', 'integer'], ['hint_used', 'boolean'],
  ['completed_at', 'timestamptz'], ['started_at', 'timestamptz'], ['attempt_no', 'integer'], ['session_id', 'text'], ['topic_id', 'text'],
  ['exam_result_id', 'uuid'], ['position', 'integer'], ['answered', 'boolean'],
] as const

const names = storedColumns.map(([name]) => name)
const key = ['student_id', 'item_id', 'attempt_no']
const rest = names.filter((name) => !key.includes(name))
const columnsOf = (table: string, columns: readonly string[]) => columns.map((column) => `${table}.${column}`).join(', ')
const sameKey = (a: string, b: string) => key.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ')
const utcDay = (column: string) => `(${column} at time zone 'UTC')::date`

/** Where the rows come from: the view in the same database, or arrays that were read from it in another. */
export type Rows = { students: string[] } | { students: string[]; arrays: (string | null)[][] }

/** `with fresh as ..., old as ...` and their values: what the view says of the students, and what the store has. */
function freshAndOld(rows: Rows): { text: string; values: unknown[] } {
  const fresh = 'arrays' in rows
    ? `select * from unnest(${storedColumns.map(([, type], index) => `$${index + 2}::${type}[]`).join(', ')}) as f (${names.join(', ')})`
    : `select ${names.join(', ')} from attempt_numbered where student_id = any($1::uuid[])`
  return {
    text: `with fresh as materialized (
  ${fresh}
), old as materialized (
  select ${names.join(', ')} from attempt_materialized where student_id = any($1::uuid[])
)`,
    values: [rows.students, ...('arrays' in rows ? rows.arrays : [])],
  }
}

export interface Difference { written: number; deleted: number; days: string[] }

/**
 * Writes what differs under `version`, inside the caller's transaction.
 * @returns rows written and deleted, and the UTC days of which a row changed, came or went
 */
export async function writeDifference(client: pg.ClientBase, rows: Rows, version: string): Promise<Difference> {
  if (rows.students.length === 0) return { written: 0, deleted: 0, days: [] }
  const { text, values } = freshAndOld(rows)
  const v = `$${values.length + 1}::bigint`
  // estimates of the view's rows are far off, and a nested loop over two lists of a batch would be its square
  await client.query('set local enable_nestloop = off')
  const { rows: [found] } = await client.query<{ written: string; deleted: string; days: string[] }>(`${text}, differ as materialized (
  select ${columnsOf('fresh', names)}, old.student_id is null as is_new, old.completed_at as old_completed_at
  from fresh left join old on ${sameKey('fresh', 'old')}
  where old.student_id is null or (${columnsOf('fresh', rest)}) is distinct from (${columnsOf('old', rest)})
), written as (
  insert into attempt_materialized (${names.join(', ')}, version)
  select ${names.join(', ')}, ${v} from differ
  on conflict (${key.join(', ')}) do update set ${[...rest, 'version'].map((column) => `${column} = excluded.${column}`).join(', ')}
  returning 1
), lost as materialized (
  select ${columnsOf('old', [...key, 'completed_at'])} from old
  where not exists (select from fresh where ${sameKey('fresh', 'old')})
), deleted as (
  delete from attempt_materialized m using lost
  where m.student_id = any($1::uuid[]) and ${sameKey('m', 'lost')}
  returning 1
), buried as (
  insert into attempt_deleted (${key.join(', ')}, version)
  select ${key.join(', ')}, ${v} from lost
  on conflict (${key.join(', ')}) do update set version = excluded.version, deleted_at = excluded.deleted_at
), revived as (
  delete from attempt_deleted d using differ
  where d.student_id = any($1::uuid[]) and differ.is_new and ${sameKey('d', 'differ')}
)
select (select count(*) from written) as written, (select count(*) from deleted) as deleted,
  array(select ${utcDay('completed_at')}::text from differ union select ${utcDay('old_completed_at')}::text from differ where not is_new
    union select ${utcDay('completed_at')}::text from lost) as days`, [...values, version])
  await client.query('set local enable_nestloop = on')
  return { written: Number(found?.written), deleted: Number(found?.deleted), days: found?.days ?? [] }
}

/** How many rows differ, each key once; reads only. */
export async function countDifferences(client: pg.ClientBase, rows: Rows): Promise<number> {
  const { text, values } = freshAndOld(rows)
  const { rows: [found] } = await client.query<{ n: string }>(`${text}
select count(*) as n from fresh full join old on ${sameKey('fresh', 'old')}
where fresh.student_id is null or old.student_id is null or (${columnsOf('fresh', rest)}) is distinct from (${columnsOf('old', rest)})`, values)
  return Number(found?.n)
}

const dayMeasures = [...measures, distinctStudents, p90]

/** The topic KPIs of one UTC day, $1, as the store's rows have them. */
const freshDay = `select $1::date as date, topic_id, ${dayMeasures.map(({ sql, name }) => `${sql} as ${name}`).join(', ')}
from attempt_materialized
where completed_at >= ($1::date)::timestamp at time zone 'UTC' and completed_at < ($1::date + 1)::timestamp at time zone 'UTC'
group by topic_id`
const dayNames = ['date', 'topic_id', ...dayMeasures.map(({ name }) => name)]
const dayColumns = dayNames.join(', ')

/** Whether the topic KPIs of a UTC day are those of the store's rows; reads only. */
export async function dayDiffers(client: pg.ClientBase, day: string): Promise<boolean> {
  const { rows: [found] } = await client.query<{ differs: boolean }>(`with fresh as (${freshDay}), old as (select ${dayColumns} from attempt_topic_day where date = $1::date)
select exists (select from fresh full join old on (fresh.topic_id is null) = (old.topic_id is null) and coalesce(fresh.topic_id, '') = coalesce(old.topic_id, '')
  where (${columnsOf('fresh', dayNames)}) is distinct from (${columnsOf('old', dayNames)})) as differs`, [day])
  return found?.differs === true
}

/** Recomputes the topic KPIs of UTC days from the store's rows, a day at a time, and gives the days this version. */
export async function recomputeDays(client: pg.ClientBase, days: readonly string[], version: string): Promise<void> {
  if (days.length === 0) return
  await client.query('delete from attempt_topic_day where date = any($1::date[])', [days])
  for (const day of days) {
    await client.query({
      name: 'attempt_store_day',
      text: `insert into attempt_topic_day (${dayColumns})
${freshDay}`,
      values: [day],
    })
  }
  await client.query(`insert into attempt_day (date, version) select unnest($1::date[]), $2::bigint
on conflict (date) do update set version = excluded.version`, [days, version])
}

/** The students' rows of the view as one array a column, to be written into another database. */
export async function readArrays(client: pg.ClientBase, students: string[]): Promise<(string | null)[][]> {
  const { rows } = await client.query<(string | null)[]>({
    text: `select ${names.map((name) => `${name}::text`).join(', ')} from attempt_numbered where student_id = any($1::uuid[])`, values: [students], rowMode: 'array',
  } as unknown as pg.QueryArrayConfig)
  return names.map((_name, index) => rows.map((row) => row[index] ?? null))
}
