/**
 * Why the triggers on exam_results cannot record every write: the triggers themselves (triggers.ts), columns of
 * exam_results that its owner renamed or dropped, tables of the queue that are missing, rights that were revoked.
 */
import type pg from 'pg'
import { describeFaults, triggerFaults } from './triggers.js'

type Queryable = Pick<pg.ClientBase, 'query'>

interface Column {
  name: string
  exists: boolean
  /** The column that the view reads in this place, whatever its name; null: unknown. */
  read: string | null
}

/**
 * The view and the index follow a renamed column, and the triggers do not. The view reads one column of type uuid; the
 * index attempt_student_idx is on the user.
 */
const columnsSql = `with source as (
  select to_regclass('exam_results')::oid as oid
), dependency as (
  select 'user_id' as name, d.refobjsubid as attnum
  from pg_depend d, source s
  where d.classid = 'pg_class'::regclass and d.objid = to_regclass('attempt_student_idx')
    and d.refclassid = 'pg_class'::regclass and d.refobjid = s.oid and d.refobjsubid > 0
  union
  select 'id', d.refobjsubid
  from pg_rewrite w
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
  join source s on d.refclassid = 'pg_class'::regclass and d.refobjid = s.oid
  join pg_attribute a on a.attrelid = s.oid and a.attnum = d.refobjsubid
  where w.ev_class = to_regclass('attempt_exam') and a.atttypid = 'uuid'::regtype
)
select
  e.name,
  exists (select from pg_attribute a where a.attrelid = s.oid and a.attname = e.name and not a.attisdropped),
  (
    select string_agg(a.attname, ', ' order by a.attnum)
    from dependency d
    join pg_attribute a on a.attrelid = s.oid and a.attnum = d.attnum
    where d.name = e.name
  ) as read
from source s
cross join (values ('id'), ('user_id')) as e (name)
where s.oid is not null`

function describeColumn({ name, exists, read }: Column): string[] {
  if (exists && (read === null || read === name)) return []
  const found = `The column ${name} of exam_results`
  if (exists)
    return [
      `${found} is not the one that the view reads, which is ${read}. The triggers that fill the queue would record ` +
        'wrong values. Restore the names of both columns.',
    ]
  if (read === null || read === name) return [`${found} is missing. The triggers that fill the queue need it.`]
  return [
    `${found} was renamed to ${read}. The view follows the rename, and the triggers that fill the queue do not. ` +
      `Run alter table exam_results rename column ${read} to ${name}.`,
  ]
}

const missingSql = `select name from unnest($1::text[]) as name where to_regclass(name) is null order by name`

/** Tables of the queue that are missing. */
export async function missingTables(primary: Queryable, tables: readonly string[]): Promise<string[]> {
  return (await primary.query<{ name: string }>(missingSql, [tables])).rows.map(({ name }) => name)
}

/** Tables that the triggers write. */
const writtenTables = ['attempt_queue', 'attempt_queue_gap']

const rightsSql = `select distinct
  pg_get_userbyid(p.proowner)::text as owner,
  n.nspname::text as schema,
  c.relname::text as name,
  has_schema_privilege(p.proowner, n.oid, 'usage') as may_use
from pg_trigger t
join pg_proc p on p.oid = t.tgfoid
cross join pg_class c
join pg_namespace n on n.oid = c.relnamespace
where t.tgrelid = to_regclass('exam_results') and t.tgname like 'attempt\\_queue\\_%'
  and c.oid = any (array(select to_regclass(name) from unnest($1::text[]) as name)::oid[])
  and not (has_schema_privilege(p.proowner, n.oid, 'usage') and has_table_privilege(p.proowner, c.oid, 'insert'))
order by 3`

async function describeRights(primary: Queryable): Promise<string[]> {
  const { rows } = await primary.query<{ owner: string; schema: string; name: string; may_use: boolean }>(rightsSql, [
    writtenTables,
  ])
  return rows.map(
    ({ owner, schema, name, may_use }) =>
      `The triggers write with the rights of the role ${owner}, which may not insert into ${name}. ` +
      `Run grant ${may_use ? `insert on ${name}` : `usage on schema ${schema}`} to ${owner}.`,
  )
}

/** Why the columns of exam_results do not fit the triggers; undefined: they do. */
export async function columnFaults(primary: Queryable): Promise<string | undefined> {
  const { rows } = await primary.query<Column>(columnsSql)
  return rows.flatMap(describeColumn).join(' ') || undefined
}

/** A message with every cause and what to do; undefined: the triggers can record every write. */
export async function queueFaults(primary: Queryable): Promise<string | undefined> {
  const missing = await missingTables(primary, writtenTables)
  const sentences = [
    describeFaults(await triggerFaults(primary)),
    await columnFaults(primary),
    missing.length === 0
      ? undefined
      : `The queue on exam_results is incomplete: ${missing.join(', ')} is missing. ` +
        'Run attempt-api store enable: it creates the queue again and has the store filled again.',
    ...(await describeRights(primary)),
  ].filter((sentence) => sentence !== undefined)
  return sentences.length === 0 ? undefined : sentences.join(' ')
}
