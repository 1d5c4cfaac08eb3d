/** The one row of `attempt_store`: the version of the store, its state, and the progress of a fill. */
import type pg from 'pg'
import type { StoreStateName } from '../relations.js'

export interface StoreRow {
  id: string
  version: string
  /**
   * emptying: marked for a rebuild. filling: students are being written. catching_up: every student is written, and the
   * queue has the exams that were written meanwhile. ready: requests may read the store.
   */
  state: StoreStateName
  /** The last student of the fill, in the order of ids. */
  filled_to: string | null
  filled_rows: string
  oldest_version: string
  /** The number of exams in attempt_set_aside. */
  set_aside: number
}

/**
 * Reads the row and takes its row lock. The first statement of every transaction that writes into the store: a second
 * writer waits here until the first one has committed.
 * @returns undefined: the store is not enabled
 */
export async function lockStoreRow(store: pg.ClientBase): Promise<StoreRow | undefined> {
  const { rows } = await store.query<StoreRow>(
    'select id, version, state, filled_to, filled_rows, oldest_version, set_aside from attempt_store for update',
  )
  return rows[0]
}

export const nextVersion = ({ version }: StoreRow): string => String(BigInt(version) + 1n)
