/** A refresher's sessions on the primary and on the database of the store, and their transactions. */
import type pg from 'pg'
import { ownSchema } from '../database/statement.js'

/**
 * Key of the advisory lock that the leading refresher's session holds, as an SQL expression. Derived from the table,
 * since a database may have a store in each of several schemas.
 */
const advisoryLockOf = (table: string) => `hashtextextended('attempt store', to_regclass('${table}')::oid::bigint)`
export const storeAdvisoryLock = advisoryLockOf('attempt_store')
/** The same for a statement of relations.ts. */
export const locatedAdvisoryLock = advisoryLockOf(`"${ownSchema}".attempt_store`)

/** One and the same session if primary and store are in one database. */
export interface Sessions {
  primary: pg.ClientBase
  store: pg.ClientBase
}

/** Runs `work` in one transaction of one session; `begin` is the statement that starts it. */
export async function inTransaction<T>(
  client: pg.ClientBase,
  work: () => Promise<T>,
  begin = 'begin read write',
): Promise<T> {
  await client.query(begin)
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Runs `work` in one read-only snapshot of one session. */
export const inSnapshot = <T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> =>
  inTransaction(client, work, 'begin isolation level repeatable read read only')

/**
 * Runs `work` in one transaction per database. The store commits first, so that the primary never records a version
 * that the store does not have.
 */
export async function transaction<T>({ primary, store }: Sessions, work: () => Promise<T>): Promise<T> {
  const clients = primary === store ? [store] : [store, primary]
  try {
    // overrides limits of the database: reads are long, and one session is idle while the other works
    for (const client of clients)
      await client.query(
        'begin isolation level repeatable read, read write; ' +
          `set local statement_timeout = '1h'; set local idle_in_transaction_session_timeout = 0`,
      )
    // before the snapshots: after TRUNCATE every snapshot sees an empty table, but only newer ones its row in the queue
    await primary.query('lock table attempt_numbered in access share mode')
    // with two databases, the primary must not record a version that the store could lose in a crash
    if (primary !== store)
      await store.query(
        `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`,
      )
    const result = await work()
    for (const client of clients) await client.query('commit')
    return result
  } catch (error) {
    for (const client of clients) await client.query('rollback').catch(() => undefined)
    throw error
  }
}
