/** Where an answer comes from: the view, or the store where it is there, whole and caught up. */
import type { Config } from '../config.js'
import type { Database, Databases } from '../database/reader.js'
import { ApiError } from '../errors.js'
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

export interface Source { kind: 'live' | 'store'; database: Database; version: string | null; asOf: string }

export interface Sources {
  /**
   * The source of an answer; `asked` demands one.
   * @throws ApiError store_unavailable
   */
  choose(asked: 'live' | 'store' | undefined): Promise<Source>
  /** undefined: there is no store, or this role may not read it. */
  state(): Promise<StoreState | undefined>
}

/** For how long a state that was read is good: bounds what the question costs, not what the answer is. */
const freshMs = 250
/** A store that is not there is not looked for at every request. */
const absentMs = 5_000

/** The moment from which a live answer is read, written as the timestamps in it. */
export const now = (): string => new Date().toISOString().replace('Z', '000Z')

const stamp = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

export function openSources(config: Pick<Config, 'storeLagS'>, databases: Databases): Sources {
  let known: { state: StoreState | undefined; at: number } | undefined
  let asking: Promise<StoreState | undefined> | undefined

  async function ask(): Promise<StoreState | undefined> {
    const state = await databases.store.rows({
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
    known = { state, at: Date.now() }
    return state
  }

  const state = async (): Promise<StoreState | undefined> => {
    if (known !== undefined && Date.now() - known.at < (known.state === undefined ? absentMs : freshMs)) return known.state
    return (asking ??= ask().finally(() => { asking = undefined }))
  }

  return {
    state,
    async choose(asked) {
      const live: Source = { kind: 'live', database: databases.live, version: null, asOf: now() }
      if (asked === 'live') return live
      // a store in a database of its own may be away while the view is not
      const found = await state().catch((error: unknown) => { if (asked === 'store') throw error })
      const lag = found === undefined || found.lagS === null || known === undefined ? Infinity : found.lagS + (Date.now() - known.at) / 1000
      if (found?.state === 'ready' && lag <= config.storeLagS) return { kind: 'store', database: databases.store, version: found.version, asOf: found.asOf as string }
      if (asked !== 'store') return live
      throw new ApiError('store_unavailable', found === undefined ? 'There is no store here (attempt-api store enable makes one); leave source out or ask for source=live'
        : found.state !== 'ready' ? 'The store is being filled; ask again later, or for source=live'
          : `The store is ${Math.round(lag)} s behind, and at most ${config.storeLagS} s are allowed; ask again later, or for source=live`)
    },
  }
}
