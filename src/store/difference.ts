/** Compares rows of the view with the store, and writes the rows that differ. */
import type pg from 'pg'
import { columnsOf, freshAndOld, keyColumns, otherColumns, sameKey, storedNames, type Rows } from './recompute.js'

/** Rows written and deleted, and the UTC days of these rows. */
export interface Difference {
  written: number
  deleted: number
  days: string[]
}

export const noDifference = (): Difference => ({ written: 0, deleted: 0, days: [] })

export const addDifferences = (a: Difference, b: Difference): Difference => ({
  written: a.written + b.written,
  deleted: a.deleted + b.deleted,
  days: [...new Set([...a.days, ...b.days])],
})

const utcDay = (column: string) => `(${column} at time zone 'UTC')::date`
const names = storedNames.join(', ')
const key = keyColumns.join(', ')
const valuesDiffer = `(${columnsOf('fresh', otherColumns)}) is distinct from (${columnsOf('old', otherColumns)})`

/** @param version placeholder of the version to write */
const writeSql = (freshAndOldSql: string, version: string) => `${freshAndOldSql}, differ as materialized (
  select
    ${columnsOf('fresh', storedNames)},
    old.student_id is null as is_new,
    old.completed_at as old_completed_at
  from fresh
  left join old on ${sameKey('fresh', 'old')}
  where old.student_id is null or ${valuesDiffer}
), written as (
  insert into attempt_materialized (${names}, version)
  select ${names}, ${version} from differ
  on conflict (${key}) do update set
    ${[...otherColumns, 'version'].map((column) => `${column} = excluded.${column}`).join(', ')}
  returning 1
), lost as materialized (
  select ${columnsOf('old', [...keyColumns, 'completed_at'])}
  from old
  where not exists (select from fresh where ${sameKey('fresh', 'old')})
), deleted as (
  delete from attempt_materialized m using lost
  where m.student_id = any($1::uuid[]) and ${sameKey('m', 'lost')}
  returning 1
), deletion_recorded as (
  insert into attempt_deleted (${key}, version)
  select ${key}, ${version} from lost
  on conflict (${key}) do update set version = excluded.version, deleted_at = excluded.deleted_at
), deletion_revoked as (
  delete from attempt_deleted d using differ
  where d.student_id = any($1::uuid[]) and differ.is_new and ${sameKey('d', 'differ')}
)
select
  (select count(*) from written) as written,
  (select count(*) from deleted) as deleted,
  array(
    select ${utcDay('completed_at')}::text from differ
    union
    select ${utcDay('old_completed_at')}::text from differ where not is_new
    union
    select ${utcDay('completed_at')}::text from lost
  ) as days`

/** Writes the rows that differ, under `version`, inside the caller's transaction. Idempotent. */
export async function writeDifference(client: pg.ClientBase, rows: Rows, version: string): Promise<Difference> {
  if (rows.students.length === 0) return noDifference()
  const { text, values } = freshAndOld(rows)
  // Forces a hash join. The planner's estimates of student histories are far off, and a nested loop over two histories
  // would compare each row with every other. A merge join of PostgreSQL 17 and later is as slow: it merges by student
  // and item, the order of the numbering, and compares each attempt at an item with every other. For a batch of exams
  // nested loops stay on: they look up the few rows to delete one by one.
  await client.query(`set local enable_mergejoin = off; set local enable_nestloop = ${'exams' in rows ? 'on' : 'off'}`)
  const {
    rows: [result],
  } = await client.query<{ written: string; deleted: string; days: string[] }>(
    writeSql(text, `$${values.length + 1}::bigint`),
    [...values, version],
  )
  await client.query('set local enable_mergejoin = on; set local enable_nestloop = on')
  return { written: Number(result?.written), deleted: Number(result?.deleted), days: result?.days ?? [] }
}

/** Counts the keys whose rows differ; reads only. */
export async function countDifferences(client: pg.ClientBase, rows: Rows): Promise<number> {
  const { text, values } = freshAndOld(rows)
  const {
    rows: [result],
  } = await client.query<{ n: string }>(
    `${text}
select count(*) as n
from fresh
full join old on ${sameKey('fresh', 'old')}
where fresh.student_id is null or old.student_id is null or ${valuesDiffer}`,
    values,
  )
  return Number(result?.n)
}
