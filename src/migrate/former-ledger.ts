/**
 * Version 1.0 recorded the migrations of the view in `kysely_migration`, the default table of every Kysely application.
 * Another application in the same schema then refuses our names, or takes its own for those of a newer version of ours.
 * `migrate up` and `migrate down` move our records into a table of our own name.
 */
import type pg from 'pg'
import { formerLedgerTable } from '../contract/contract.js'
import { isTrustedTable } from '../database/owners.js'
import type { MigrationSet } from './migration-sets.js'

type Queryable = Pick<pg.ClientBase, 'query'>

export interface LedgerRecord {
  name: string
  timestamp: string
  hash: string | null
}

export interface FormerLedger {
  /** As an identifier in SQL. */
  schema: string
  /** Our records alone: known to this version, or with a hash, which only this service records. */
  records: LedgerRecord[]
  /** Whether another application has records there too. */
  shared: boolean
  /** Whether a table of hashes is beside it. */
  hashed: boolean
  /** Whether the role of the session has the rights of its owner. */
  owned: boolean
  owner: string
}

/**
 * Reads only.
 * @param path the schemas of the search_path
 * @returns undefined if the former table has none of our records, if the role may not read it, or if it belongs to a
 *   role that is not trusted: its triggers would run as ours
 */
export async function readFormerLedger(
  client: Queryable,
  set: MigrationSet,
  path: readonly string[],
): Promise<FormerLedger | undefined> {
  if (!set.hasFormerLedger || !(await isTrustedTable(client, path, formerLedgerTable))) return undefined
  const {
    rows: [table],
  } = await client.query<{ schema: string; owned: boolean; owner: string; hashed: boolean }>(
    `
    select format('%I', n.nspname) as schema, pg_has_role(c.relowner, 'usage') as owned,
      pg_get_userbyid(c.relowner)::text as owner,
      coalesce(has_table_privilege(to_regclass(format('%I.${formerLedgerTable}_hash', n.nspname)), 'select'), false)
        as hashed
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = to_regclass('${formerLedgerTable}') and c.relkind = 'r'
      and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
      and (
        select count(*) from pg_attribute
        where attrelid = c.oid and attname in ('name', 'timestamp') and not attisdropped
      ) = 2`,
  )
  if (table === undefined) return undefined
  const from = `${table.schema}.${formerLedgerTable}`
  const { rows } = await client.query<LedgerRecord>(
    table.hashed
      ? `select m.name::text as name, m.timestamp::text as timestamp, h.hash
        from ${from} m
        left join ${from}_hash h on h.name = m.name
        order by m.name`
      : `select name::text as name, timestamp::text as timestamp, null as hash from ${from} order by name`,
  )
  const records = rows.filter(({ name, hash }) => hash !== null || Object.hasOwn(set.migrations, name))
  return records.length === 0 ? undefined : { ...table, records, shared: records.length < rows.length }
}

/** The table becomes ours, with its grants: a role that may read the records still may. */
export async function renameLedger(
  client: Queryable,
  set: MigrationSet,
  { schema, hashed }: FormerLedger,
): Promise<void> {
  const suffixes = hashed ? ['', '_hash'] : ['']
  for (const suffix of suffixes) {
    const [before, after] = [`${formerLedgerTable}${suffix}`, `${set.table}${suffix}`]
    await client.query(`alter table ${schema}.${before} rename to ${after}`)
    await client.query(`alter index if exists ${schema}.${before}_pkey rename to ${after}_pkey`)
  }
  await client.query(`drop table if exists ${schema}.${formerLedgerTable}_lock`)
}

/** Copies our records, with the grants to read them, into the tables of our own name in the same schema. */
export async function copyLedger(
  client: Queryable,
  set: MigrationSet,
  { schema, records }: FormerLedger,
): Promise<void> {
  const from = `${schema}.${formerLedgerTable}`
  for (const suffix of ['', '_hash']) {
    const { rows } = await client.query<{ grantee: string }>(
      `select distinct case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
      from pg_class c, aclexplode(c.relacl) as a
      where c.oid = to_regclass($1) and a.privilege_type = 'SELECT' and a.grantee <> c.relowner`,
      [`${from}${suffix}`],
    )
    for (const { grantee } of rows) await client.query(`grant select on ${schema}.${set.table}${suffix} to ${grantee}`)
  }
  const values = [records.map(({ name }) => name), records.map(({ timestamp }) => timestamp)]
  await client.query(
    `insert into ${schema}.${set.table} (name, timestamp)
    select * from unnest($1::text[], $2::text[])
    on conflict (name) do nothing`,
    values,
  )
  const hashed = records.filter(({ hash }) => hash !== null)
  await client.query(
    `insert into ${schema}.${set.table}_hash (name, hash)
    select * from unnest($1::text[], $2::text[])
    on conflict (name) do nothing`,
    [hashed.map(({ name }) => name), hashed.map(({ hash }) => hash)],
  )
}

/** Leaves the records of another application, or no table at all. */
export async function removeFormerRecords(client: Queryable, { schema, records, shared }: FormerLedger): Promise<void> {
  const from = `${schema}.${formerLedgerTable}`
  await client.query(`drop table if exists ${from}_hash`)
  if (shared) await client.query(`delete from ${from} where name = any($1)`, [records.map(({ name }) => name)])
  else await client.query(`drop table if exists ${from}, ${from}_lock`)
}
