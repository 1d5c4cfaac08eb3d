/** A refresher's sessions and their transactions: on the primary, where exam_results and the queue are, and on the store. */
import type pg from 'pg'

/** emptying: to be filled anew. catching_up: everybody is filled, and what was written meanwhile is taken. */
export interface StoreRow {
  id: string
  version: string
  state: 'emptying' | 'filling' | 'catching_up' | 'ready'
  filled_to: string | null
  filled_rows: string
  oldest_version: string
}

/** The advisory lock of the one that keeps a store in step, as an expression of SQL; held by its session. A database may have a store in each of several schemas. */
export const storeAdvisoryLock = `hashtextextended('attempt store', to_regclass('attempt_store')::oid::bigint)`

/** One refresher's sessions: the same one twice where primary and store are one database. */
export interface Sessions {
  primary: pg.PoolClient
  store: pg.PoolClient
}

/** Runs `work` in one transaction a database; the store commits first, so that a claim is acknowledged only afterwards. */
export async function transaction<T>({ primary, store }: Sessions, work: () => Promise<T>): Promise<T> {
  const both = primary === store ? [store] : [store, primary]
  try {
    // against what a database sets for all of its sessions: much is read, and while one server answers the other waits
    for (const client of both)
      await client.query(
        `begin isolation level repeatable read; set local statement_timeout = '1h'; set local idle_in_transaction_session_timeout = 0`,
      )
    // before the snapshots: TRUNCATE empties the table for every snapshot, and only a newer one has its row in the queue
    await primary.query('lock table attempt_numbered in access share mode')
    // of two databases the second must not remember what the first, after a crash, has forgotten
    if (primary !== store)
      await store.query(
        `select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'`,
      )
    const result = await work()
    for (const client of both) await client.query('commit')
    return result
  } catch (error) {
    for (const client of both) await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Reads and locks the one row first of all: whoever writes into the store waits here, and then sees what the last one wrote. */
export const readState = async (store: pg.ClientBase) =>
  (
    await store.query<StoreRow>(
      'select id, version, state, filled_to, filled_rows, oldest_version from attempt_store for update',
    )
  ).rows[0]

/**
 * The version of the store's last step that the primary knows of.
 * @throws Error where another one takes from it: each would get a part
 */
export async function acknowledged(primary: pg.ClientBase, { id }: StoreRow): Promise<string> {
  const {
    rows: [reader],
  } = await primary.query<{ store: string; version: string }>('select store, version from attempt_queue_reader')
  if (reader?.store !== id)
    throw new Error('the queue of exam_results feeds another store: attempt-api store enable makes it feed this one')
  return reader.version
}

/** Tells the primary of a step, whatever it wrote: a version that it was not told of counts as lost. */
export const acknowledge = async (primary: pg.ClientBase, { id }: StoreRow, version: string) => {
  await primary.query(
    'update attempt_queue_reader set version = $2::bigint where store = $1 and version <> $2::bigint',
    [id, version],
  )
}
