/**
 * Whose objects a session would use. A role that may create in a schema of the search_path can plant a view, a trigger,
 * a function or an operator there: it would run with the rights of the session, or change what an answer says.
 */
import type pg from 'pg'

/** Names of relations and functions that are this service's. */
export const views = [
  'attempt',
  'attempt_anomaly',
  'attempt_element',
  'attempt_exam',
  'attempt_numbered',
  'attempt_response',
]
export const tables = [
  'attempt_day',
  'attempt_deleted',
  'attempt_epoch',
  'attempt_materialized',
  'attempt_queue',
  'attempt_queue_gap',
  'attempt_queue_migration',
  'attempt_queue_migration_hash',
  'attempt_queue_reader',
  'attempt_set_aside',
  'attempt_store',
  'attempt_store_migration',
  'attempt_store_migration_hash',
  'attempt_topic_day',
]
const ledgers = ['attempt_view_migration', 'attempt_view_migration_hash']
const called = ['attempt_student_id']
/** Migrations replace them; their owner is an administrator's choice afterwards. */
const triggerFunctions = ['attempt_enqueue', 'attempt_enqueue_row']

export interface Located {
  name: string
  /** Qualified and quoted. */
  relation: string
  /** Why the relation must not be used; null: it may be. */
  reason: string | null
}

export type Queryable = Pick<pg.ClientBase, 'query'>

/**
 * SQL: whether a role is trusted in a schema. It is if an administrator gave it more than every role has: it is a
 * superuser, owns the database or the schema, was granted CREATE there by name, or acts as the owner of exam_results.
 */
const trusted = (owner: string, schema: string) => `(
  ${owner} = (select oid from pg_roles where rolname = current_user)
  or exists (select from pg_roles r where r.oid = ${owner} and r.rolsuper)
  or exists (
    select from pg_namespace s
    where s.oid = ${schema} and (
      pg_has_role(${owner}, s.nspowner, 'member')
      or pg_has_role(${owner}, (select datdba from pg_database where datname = current_database()), 'member')
      or exists (
        select from aclexplode(s.nspacl) a
        where a.privilege_type = 'CREATE' and a.grantee <> 0 and pg_has_role(${owner}, a.grantee, 'member')
      )
    )
  )
  -- of each, if there are several: a role could create the second to be trusted
  or (
    select coalesce(bool_and(pg_has_role(${owner}, e.relowner, 'member')), false)
    from pg_class e join path on path.oid = e.relnamespace
    where e.relname = 'exam_results'
  )
)`

const pathSql = `with path as (
  select n.oid, n.nspname, p.place
  from unnest($1::text[]) with ordinality as p (name, place)
  join pg_namespace n on n.nspname = p.name
  where n.nspname <> 'pg_catalog'
)`

/** $1: the schemas of the path; $2: names of views; $3: names of tables. */
const locateSql = `${pathSql}, found as (
  select distinct on (c.relname) c.oid, c.relname, c.relkind, c.relowner, c.relnamespace, c.relrowsecurity, path.nspname
  from path
  join pg_class c on c.relnamespace = path.oid and c.relname = any($2::text[] || $3::text[])
  order by c.relname, path.place
)
select relname::text as name, format('%I.%I', nspname, relname) as relation,
  case
    when not ${trusted('found.relowner', 'found.relnamespace')} then
      format('%s.%s belongs to the role %s, which could create it only because every role may create in the schema %s',
        nspname, relname, pg_get_userbyid(relowner), nspname)
    when relname = any($3::text[]) and relkind not in ('r', 'p') then format('%s.%s is not a table', nspname, relname)
    when relname = any($3::text[]) and relrowsecurity then format('%s.%s has row security', nspname, relname)
    when relname = any($3::text[]) and exists (
      select from pg_trigger t where t.tgrelid = found.oid and not t.tgisinternal
    ) then format('%s.%s has a trigger', nspname, relname)
    when relname = any($3::text[]) and exists (select from pg_rewrite w where w.ev_class = found.oid)
      then format('%s.%s has a rule', nspname, relname)
  end as reason
from found`

/** Operators, functions, types and casts that a statement with unqualified names could pick instead of PostgreSQL's. */
const plantedSql = `${pathSql}
select what from (
  select 1 as kind, format('operator %s of the role %s', o.oid::regoperator, pg_get_userbyid(o.oprowner)) as what
  from pg_operator o join path on path.oid = o.oprnamespace
  where exists (select from pg_operator b where b.oprnamespace = 'pg_catalog'::regnamespace and b.oprname = o.oprname)
    and not ${trusted('o.oprowner', 'path.oid')}
  union all
  select 2, format('function %s of the role %s', p.oid::regprocedure, pg_get_userbyid(p.proowner))
  from pg_proc p join path on path.oid = p.pronamespace
  where (
      exists (select from pg_proc b where b.pronamespace = 'pg_catalog'::regnamespace and b.proname = p.proname)
      or p.proname = any($2::text[])
    )
    and not ${trusted('p.proowner', 'path.oid')}
  union all
  select 3, format('type %I.%I of the role %s', path.nspname, t.typname, pg_get_userbyid(t.typowner))
  from pg_type t join path on path.oid = t.typnamespace
  where t.typelem = 0
    and exists (select from pg_type b where b.typnamespace = 'pg_catalog'::regnamespace and b.typname = t.typname)
    and not ${trusted('t.typowner', 'path.oid')}
  union all
  -- only an owner of one of the types can create a cast; this one applies without being written
  select 4, format('cast from %s to %s of the role %s', c.castsource::regtype, c.casttarget::regtype,
    pg_get_userbyid(t.typowner))
  from pg_cast c
  join pg_type t on t.oid in (c.castsource, c.casttarget)
  join path on path.oid = t.typnamespace
  where c.castcontext <> 'e' and not ${trusted('t.typowner', 'path.oid')}
) as planted
order by kind, what
limit 1`

/**
 * Where the relations of the service are, on a session that has left its path.
 * @param migrates with the tables of migrations
 */
export async function locate(client: Queryable, path: readonly string[], migrates = false): Promise<Located[]> {
  return (await client.query<Located>(locateSql, [path, views, migrates ? [...tables, ...ledgers] : tables])).rows
}

/** Whether the first table of this name on the path is a plain one of a role that is trusted. */
export const isTrustedTable = async (client: Queryable, path: readonly string[], name: string): Promise<boolean> =>
  (await client.query<Located>(locateSql, [path, [], [name]])).rows[0]?.reason === null

/** The first planted object, in words; undefined: there is none. The session has left its path. */
export async function findPlanted(
  client: Queryable,
  path: readonly string[],
  migrates: boolean,
): Promise<string | undefined> {
  const functions = migrates ? [...called, ...triggerFunctions] : called
  return (await client.query<{ what: string }>(plantedSql, [path, functions])).rows[0]?.what
}
