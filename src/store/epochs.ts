/**
 * Who gave which versions. A version is a mere number: after a rebuild, a restore of a backup or a failover that lost
 * the last commits it is given again, for other changes, and whoever follows by number would miss them without a word.
 * Such an end of history ends the refresher's session too. So each session that leads opens an epoch with the next
 * version, and a token is good where the store gave the token's version in the token's epoch.
 */
import type pg from 'pg'

/** Opens the epoch of a session that leads. One in which no version was given is in no token, and goes. */
export async function beginEpoch(store: pg.ClientBase): Promise<void> {
  await store.query(`with store as (select version from attempt_store for update), unused as (
  delete from attempt_epoch using store where first_version > store.version
)
insert into attempt_epoch (first_version) select version + 1 from store`)
}

/** Forgets every epoch: no token of before is good any more. */
export async function beginHistory(store: pg.ClientBase): Promise<void> {
  await store.query(
    'with gone as (delete from attempt_epoch) insert into attempt_epoch (first_version) select version from attempt_store',
  )
}

/** The epoch in which a version was given, as an expression. */
export const epochOf = (version: string): string =>
  `(select epoch from attempt_epoch where first_version <= ${version} order by first_version desc limit 1)`
