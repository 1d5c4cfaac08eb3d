/**
 * Where an answer comes from: the view, or the store where it is there, whole and caught up; on a standby where one is
 * current enough, else on the primary. Everything of one answer comes from the one source's database.
 */
import type { Config } from '../config.js'
import type { OutageOf, ServerName } from '../database/pool.js'
import type { Database, Databases } from '../database/reader.js'
import { ApiError } from '../errors.js'
import { createStandbys, type Log, type Standbys } from './standbys.js'
import { lagOf, readStoreState, type KnownState, type StoreState } from './state.js'

export type { StoreState } from './state.js'

export interface AnswerSource {
  kind: 'live' | 'store'
  database: Database
  version: string | null
  asOf: string
  standby: boolean
}

export interface Sources {
  /**
   * Begins to measure the standbys; until then, and where there are none, the primary answers.
   * @param silent called with a standby that does not answer any more
   */
  start(log: Log, silent: (server: ServerName) => void): void
  /**
   * The source of an answer; `asked` demands one.
   * @param primary leaves the standbys out
   * @throws ApiError store_unavailable
   */
  choose(asked: 'live' | 'store' | undefined, primary?: boolean): Promise<AnswerSource>
  /**
   * Refuses what would only wait, where the server is known to be away.
   * @throws ApiError database_unavailable
   */
  assertReachable(database: Database): void
  /** The state that is known of the store is over: it is asked for anew. */
  invalidate(): void
  /** A request failed on this standby: it is let alone for a while. */
  reportFailure(source: AnswerSource): void
  /** Which standbys are read, and how far each is known to be (milliseconds; 0: not known). */
  standbys(): ReturnType<Standbys['all']>
  /** Of the store on the primary. undefined: there is none, or this role may not read it. */
  state(): Promise<StoreState | undefined>
  close(): Promise<void>
}

/** For how long a state that was read is good: bounds what the question costs, not what the answer is. */
const freshMs = 250
/** A store that is not there is not looked for at every request. */
const absentMs = 5_000

/** A moment, written as the timestamps in an answer. */
const written = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

/** The moment from which a live answer of the primary is read. */
export const now = (): string => written(Date.now())

export function createSources(
  config: Pick<Config, 'storeLagS' | 'readLagS'>,
  databases: Databases,
  url = '',
  standbyUrls: readonly string[] = [],
  outageOf: OutageOf = () => undefined,
): Sources {
  const standbys = createStandbys(config, databases.standbys, url, standbyUrls)
  let known: KnownState | undefined
  let asking: Promise<KnownState> | undefined

  async function ask(): Promise<KnownState> {
    const state = await readStoreState(databases.state, known?.state !== undefined)
    return (known = { state, at: Date.now() })
  }

  const fresh = async (): Promise<KnownState> => {
    if (known !== undefined && Date.now() - known.at < (known.state === undefined ? absentMs : freshMs)) return known
    return (asking ??= ask().finally(() => {
      asking = undefined
    }))
  }

  // those that would wait for a connection would be ever more
  function insist({ server }: Database): void {
    if (outageOf(server) !== undefined)
      throw new ApiError(
        'database_unavailable',
        'The database does not answer; it is looked for all the time: try again',
      )
  }

  /** The source where the store is whole and caught up. */
  function stored(
    database: Database | undefined,
    found: KnownState | undefined,
    standby: boolean,
  ): AnswerSource | undefined {
    if (database === undefined || found?.state?.state !== 'ready' || lagOf(found) > config.storeLagS) return undefined
    return { kind: 'store', database, version: found.state.version, asOf: found.state.asOf as string, standby }
  }

  return {
    start: (log, silent) => {
      standbys.start(log, silent)
    },
    assertReachable: insist,
    invalidate: () => {
      known = undefined
    },
    standbys: () => standbys.all(),
    reportFailure: ({ database }) => {
      standbys.reportFailure(database.server)
    },
    state: async () => {
      insist(databases.store)
      return (await fresh()).state
    },
    close: () => standbys.close(),
    async choose(asked, primary = false) {
      const usable = primary ? [] : standbys.usable()
      // a store that no standby knows of is not looked for on the primary, unless it is demanded
      const absent =
        asked === undefined &&
        usable.some(({ store, known: there }) => store !== undefined && there.at > 0 && there.state === undefined)
      if (asked !== 'live' && !absent) {
        for (const { store, known: there } of usable) {
          const source = stored(store, there, true)
          if (source !== undefined) return source
        }
        // a store in a database of its own may be away while the view is not
        if (asked === 'store') insist(databases.store)
        const found =
          outageOf(databases.store.server) !== undefined
            ? undefined
            : await fresh().catch((error: unknown) => {
                if (asked === 'store') throw error
                return undefined
              })
        const source = stored(databases.store, found, false)
        if (source !== undefined) return source
        if (asked === 'store')
          throw new ApiError(
            'store_unavailable',
            found?.state === undefined
              ? 'There is no store here (attempt-api store enable makes one); leave source out or ask for source=live'
              : found.state.state !== 'ready'
                ? 'The store is being filled; ask again later, or for source=live'
                : `The store is ${Math.round(lagOf(found))} s behind, and at most ${config.storeLagS} s are allowed; ask again later, or for source=live`,
          )
      }
      const [standby] = usable
      if (standby !== undefined)
        return { kind: 'live', database: standby.live, version: null, asOf: written(standby.asOf), standby: true }
      insist(databases.live)
      return { kind: 'live', database: databases.live, version: null, asOf: now(), standby: false }
    },
  }
}
