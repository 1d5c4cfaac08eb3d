/** What depends on a view: the views that can be recreated, and everything else, which cannot. */
import type pg from 'pg'

/** A view or materialized view, with everything that must be the same after it was recreated. */
export interface ViewState {
  oid: string
  /** With its schema, quoted. */
  name: string
  /** As PostgreSQL describes it, on the session's search path: `view of_the_analysts`. */
  described: string
  /** pg_class.relkind: a view or a materialized view. */
  kind: 'v' | 'm'
  owner: string
  definition: string
  options: string[]
  comment: string | null
  populated: boolean
  /** Access method of a materialized view. */
  method: string | null
  tablespace: string | null
  grants: Grant[]
  /** `fallback`: the default of the column. */
  columns: { name: string; type: string; comment: string | null; fallback: string | null; grants: Grant[] }[]
  indexes: { name: string; definition: string; comment: string | null; clustered: boolean }[]
}

export interface Grant {
  grantor: string
  /** null: public. */
  grantee: string | null
  privilege: string
  /** With grant option. */
  grantable: boolean
}

const grantsSql = (acl: string) => `(
  select coalesce(
    json_agg(
      json_build_object(
        'grantor', pg_get_userbyid(x.grantor),
        'grantee', case when x.grantee <> 0 then pg_get_userbyid(x.grantee) end,
        'privilege', x.privilege_type,
        'grantable', x.is_grantable
      )
      order by pg_get_userbyid(x.grantor), x.grantee, x.privilege_type
    ),
    '[]'
  )
  from aclexplode(${acl}) x
)`

const viewStateSql = `
select c.oid::text as oid,
  format('%I.%I', n.nspname, c.relname) as name,
  pg_describe_object('pg_class'::regclass, c.oid, 0) as described,
  c.relkind::text as kind,
  pg_get_userbyid(c.relowner)::text as owner,
  pg_get_viewdef(c.oid) as definition,
  coalesce(c.reloptions, '{}') as options,
  obj_description(c.oid, 'pg_class') as comment,
  c.relispopulated as populated,
  am.amname::text as method,
  sp.spcname::text as tablespace,
  ${grantsSql(`coalesce(c.relacl, acldefault('r', c.relowner))`)} as grants,
  (
    select json_agg(
      json_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'comment', col_description(c.oid, a.attnum),
        'fallback', pg_get_expr(f.adbin, f.adrelid),
        'grants', ${grantsSql('a.attacl')}
      )
      order by a.attnum
    )
    from pg_attribute a
    left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ) as columns,
  (
    select coalesce(
      json_agg(
        json_build_object(
          'name', format('%I.%I', n.nspname, i.relname),
          'definition', pg_get_indexdef(i.oid),
          'comment', obj_description(i.oid, 'pg_class'),
          'clustered', x.indisclustered
        )
        order by i.relname
      ),
      '[]'
    )
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    where x.indrelid = c.oid
  ) as indexes
from unnest($1::oid[]) with ordinality as wanted (oid, place)
join pg_class c on c.oid = wanted.oid
join pg_namespace n on n.oid = c.relnamespace
left join pg_am am on am.oid = c.relam
left join pg_tablespace sp on sp.oid = c.reltablespace
order by wanted.place`

/** The views themselves, in the order of `oids`. */
export async function readViewStates(client: pg.ClientBase, oids: readonly string[]): Promise<ViewState[]> {
  return (await client.query<ViewState>(viewStateSql, [oids])).rows
}

/**
 * Views and materialized views that read these, directly or through others, each after what it reads.
 * @param includeGiven whether the given views are in the result
 */
export async function dependantsOf(
  client: pg.ClientBase,
  oids: readonly string[],
  includeGiven = false,
): Promise<{ oid: string; described: string }[]> {
  const { rows } = await client.query<{ oid: string; described: string }>(
    `
    with recursive reader as (
      select 0 as depth, unnest($1::oid[]) as oid
      union
      select r.depth + 1, w.ev_class
      from reader r
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid
        and d.classid = 'pg_rewrite'::regclass
      join pg_rewrite w on w.oid = d.objid and w.ev_class <> r.oid and w.ev_type = '1'
    )
    select oid::text as oid, pg_describe_object('pg_class'::regclass, oid, 0) as described
    from reader
    group by oid
    having max(depth) > 0 or $2
    order by max(depth), 2`,
    [oids, includeGiven],
  )
  return rows
}

const notRecreatableSql = `
with view as (select unnest($1::oid[]) as oid), made as (
  select oid, 'pg_class'::regclass::oid as class from view
  union all
  -- a function that takes or returns rows of a view depends on its type
  select t.oid, 'pg_type'::regclass
  from pg_class c
  join pg_type t on t.oid = c.reltype or t.typelem = c.reltype and t.typcategory = 'A'
  where c.oid in (select oid from view)
), hanging as (
  select d.classid, d.objid, d.objsubid
  from made
  join pg_depend d on d.refclassid = made.class and d.refobjid = made.oid
  where not (
      d.classid = 'pg_rewrite'::regclass and exists (
        select from pg_rewrite w
        where w.oid = d.objid and w.rulename = '_RETURN' and w.ev_class in (select oid from view)
      )
    )
    and not (d.classid = 'pg_type'::regclass and d.deptype = 'i')
    and d.classid <> 'pg_attrdef'::regclass
    and not (
      d.classid = 'pg_class'::regclass and exists (
        select from pg_index x where x.indexrelid = d.objid and x.indrelid in (select oid from view)
      )
    )
)
select pg_describe_object(classid, objid, objsubid) as name from hanging
union
select pg_describe_object('pg_class'::regclass, v.oid, 0) || ' in '
  || pg_describe_object(d.refclassid, d.refobjid, 0)
from view v
join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = v.oid and d.deptype = 'e'
union
select 'security label of ' || pg_describe_object(l.classoid, l.objoid, l.objsubid)
from pg_seclabel l
where l.classoid = 'pg_class'::regclass and l.objoid in (select oid from view)
union
select format('statistics target or storage of column %I of ', a.attname)
  || pg_describe_object('pg_class'::regclass, a.attrelid, 0)
from pg_attribute a
join pg_class c on c.oid = a.attrelid and c.relkind = 'm'
join pg_type t on t.oid = a.atttypid
where a.attrelid in (select oid from view)
  and a.attnum > 0
  and (
    a.attoptions is not null
    or coalesce(a.attstattarget, -1) <> -1
    or a.attstorage <> t.typstorage
    or a.attcompression <> ''
  )
order by 1`

/** What belongs to the view or its dependants and cannot be recreated, in PostgreSQL's words. */
export async function notRecreatable(
  client: pg.ClientBase,
  oid: string,
  dependants: readonly { oid: string }[],
): Promise<string[]> {
  const oids = [oid, ...dependants.map((one) => one.oid)]
  return (await client.query<{ name: string }>(notRecreatableSql, [oids])).rows.map(({ name }) => name)
}
