/** Removes old deletions from the change feed: no other part of the store grows without limit. */
import type pg from 'pg'
import { inTransaction } from './sessions.js'
import { lockStoreRow } from './store-row.js'

export const defaultRetentionH = 168
/** Deletions per transaction. Kept small: the transaction holds the row lock of attempt_store for milliseconds. */
const batch = 1_000

interface ExpiredDeletion {
  student_id: string
  item_id: string
  attempt_no: number
  version: string
}

/**
 * Removes one batch of deletions that are older than `hours`. The change feed then begins at the last removed version.
 * @returns whether there may be more
 */
export const removeExpired = (store: pg.ClientBase, hours: number): Promise<boolean> =>
  inTransaction(store, async () => {
    await lockStoreRow(store)
    // in index order; deletion times grow with versions, so the oldest come first
    const { rows } = await store.query<ExpiredDeletion>(
      `select student_id, item_id, attempt_no, version
from (
  select * from attempt_deleted order by version, student_id, item_id, attempt_no limit ${batch}
) as first
where deleted_at < now() - $1::double precision * interval '1 hour'`,
      [hours],
    )
    if (rows.length > 0) {
      await store.query(
        `delete from attempt_deleted d using unnest($1::uuid[], $2::bigint[], $3::integer[])
  as g (student_id, item_id, attempt_no)
where d.student_id = any($1::uuid[])
  and d.student_id = g.student_id and d.item_id = g.item_id and d.attempt_no = g.attempt_no`,
        [rows.map((row) => row.student_id), rows.map((row) => row.item_id), rows.map((row) => row.attempt_no)],
      )
      const last = rows.reduce((highest, { version }) => (BigInt(version) > highest ? BigInt(version) : highest), 0n)
      await store.query('update attempt_store set oldest_version = greatest(oldest_version, $1::bigint)', [
        last.toString(),
      ])
      // no valid token names an epoch whose versions are all removed
      await store.query(
        `delete from attempt_epoch e
where exists (select from attempt_epoch n where n.first_version > e.first_version and n.first_version <= $1::bigint)`,
        [last.toString()],
      )
    }
    return rows.length === batch
  })

/**
 * Returns a function to call between batches: it removes one batch every `everyMs`, or at every call if more remain.
 */
export function createRetention(hours: number, everyMs: number): (store: pg.ClientBase) => Promise<void> {
  let due = 0
  return async (store) => {
    if (Date.now() < due) return
    if (!(await removeExpired(store, hours))) due = Date.now() + everyMs
  }
}
