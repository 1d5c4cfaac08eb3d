/** How far the store is, as the server that is asked knows it: a standby has it from its primary. */
import type { Reader } from '../database/reader.js'
import type { Row } from '../formats/encoder.js'
import { ApiError } from '../errors.js'
import { statement, Values } from '../queries/sql.js'
import { storeIsCurrent } from './schema-version.js'
import type { StoreRow } from './store-row.js'

export interface StoreState {
  version: string
  /** Anything but `ready`: it is being filled. */
  state: StoreRow['state']
  /** What was committed before this moment is in the store; RFC 3339. */
  asOf: string | null
  /** Seconds since then, at the moment of asking. */
  lagS: number | null
  /** The oldest version whose changes the feed still has. */
  oldestVersion: string
  /** Rows that verification found different, ever. */
  differences: string
  differenceAt: string | null
}

const stamp = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

const stateColumns = `attempt_store.version, state, ${stamp('caught_up_at')}, extract(epoch from now() - caught_up_at), oldest_version, differences, ${stamp('difference_at')}`

const stateOf = ([
  version,
  state,
  asOf = null,
  lagS = null,
  oldestVersion,
  differences,
  differenceAt = null,
]: Row): StoreState => ({
  version: version as string,
  state: state as StoreState['state'],
  asOf,
  lagS: lagS === null ? null : Number(lagS),
  oldestVersion: oldestVersion as string,
  differences: differences as string,
  differenceAt,
})

/** No table, or no right on it: there is no store for us. */
function absent(error: unknown): undefined {
  if (['42P01', '42501'].includes((error as { code?: string }).code ?? '')) return undefined
  throw error
}

export const mayRead = async (reader: Reader, table: string): Promise<boolean> =>
  (
    await reader.rows({
      name: '',
      text: `select coalesce(has_table_privilege(to_regclass('${table}'), 'select'), false)`,
      values: [],
    })
  )[0]?.[0] === 't'

/**
 * undefined: there is no store that this version can read, or this role may not read it.
 * @param there it was, a moment ago. Else that is asked first: an error for a missing table would stand in the server's log each time
 */
export async function readStoreState(reader: Reader, there = false): Promise<StoreState | undefined> {
  if (!there && !(await mayRead(reader, 'attempt_store'))) return undefined
  const [row] =
    (await reader
      .rows({
        name: 'attempt_store_state',
        text: `select ${stateColumns}, ${storeIsCurrent} from attempt_store`,
        values: [],
      })
      .catch(absent)) ?? []
  return row?.[7] !== 't' ? undefined : stateOf(row)
}

/** The store as an answer's own statements find it is not the one that was chosen: it is to be chosen anew. */
export class StoreNotReady extends ApiError {
  constructor() {
    super('store_unavailable', 'The store is being filled; ask again later, or for source=live')
  }
}

/** A store that is whole; `asOf` is known then. */
export type ReadyStore = StoreState & { asOf: string }

/**
 * The state in the snapshot in which the rows are read: between a choice and its answer lies the wait for a connection,
 * and TRUNCATE shows an empty table to every snapshot.
 * @param more columns beside it, and what they are from, as a list of FROM that gives one row
 * @throws StoreNotWhole
 */
export async function readReadyStore(
  reader: Reader,
  more?: { columns: string; from: string; values: Values },
): Promise<{ state: ReadyStore; more: Row }> {
  const text = `select ${[stateColumns, ...(more === undefined ? [] : [more.columns])].join(', ')} from ${['attempt_store', ...(more === undefined ? [] : [more.from])].join(', ')}`
  const [row] = (await reader.rows(statement(text, more?.values ?? new Values())).catch(absent)) ?? []
  const state = row === undefined ? undefined : stateOf(row)
  if (state?.state !== 'ready' || state.asOf === null) throw new StoreNotReady()
  return { state: { ...state, asOf: state.asOf }, more: (row as Row).slice(7) }
}

/** A state that was read at `at` (milliseconds). */
export interface KnownState {
  state: StoreState | undefined
  at: number
}

/** Seconds that the store is behind by now; Infinity where it never was whole. */
export const lagOf = ({ state, at }: KnownState): number =>
  state === undefined || state.lagS === null ? Infinity : state.lagS + (Date.now() - at) / 1000
