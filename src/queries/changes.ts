/** The changes of the store after a position, in the order of version and key. */
import { sql, type RawBuilder } from 'kysely'
import { contractColumns, type AttemptColumnName } from '../contract/attempt-v1.js'
import type { Reader } from '../database/reader.js'
import { statement, type Statement } from '../database/statement.js'
import { ApiError } from '../errors.js'
import { columnsOf, relation } from '../relations.js'
import type { ChangePosition, ChangeToken } from '../store/change-token.js'
import { epochOf } from '../store/epochs.js'
import { isStoreAbsent, rfc3339, setAsideCount } from '../store/state.js'
import { bigintForm, integerForm, isAfter, keyList, uuidForm, type KeyColumn } from './keyset.js'

/** A column of a change: what happened, the version, and the attempt. */
export type ChangeColumnName = 'op' | 'version' | AttemptColumnName

const attempt = columnsOf<'attempt_materialized'>()
const deleted = columnsOf<'attempt_deleted'>()
const store = columnsOf<'attempt_store'>()

/** The total order, which two indexes have. A row occurs once: at the version that changed it last. */
export const positionColumns = ['version', 'student_id', 'item_id', 'attempt_no'] as const
const position: readonly KeyColumn[] = [
  { sql: deleted('version'), type: 'bigint', form: bigintForm },
  { sql: deleted('student_id'), type: 'uuid', form: uuidForm },
  { sql: deleted('item_id'), type: 'bigint', form: bigintForm },
  { sql: deleted('attempt_no'), type: 'integer', form: integerForm },
]
const order = keyList(position)

const isKey = (name: AttemptColumnName): name is 'student_id' | 'item_id' | 'attempt_no' =>
  name === 'student_id' || name === 'item_id' || name === 'attempt_no'

const upserts = sql`select 'upsert'::text as op, ${attempt('version')},
  ${sql.join(contractColumns.map(({ name }) => attempt(name)))}
from ${relation('attempt_materialized')}`
const deletes = sql`select 'delete'::text as op, ${deleted('version')},
  ${sql.join(
    contractColumns.map(({ name, type }) =>
      isKey(name) ? deleted(name) : sql`null::${sql.raw(type)} as ${attempt(name)}`,
    ),
  )}
from ${relation('attempt_deleted')}`

/** Where to start reading: after a whole version, or after one change inside a version. */
export type StartAfter = { version: string } | { position: ChangePosition }

function changes(columns: RawBuilder<unknown>, start: StartAfter): RawBuilder<unknown> {
  const condition =
    'version' in start
      ? sql<boolean>`${deleted('version')} > ${start.version}::bigint`
      : isAfter(position, start.position)
  const part = (rows: RawBuilder<unknown>) => sql`(${rows} where ${condition} order by ${order})`
  return sql`select ${columns}
from (${part(upserts)} union all ${part(deletes)}) as change
order by ${order}`
}

/** At most `limit` changes; undefined: all of them. */
export const selectChanges = (
  columns: readonly ChangeColumnName[],
  start: StartAfter,
  limit: number | undefined,
): Statement =>
  statement(sql`${changes(sql.join(columns.map((name) => sql.ref(name))), start)}
limit ${limit ?? null}::bigint`)

/** The position of the last of `limit` changes; undefined if there are fewer. */
export async function positionOfLast(
  reader: Reader,
  start: StartAfter,
  limit: number,
): Promise<ChangePosition | undefined> {
  const [row] = await reader.rows(
    statement(sql`${changes(order, start)}
offset ${limit - 1}::bigint limit 1`),
  )
  const [version, student, item, attemptNo] = row ?? []
  return version && student && item && attemptNo ? [version, student, item, attemptNo] : undefined
}

/**
 * SQL: makes the planner merge the two indexes, until the end of the transaction. Most requests read only the newest
 * rows, for which statistics are always out of date and a full scan looks cheap. With the indexes, a stream also begins
 * at once.
 */
const inOrder = sql.join(
  ['seqscan', 'bitmapscan', 'sort'].map((plan) => sql`set_config(${sql.lit(`enable_${plan}`)}, 'off', true)`),
)

/** The state of the store in one snapshot. */
export interface Feed {
  epoch: string
  version: string
  asOf: string
  /** The number of exams whose changes are missing, because the refresher could not take them. */
  setAside: number
}

const expired = (why: string) =>
  new ApiError(
    'changes_expired',
    `${why}. Start over: empty the copy, request /v1/changes without since for a new token, ` +
      'take a full export, and follow from there.',
  )
const unavailable = (why: string) => new ApiError('store_unavailable', why)

/**
 * Reads the state of the store in the same snapshot as the changes. With two snapshots, a version that is committed in
 * between would be skipped.
 * @throws ApiError store_unavailable; changes_expired if the changes since the token are not complete
 */
export async function readFeed(reader: Reader, token: ChangeToken | undefined): Promise<Feed> {
  const [row] = await reader
    .rows(
      statement(sql`select ${store('version')}, ${store('state')}, ${rfc3339(store('caught_up_at'))},
  ${store('oldest_version')}, pg_is_in_recovery(), ${epochOf(store('version'))},
  ${epochOf(sql`${token?.version ?? null}::bigint`)}, ${setAsideCount}, ${inOrder}
from ${relation('attempt_store')}`),
    )
    .catch((error: unknown) => {
      if (isStoreAbsent(error)) return []
      throw error
    })
  if (row === undefined)
    throw unavailable(
      'Changes come from the store, and this database has none. An operator creates it with: attempt-api store enable',
    )
  const [version, state, asOf, oldestVersion, standby, epoch, epochOfToken, setAside] = row
  if (!version || !oldestVersion || state !== 'ready' || !asOf || !epoch)
    throw unavailable('Changes come from the store, which is being filled. Retry later.')
  const feed = { epoch, version, asOf, setAside: Number(setAside) }
  if (token === undefined) return feed
  // the last version of which the client has every change
  const complete = token.position === undefined ? BigInt(token.version) : BigInt(token.position[0]) - 1n
  if (complete < BigInt(oldestVersion))
    throw expired(`The token is of version ${complete}, and changes are kept from version ${oldestVersion} on`)
  if (BigInt(token.version) > BigInt(version)) {
    // a standby may not have the token's epoch yet either
    if (standby === 't')
      throw unavailable(`This standby is at version ${version} and has not reached the token's version yet. Retry.`)
    throw expired(
      `The token is of version ${token.version}, and this store is at version ${version}: ` +
        'it is another store, or was restored from a backup',
    )
  }
  if (epochOfToken !== token.epoch)
    throw expired('The token is of another store, or of this one before it was rebuilt or restored')
  return feed
}
