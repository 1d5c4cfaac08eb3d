/** Which migrations a database has: Kysely's table of names, and beside it a table of their hashes. */
import pg from 'pg'
import { attemptV1 } from '../contract/attempt-v1.js'
import { formerLedgerTable } from '../contract/contract.js'
import { assertTrustedHere, onTrusted, schemasOnPath } from '../database/trust.js'
import {
  copyLedger,
  readFormerLedger,
  removeFormerRecords,
  renameLedger,
  type FormerLedger,
  type LedgerRecord,
} from './former-ledger.js'
import { hashesOf } from './hashes.js'
import { viewMigrations, type MigrationSet } from './migration-sets.js'

type Queryable = Pick<pg.ClientBase, 'query'>

/** A pool reads in a transaction that first refuses what a role that is not trusted has created. */
const trusted = <T>(client: Queryable, read: (client: Queryable) => Promise<T>): Promise<T> =>
  client instanceof pg.Pool ? onTrusted(client, read) : read(client)

export interface Applied {
  name: string
  appliedAt: Date
  hash: string | null
}

export interface LedgerState {
  applied: Applied[]
  /** Known to this version and not applied, in the order in which they are applied. */
  pending: string[]
  /** Applied, and different in this version. */
  edited: string[]
  /** Applied before hashes were recorded. */
  withoutHash: string[]
  /** Applied by a newer version and not known to this one. */
  unknown: string[]
  hashes: Map<string, string>
  /** Records that version 1.0 left in a table of another name. They count where ours does not exist yet. */
  former: FormerLedger | undefined
}

/** Whether the session's search_path leads to a relation of this name. */
export const relationExists = async (client: Queryable, relation: string): Promise<boolean> =>
  (await client.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [relation])).rows[0]
    ?.exists === true

/** The same for a table. A view, or a table with row security, would run code of its owner when it is read. */
const tableExists = async (client: Queryable, relation: string): Promise<boolean> =>
  (
    await client.query(
      `select from pg_catalog.pg_class
      where oid = to_regclass($1::text)::oid and relkind in ('r', 'p') and not relrowsecurity`,
      [relation],
    )
  ).rows.length > 0

async function readRecords(
  client: Queryable,
  set: MigrationSet,
): Promise<{ records: LedgerRecord[]; former: FormerLedger | undefined }> {
  const former = await readFormerLedger(client, set, await schemasOnPath(client))
  if (!(await tableExists(client, set.table))) return { records: former?.records ?? [], former }
  const hashed = await tableExists(client, `${set.table}_hash`)
  const { rows } = await client.query<LedgerRecord>(
    hashed
      ? `select m.name, m.timestamp, h.hash
        from ${set.table} m
        left join ${set.table}_hash h on h.name = m.name
        order by m.name`
      : `select name, timestamp, null as hash from ${set.table} order by name`,
  )
  return { records: rows, former }
}

/** Whether the view does not exist although its migration is recorded: `up` then finds nothing to apply. */
export const viewIsMissing = (client: Queryable): Promise<boolean> => trusted(client, isViewMissing)

async function isViewMissing(client: Queryable): Promise<boolean> {
  if (await relationExists(client, attemptV1.view)) return false
  const { records } = await readRecords(client, viewMigrations)
  return records.some(({ name }) => name === attemptV1.migration)
}

export const missingViewMessage =
  'The view attempt does not exist although its migration is recorded. ' +
  'attempt-api migrate up --again creates it; then grant the rights on it again.'

/** Reads only. A database without the tables has nothing applied. @throws Untrusted */
export const readLedger = (client: Queryable, set: MigrationSet): Promise<LedgerState> =>
  trusted(client, (session) => read(session, set))

async function read(client: Queryable, set: MigrationSet): Promise<LedgerState> {
  const hashes = await hashesOf(set)
  const { records, former } = await readRecords(client, set)
  const applied = records.map(({ name, timestamp, hash }): Applied => ({ name, appliedAt: new Date(timestamp), hash }))
  const known = applied.filter(({ name }) => hashes.has(name))
  return {
    applied,
    pending: [...hashes.keys()].filter((name) => !applied.some((one) => one.name === name)).sort(),
    edited: known.filter(({ name, hash }) => hash !== null && hash !== hashes.get(name)).map(({ name }) => name),
    withoutHash: known.filter(({ hash }) => hash === null).map(({ name }) => name),
    unknown: applied.filter(({ name }) => !hashes.has(name)).map(({ name }) => name),
    hashes,
    former,
  }
}

/** The state to apply. With `again` every migration that this version knows counts as pending. */
export const toApply = (state: LedgerState, again: boolean): LedgerState =>
  again ? { ...state, pending: [...state.hashes.keys()].sort() } : state

/**
 * Moves the records that version 1.0 left in a table of another name into ours. A version that is rolled back may have
 * left some again, so this is not for the first time alone.
 */
export async function takeFormerLedger(
  client: Queryable,
  set: MigrationSet,
  former: FormerLedger,
  report: (line: string) => void,
): Promise<void> {
  const { schema, shared, owned, owner } = former
  if (owned && !shared && !(await relationExists(client, set.table))) {
    await renameLedger(client, set, former)
    report(`The table ${formerLedgerTable} is now named ${set.table}.`)
    return
  }
  await prepareLedger(client, set, `${schema}.`)
  await copyLedger(client, set, former)
  report(`Our records in ${schema}.${formerLedgerTable} are now in ${schema}.${set.table}.`)
  if (owned) return removeFormerRecords(client, former)
  const names = former.records.map(({ name }) => `'${name}'`).join(', ')
  report(
    `They are still in ${formerLedgerTable} as well, which belongs to ${owner}. Another application of Kysely in ` +
      `this schema refuses them. As ${owner}: delete from ${schema}.${formerLedgerTable} where name in (${names})`,
  )
}

/**
 * Creates missing tables. That of the names has Kysely's own format.
 * @param prefix a schema with a dot, or the schema that is first in search_path
 * @throws Untrusted if one of them belongs to a role that is not trusted: no statement has read or written it
 */
export async function prepareLedger(client: Queryable, set: MigrationSet, prefix = ''): Promise<void> {
  if (!(await relationExists(client, set.table)))
    await client.query(
      `create table ${prefix}${set.table} (name varchar(255) not null primary key, timestamp varchar(255) not null)`,
    )
  if (!(await relationExists(client, `${set.table}_hash`))) {
    await client.query(
      `create table ${prefix}${set.table}_hash (
        name varchar(255) not null primary key, hash text not null, recorded_at timestamptz not null default now()
      )`,
    )
    await client.query(
      `comment on table ${prefix}${set.table}_hash is 'sha256 of the statements of each applied migration'`,
    )
  }
  // another session may have created them since the transaction began
  await assertTrustedHere(client)
}

export async function recordHash(client: Queryable, set: MigrationSet, name: string, hash: string): Promise<void> {
  await client.query(
    `insert into ${set.table}_hash (name, hash) values ($1, $2)
    on conflict (name) do update set hash = excluded.hash, recorded_at = now()`,
    [name, hash],
  )
}

export async function recordApplied(client: Queryable, set: MigrationSet, name: string): Promise<void> {
  await client.query(
    `insert into ${set.table} (name, timestamp) values ($1, $2)
    on conflict (name) do update set timestamp = excluded.timestamp`,
    [name, new Date().toISOString()],
  )
}

/** Removes the record of a migration that was reverted. */
export async function removeApplied(client: Queryable, set: MigrationSet, name: string): Promise<void> {
  await client.query(`delete from ${set.table} where name = $1`, [name])
  if (await relationExists(client, `${set.table}_hash`))
    await client.query(`delete from ${set.table}_hash where name = $1`, [name])
}

/** Removes the tables themselves. */
export async function dropLedger(client: Queryable, set: MigrationSet): Promise<void> {
  await client.query(`drop table if exists ${set.table}, ${set.table}_lock, ${set.table}_hash`)
}
