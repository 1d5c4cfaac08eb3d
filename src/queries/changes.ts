/** What the store changed after a place, in the order of version and key. */
import { lockedColumns } from '../contract/attempt-v1.js'
import type { Reader, Statement } from '../database/reader.js'
import type { Row } from '../formats/encoder.js'
import { ApiError } from '../errors.js'
import type { ChangeToken, ChangePosition } from '../store/change-token.js'
import { epochOf } from '../store/epochs.js'
import { statement, Values } from './sql.js'

/** The total order; two indexes have it. A row stands at the version that changed it last, and nowhere else. */
export const positionColumns = ['version', 'student_id', 'item_id', 'attempt_no'] as const
const positionTypes = ['bigint', 'uuid', 'bigint', 'integer']
const key: readonly string[] = positionColumns

const upserts = `select 'upsert'::text as op, version, ${lockedColumns.map(({ name }) => name).join(', ')} from attempt_materialized`
const deletes = `select 'delete'::text as op, version, ${lockedColumns.map(({ name, type }) => (key.includes(name) ? name : `null::${type} as ${name}`)).join(', ')} from attempt_deleted`

/** Behind which change to read: every one of a version, or one in the midst of it. */
export type Behind = { version: string } | { place: ChangePosition }

const order = positionColumns.join(', ')

function changes(columns: string, behind: Behind, values: Values): string {
  const condition =
    'version' in behind
      ? `version > ${values.add(behind.version, 'bigint')}`
      : `(${order}) > (${behind.place.map((value, index) => values.add(value, positionTypes[index] as string)).join(', ')})`
  return `select ${columns}
from ((${upserts} where ${condition} order by ${order}) union all (${deletes} where ${condition} order by ${order})) as change
order by ${order}`
}

/** At most `limit` changes; undefined: all of them. */
export function selectChanges(columns: readonly string[], behind: Behind, limit: number | undefined): Statement {
  const values = new Values()
  return statement(
    `${changes(columns.join(', '), behind, values)}\nlimit ${values.add(limit ?? null, 'bigint')}`,
    values,
  )
}

/** The place of the last of `limit` changes; undefined where there are fewer. */
export async function positionOfLast(
  reader: Reader,
  behind: Behind,
  limit: number,
): Promise<ChangePosition | undefined> {
  const values = new Values()
  const [row] = await reader.rows(
    statement(`${changes(order, behind, values)}\noffset ${values.add(limit - 1, 'bigint')} limit 1`, values),
  )
  return row as ChangePosition | undefined
}

/**
 * Until the snapshot ends the two indexes are walked side by side: what is asked for most often is the few rows behind
 * the last version, where statistics are always behind and a scan of everything looks cheap; and a stream begins at once.
 */
const inOrder = ['seqscan', 'bitmapscan', 'sort'].map((way) => `set_config('enable_${way}', 'off', true)`).join(', ')

/** The store as a snapshot has it. */
export interface Feed {
  epoch: string
  version: string
  asOf: string
}

const gone = (why: string) =>
  new ApiError(
    'changes_expired',
    `${why}. Begin anew: empty the copy, ask without since for a new token, take a whole export and follow from there`,
  )

/**
 * Reads the state of the store, in the snapshot in which the changes are read as well: a version that is committed
 * between the two would otherwise be skipped.
 * @throws ApiError store_unavailable; changes_expired where the token's changes cannot be told completely
 */
export async function readFeed(reader: Reader, token: ChangeToken | undefined): Promise<Feed> {
  const values = new Values()
  const text = `select version, state, to_char(caught_up_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), oldest_version, pg_is_in_recovery(), ${epochOf('version')}, ${epochOf(values.add(token?.version ?? null, 'bigint'))}, ${inOrder} from attempt_store`
  const [row] = await reader.rows(statement(text, values)).catch((error: unknown): Row[] => {
    // no table, or no right on it: there is no store for us
    if (['42P01', '42501'].includes((error as { code?: string }).code ?? '')) return []
    throw error
  })
  if (row === undefined)
    throw new ApiError(
      'store_unavailable',
      'Changes are told by the store alone, and there is none here: attempt-api store enable makes one',
    )
  const [version, state, asOf, oldest, standby, epoch, epochOfToken] = row as [
    string,
    string,
    string | null,
    string,
    string,
    string | null,
    string | null,
  ]
  if (state !== 'ready' || asOf === null || epoch === null)
    throw new ApiError(
      'store_unavailable',
      'Changes are told by the store alone, and it is being filled; ask again later',
    )
  if (token === undefined) return { epoch, version, asOf }
  // everything up to here is known to the follower: in the midst of a version only what lies before it
  const known = token.position === undefined ? BigInt(token.version) : BigInt(token.position[0]) - 1n
  if (known < BigInt(oldest))
    throw gone(`The token knows the changes up to version ${known}, and here they are told from version ${oldest} on`)
  if (BigInt(token.version) > BigInt(version)) {
    // nor may it know of the epoch yet
    if (standby === 't')
      throw new ApiError(
        'store_unavailable',
        `This standby is at version ${version} and has not come to the token's yet; ask again`,
      )
    throw gone(
      `The token is of version ${token.version}, and this store is at ${version} only: it is another one, or was restored`,
    )
  }
  if (epochOfToken !== token.epoch)
    throw gone('The token is of another store, or of this one before it was rebuilt or restored')
  return { epoch, version, asOf }
}
