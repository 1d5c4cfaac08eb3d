/** How long keys that went are told of: the only part of the feed that grows without end. */
import type pg from 'pg'

export const defaultRetentionH = 168
/** Removed in one transaction: it holds the store's row, and with it the refresher, for some milliseconds. */
const batch = 1_000
const everyMs = 60_000

/**
 * Removes one batch of keys that went longer than `hours` ago; the feed then begins at the last version among them.
 * @returns whether there may be more
 */
export async function removeExpired(store: pg.ClientBase, hours: number): Promise<boolean> {
  await store.query('begin')
  try {
    await store.query('select 1 from attempt_store for update')
    // in the order of their index; times rise with versions, so that the oldest are among the first
    const { rows } = await store.query<{ student_id: string; item_id: string; attempt_no: number; version: string }>(
      `
select student_id, item_id, attempt_no, version
from (select * from attempt_deleted order by version, student_id, item_id, attempt_no limit ${batch}) as first
where deleted_at < now() - $1::double precision * interval '1 hour'`,
      [hours],
    )
    const last = rows.at(-1)
    if (last !== undefined) {
      await store.query(
        `delete from attempt_deleted d using unnest($1::uuid[], $2::bigint[], $3::integer[]) as g (student_id, item_id, attempt_no)
where d.student_id = any($1::uuid[]) and d.student_id = g.student_id and d.item_id = g.item_id and d.attempt_no = g.attempt_no`,
        [rows.map((row) => row.student_id), rows.map((row) => row.item_id), rows.map((row) => row.attempt_no)],
      )
      const oldest = rows.reduce((most, { version }) => (BigInt(version) > most ? BigInt(version) : most), 0n)
      await store.query('update attempt_store set oldest_version = greatest(oldest_version, $1::bigint)', [
        oldest.toString(),
      ])
      // an epoch of which every version is older than that is in no token that is still good
      await store.query(
        'delete from attempt_epoch e where exists (select from attempt_epoch n where n.first_version > e.first_version and n.first_version <= $1::bigint)',
        [oldest.toString()],
      )
    }
    await store.query('commit')
    return rows.length === batch
  } catch (error) {
    await store.query('rollback').catch(() => undefined)
    throw error
  }
}

/** What a refresher calls between its batches: every minute, and at once again while there is more. */
export function createRetention(hours: number): (store: pg.ClientBase) => Promise<void> {
  let due = 0
  return async (store) => {
    if (Date.now() < due) return
    if (!(await removeExpired(store, hours))) due = Date.now() + everyMs
  }
}
