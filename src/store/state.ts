/** How far the store is, as the server that is asked knows it: a standby has it from its primary. */
import type { Reader } from '../database/reader.js'
import type { State } from './refresher.js'

export interface StoreState {
  version: string
  /** Anything but `ready`: it is being filled. */
  state: State['state']
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

/** undefined: there is no store, or this role may not read it. */
export async function readStoreState(reader: Reader): Promise<StoreState | undefined> {
  return reader.rows({
    name: 'attempt_store_state',
    text: `select version, state, ${stamp('caught_up_at')}, extract(epoch from now() - caught_up_at), oldest_version, differences, ${stamp('difference_at')} from attempt_store`,
    values: [],
  }).then(([row]): StoreState | undefined => (row === undefined ? undefined : {
    version: row[0] as string, state: row[1] as StoreState['state'], asOf: row[2] ?? null, lagS: row[3] === null ? null : Number(row[3]),
    oldestVersion: row[4] as string, differences: row[5] as string, differenceAt: row[6] ?? null,
  })).catch((error: unknown) => {
    // no table, or no right on it: there is no store for us
    if (['42P01', '42501'].includes((error as { code?: string }).code ?? '')) return undefined
    throw error
  })
}

/** A state that was read at `at` (milliseconds). */
export interface KnownState { state: StoreState | undefined; at: number }

/** Seconds that the store is behind by now; Infinity where it never was whole. */
export const lagOf = ({ state, at }: KnownState): number =>
  (state === undefined || state.lagS === null ? Infinity : state.lagS + (Date.now() - at) / 1000)
