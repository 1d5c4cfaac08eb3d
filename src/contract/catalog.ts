/** Reads the deployed view from the catalog: its columns, and everything that its definition reads. */
import type { SqlClient } from './sql-client.js'

/** A relation in the closure of what the view reads. */
export interface Relation {
  oid: string
  schema: string
  name: string
  /** pg_class.relkind: `v` view, `m` materialised view, `r` table, `p` partitioned table, `f` foreign table ... */
  kind: string
  owner: string
  /** The owner is a superuser or has BYPASSRLS, so that row security does not apply to it. */
  owner_bypasses: boolean
  /** The view has security_invoker: it reads with the rights of the role that queries it. */
  invoker: boolean
  row_security: boolean
  /** Row security applies to the owner of the table as well. */
  forced: boolean
  /** Tables inherit from it, or it has partitions. */
  children: boolean
  /** pg_get_viewdef; null for a relation without a definition. It qualifies every name outside pg_catalog. */
  definition: string | null
  /** Oids of the relations that it reads itself. */
  reads: string[]
}

/** A function outside pg_catalog that the view calls, directly or through another function. */
export interface CalledFunction {
  oid: string
  schema: string
  name: string
  language: string
  volatile: boolean
  body: string
  /** Relations that its body reads, as the catalog records them (only for bodies in the SQL standard's form). */
  relations: string[]
}

export interface CatalogColumn {
  name: string
  /** As `format_type` prints it. */
  type: string
  /** For a base type `pg_type.typcategory`, else `pg_type.typtype`: `e` is an enumerated type. */
  kind: string
  /** Of an enumerated type, in its order. */
  labels: string[]
}

const relationsSql = `
with recursive edge as (
  select distinct w.ev_class as reader, d.refobjid as read
  from pg_rewrite w
  join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
  where w.ev_type = '1' and d.refobjid <> w.ev_class
), closure as (
  select $1::oid as oid
  union
  select e.read from closure c join edge e on e.reader = c.oid
)
select
  c.oid::text as oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind,
  c.relowner::text as owner, o.rolsuper or o.rolbypassrls as owner_bypasses,
  coalesce((select lower(option_value) in ('true', 'on', 'yes', '1') from pg_options_to_table(c.reloptions)
    where option_name = 'security_invoker'), false) as invoker,
  c.relrowsecurity as row_security, c.relforcerowsecurity as forced,
  exists (select 1 from pg_inherits i where i.inhparent = c.oid) as children,
  case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
  array(select e.read::text from edge e where e.reader = c.oid) as reads
from closure
join pg_class c on c.oid = closure.oid
join pg_namespace n on n.oid = c.relnamespace
join pg_roles o on o.oid = c.relowner`

/** The relation and everything that it reads, directly or through helper views. */
export async function readRelations(client: SqlClient, oid: string): Promise<Relation[]> {
  return (await client.query<Relation>(relationsSql, [oid])).rows
}

/** The columns of a relation in their order. */
export async function readColumns(client: SqlClient, oid: string): Promise<CatalogColumn[]> {
  const { rows } = await client.query<CatalogColumn>(
    `
    select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
      case when t.typtype = 'b' then t.typcategory::text else t.typtype::text end as kind,
      array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
    order by a.attnum`,
    [oid],
  )
  return rows
}

/** Names of the columns of a table that the definitions of these views read, in the order of the table. */
export async function readColumnsRead(client: SqlClient, views: string[], table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `
    select distinct a.attnum, a.attname::text as name
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_class'::regclass and d.refobjid = $2::oid
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and a.attnum > 0
    where w.ev_type = '1' and w.ev_class = any($1::oid[])
    order by a.attnum`,
    [views, table],
  )
  return rows.map(({ name }) => name)
}

const functionSql = (which: string) => `
select p.oid::text as oid, n.nspname::text as schema, p.proname::text as name, l.lanname::text as language,
  p.provolatile = 'v' as volatile, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
  array(select d.refobjid::regclass::text from pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass) as relations
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname not in ('pg_catalog', 'information_schema') and (${which})`

/** Functions that the definitions of these views call, as the catalog records them; functions of operators included. */
export async function readCalledFunctions(client: SqlClient, views: string[]): Promise<CalledFunction[]> {
  const { rows } = await client.query<CalledFunction>(
    functionSql(`p.oid in (
    select coalesce(o.oprcode::oid, d.refobjid)
    from pg_rewrite w
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass)
    left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
    where w.ev_type = '1' and w.ev_class = any($1::oid[]))`),
    [views],
  )
  return rows
}

/** Functions of these names in any schema: candidates for the calls in a body that the catalog keeps as text. */
export async function readFunctionsNamed(client: SqlClient, names: string[]): Promise<CalledFunction[]> {
  return (await client.query<CalledFunction>(functionSql('p.proname = any($1::text[])'), [names])).rows
}

/** Those of `names` that are the name of a volatile built-in function. */
export async function volatileBuiltins(client: SqlClient, names: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `
    select distinct proname::text as name from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v' and proname = any($1::text[])
    order by 1`,
    [names],
  )
  return rows.map((row) => row.name)
}

/** Those of `names` that are the name of a relation: in pg_catalog if `system`, else in any schema. */
export async function relationsNamed(client: SqlClient, names: string[], system: boolean): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `
    select distinct relname::text as name from pg_class
    where relname = any($1::text[]) and relkind in ('r', 'p', 'v', 'm', 'f')
      and (not $2::boolean or relnamespace = 'pg_catalog'::regnamespace)
    order by 1`,
    [names, system],
  )
  return rows.map((row) => row.name)
}

/** Whether row security of `table` applies when `view` reads it. */
export async function rowSecurityApplies(client: SqlClient, view: Relation, table: Relation): Promise<boolean> {
  if (!table.row_security) return false
  if (view.invoker) return true
  if (view.owner_bypasses) return false
  if (table.forced) return true
  const {
    rows: [row],
  } = await client.query<{ owns: boolean }>(`select pg_has_role($1::oid, $2::oid, 'USAGE') as owns`, [
    view.owner,
    table.owner,
  ])
  return row?.owns !== true
}
