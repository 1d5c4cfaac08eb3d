/**
 * Whose objects a session would use. A role that may create in a schema of the search_path can plant a view, a trigger,
 * a function or an operator there: it would run with the rights of the session, or change what an answer says.
 */
import type pg from 'pg'

/** Names of relations that are this service's. Functions: see `plantedSql`. */
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
  'attempt_store',
  'attempt_store_migration',
  'attempt_store_migration_hash',
  'attempt_topic_day',
]
/** The table of migrations that Kysely names; a database without our views may have another application's. */
const ledgers = ['kysely_migration', 'kysely_migration_hash']

export interface Located {
  name: string
  /** Qualified and quoted. */
  relation: string
  /** Why the relation must not be used; null: it may be. */
  reason: string | null
}

type Queryable = Pick<pg.ClientBase, 'query'>

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
  or exists (
    select from pg_class e where e.oid = (
      select x.oid from pg_class x join path on path.oid = x.relnamespace
      where x.relname = 'exam_results' order by path.place limit 1
    ) and pg_has_role(${owner}, e.relowner, 'member')
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

/** Operators, functions and casts that a statement with unqualified names could pick instead of PostgreSQL's own. */
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
      or p.proname in ('attempt_student_id', 'attempt_enqueue', 'attempt_enqueue_row')
    )
    and not ${trusted('p.proowner', 'path.oid')}
) as planted
order by kind, what
limit 1`

/** The session's path, its setting; the session goes on with PostgreSQL's own schema only. */
export async function leavePath(client: Queryable, local: boolean): Promise<{ path: string[]; setting: string }> {
  const {
    rows: [session],
  } = await client.query<{ path: string[]; setting: string }>(
    `select pg_catalog.current_schemas(false)::pg_catalog.text[] as path,
  pg_catalog.current_setting('search_path') as setting,
  pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', ${local})`,
  )
  return { path: session?.path ?? [], setting: session?.setting ?? '' }
}

export const returnToPath = async (client: Queryable, setting: string, local: boolean): Promise<void> => {
  await client.query(`select pg_catalog.set_config('search_path', $1, ${local})`, [setting])
}

/** Where the relations of the service are, on a session that has left its path. */
export async function locate(client: Queryable, path: readonly string[], ledger = false): Promise<Located[]> {
  return (await client.query<Located>(locateSql, [path, views, ledger ? [...tables, ...ledgers] : tables])).rows
}

const remedy =
  'Drop it, or, if it is meant to be there, let an administrator grant its role CREATE on the schema by name. ' +
  'Then run revoke create on schema NAME from public (docs/access.md).'

/** Refused: the database has objects of a role that is not trusted. Retrying does not help. */
export class Untrusted extends Error {
  readonly code = '42501'
}

/** @throws Untrusted on a session that has left its path */
export async function assertTrustedPath(client: Queryable, path: readonly string[], ledger = false): Promise<void> {
  const reason = (await locate(client, path, ledger)).find((one) => one.reason !== null)?.reason
  if (reason !== undefined && reason !== null) throw new Untrusted(`${reason}. Nothing of it was used. ${remedy}`)
  const { rows } = await client.query<{ what: string }>(plantedSql, [path])
  if (rows[0] !== undefined)
    throw new Untrusted(
      `The search_path leads to the ${rows[0].what}, which PostgreSQL could use instead of its own. ` +
        `Nothing of it was used. ${remedy}`,
    )
}

/** The same for a transaction, whose path stays as it is. */
export async function assertTrustedHere(client: Queryable): Promise<void> {
  const { path, setting } = await leavePath(client, true)
  await assertTrustedPath(client, path, true)
  await returnToPath(client, setting, true)
}

/** The same for a session that is not in a transaction. */
export async function assertTrustedSession(client: Queryable): Promise<void> {
  const { path, setting } = await leavePath(client, false)
  await assertTrustedPath(client, path)
  await returnToPath(client, setting, false)
}

/** The schemas of the path in which every role may create. */
export async function publicSchemas(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(n.nspname) as name
from pg_catalog.pg_namespace n, aclexplode(n.nspacl) a
where n.nspname = any(current_schemas(false)) and a.grantee = 0::oid and a.privilege_type = 'CREATE'::text`,
  )
  return rows.map(({ name }) => name)
}

/** The same for a pool. */
export async function assertTrusted(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin read only')
    await assertTrustedHere(client)
  } finally {
    await client.query('rollback').catch(() => undefined)
    client.release()
  }
}
