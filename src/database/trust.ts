/** Sessions use nothing that a role that is not trusted has created: they leave their search_path, or check it. */
import pg from 'pg'
import { findPlanted, locate, type Queryable } from './owners.js'

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

/** The schemas of a checked path. */
export const schemasOnPath = async (client: Queryable): Promise<string[]> =>
  (await client.query<{ path: string[] }>('select current_schemas(false)::text[] as path')).rows[0]?.path ?? []

export const setPath = async (client: Queryable, setting: string, local: boolean): Promise<void> => {
  await client.query(`select pg_catalog.set_config('search_path', $1, ${local})`, [setting])
}

const remedy =
  'Drop it, or, if it is meant to be there, let an administrator grant its role CREATE on the schema by name. ' +
  'Then run revoke create on schema NAME from public (docs/access.md).'

/** Refused: the database has objects of a role that is not trusted. Retrying does not help. */
export class Untrusted extends Error {}

/** @throws Untrusted on a session that has left its path */
async function assertTrustedPath(client: Queryable, path: readonly string[], migrates: boolean): Promise<void> {
  const reason = (await locate(client, path, migrates)).find((one) => one.reason !== null)?.reason
  if (reason !== undefined && reason !== null) throw new Untrusted(`${reason}. ${remedy}`)
  const planted = await findPlanted(client, path, migrates)
  if (planted !== undefined)
    throw new Untrusted(
      `The search_path leads to the ${planted}, which PostgreSQL could use instead of its own. ` + remedy,
    )
}

/** The schemas as a setting. Schemas that are created later are not on it, and temporary objects come last. */
const fixedPath = (path: readonly string[]): string =>
  [...path.filter((schema) => !/^pg_temp_\d+$/.test(schema)), 'pg_temp']
    .map((schema) => pg.escapeIdentifier(schema))
    .join(', ')

/**
 * The same for a transaction. Until its end, its path has only the schemas that were checked.
 * @param migrates whether the transaction uses tables of migrations, and the functions that they create
 * @throws Untrusted
 */
export async function assertTrustedHere(client: Queryable, migrates = true): Promise<void> {
  const { path, setting } = await leavePath(client, true)
  await assertTrustedPath(client, path, migrates)
  // without a schema, tables would be created as temporary ones
  await setPath(client, path.length === 0 ? setting : fixedPath(path), true)
}

/**
 * The same for a session of its own that is not in a transaction.
 * @throws Untrusted
 */
export async function assertTrustedSession(client: Queryable): Promise<void> {
  // the path of the role or the URL: a schema may have come since it was checked last
  await client.query('begin read only; set local search_path to default')
  let path: string[]
  try {
    ;({ path } = await leavePath(client, true))
    await assertTrustedPath(client, path, false)
  } finally {
    await client.query('rollback')
  }
  if (path.length > 0) await setPath(client, fixedPath(path), false)
}

/** The same for a session that keeps its path. @throws Untrusted */
export const assertTrustedConnection = (client: Queryable): Promise<void> =>
  withTrust(client, () => Promise.resolve(), false)

/** Runs `action` in a read-only transaction that first refuses what a role that is not trusted has created. */
async function withTrust<T>(client: Queryable, action: (client: Queryable) => Promise<T>, migrates = true): Promise<T> {
  await client.query('begin read only')
  try {
    await assertTrustedHere(client, migrates)
    return await action(client)
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}

/** The same on a connection of a pool. @throws Untrusted */
export async function onTrusted<T>(
  pool: pg.Pool,
  action: (client: Queryable) => Promise<T>,
  migrates = true,
): Promise<T> {
  const client = await pool.connect()
  let failed = true
  try {
    const result = await withTrust(client, action, migrates)
    failed = false
    return result
  } finally {
    client.release(failed)
  }
}

/** @throws Untrusted */
export const assertTrusted = (pool: pg.Pool, migrates = true): Promise<void> =>
  onTrusted(pool, () => Promise.resolve(), migrates)
