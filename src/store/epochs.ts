/**
 * Which refresher session assigned which versions. A version is only a number. After a rebuild, a restored backup or a
 * failover that lost the last commits, the store assigns the same number again to other changes, and a client that
 * compares numbers would miss them. Each of these events also ends the refresher's session. So each session that
 * becomes the leader opens an epoch at the next version. A token is valid if the store assigned the token's version in
 * the token's epoch.
 */
import { sql, type RawBuilder } from 'kysely'
import type pg from 'pg'
import { columnsOf, relation } from '../relations.js'

/** Opens an epoch for the leader's session. Deletes epochs without a version: no token can name them. */
export async function beginEpoch(store: pg.ClientBase): Promise<void> {
  await store.query(`with store as (select version from attempt_store for update), unused as (
  delete from attempt_epoch using store where first_version > store.version
)
insert into attempt_epoch (first_version) select version + 1 from store`)
}

/** Deletes every epoch: earlier tokens are no longer valid. */
export async function beginHistory(store: pg.ClientBase): Promise<void> {
  await store.query(`with gone as (delete from attempt_epoch)
insert into attempt_epoch (first_version) select version from attempt_store`)
}

const epoch = columnsOf<'attempt_epoch'>()

/** SQL expression: the epoch in which the store assigned a version. */
export const epochOf = (version: RawBuilder<string>): RawBuilder<string | null> =>
  sql`(select ${epoch('epoch')}
from ${relation('attempt_epoch')}
where ${epoch('first_version')} <= ${version}
order by ${epoch('first_version')} desc
limit 1)`
