/**
 * Which refresher session gave which versions. A version is only a number: after a rebuild, a restored backup or a
 * failover that lost the last commits it is given again, for other changes, and a follower by number would miss them.
 * Each of these events ends the refresher's session too. So each session that becomes the leader opens an epoch with
 * the next version, and a token is valid if the store gave the token's version in the token's epoch.
 */
import { sql, type RawBuilder } from 'kysely'
import type pg from 'pg'
import { columnsOf, relation } from '../relations.js'

/** Opens the epoch of a session that leads. An epoch in which no version was given is in no token, and is deleted. */
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

/** The epoch in which a version was given, as an expression. */
export const epochOf = (version: RawBuilder<string>): RawBuilder<string | null> =>
  sql`(select ${epoch('epoch')}
from ${relation('attempt_epoch')}
where ${epoch('first_version')} <= ${version}
order by ${epoch('first_version')} desc
limit 1)`
