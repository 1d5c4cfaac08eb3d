/** The one row of `attempt_store`: which version the store has, and how far a fill has come. */
import type pg from 'pg'

export interface StoreRow {
  id: string
  version: string
  /**
   * emptying: marked for a rebuild. filling: students are being written. catching_up: every student is there, and the
   * queue holds what was written meanwhile. ready: requests may read it.
   */
  state: 'emptying' | 'filling' | 'catching_up' | 'ready'
  /** The last student of the fill, in the order of ids. */
  filled_to: string | null
  filled_rows: string
  oldest_version: string
}

/**
 * Reads the row and takes its row lock, the first statement of every transaction that writes into the store: a second
 * writer waits here, and then sees what the first one wrote.
 * @returns undefined: the store is not enabled
 */
export async function lockStoreRow(store: pg.ClientBase): Promise<StoreRow | undefined> {
  const { rows } = await store.query<StoreRow>(
    'select id, version, state, filled_to, filled_rows, oldest_version from attempt_store for update',
  )
  return rows[0]
}

export const nextVersion = ({ version }: StoreRow): string => String(BigInt(version) + 1n)
