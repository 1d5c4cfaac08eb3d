/**
 * Where an answer comes from: the store where it is ready and within STORE_LAG_S, else the view; a standby where one is
 * within READ_LAG_S, else the primary. Everything in one answer comes from the database of one source.
 */
import type { Config } from '../config.js'
import type { OutageOf, ServerName } from '../database/pool.js'
import type { Database, Databases } from '../database/reader.js'
import { ApiError } from '../errors.js'
import type { KeptStoreState } from './kept-state.js'
import { createStandbyMonitor, type Log, type StandbyStatus } from './standby-monitor.js'
import { lagOf, type KnownState, type StoreState } from './state.js'

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
   * Begins to measure the standbys; until then, and where there are none, requests read the primary.
   * @param onUnresponsive called with a standby that stops responding
   */
  start(log: Log, onUnresponsive: (server: ServerName) => void): void
  /**
   * The source of an answer.
   * @param requested the source that the request demands
   * @param primary leaves out the standbys
   * @throws ApiError store_unavailable, database_unavailable
   */
  choose(requested: 'live' | 'store' | undefined, primary?: boolean): Promise<AnswerSource>
  /**
   * Refuses a request that would only wait, because its server is known not to respond.
   * @throws ApiError database_unavailable
   */
  assertReachable(database: Database): void
  /** The kept state of the store is void: it is read again for the next choice. */
  invalidate(): void
  /** A request failed on this standby: it is not read for a while. */
  reportFailure(source: AnswerSource): void
  standbys(): StandbyStatus[]
  /** Of the store on the primary; undefined: there is no store, or the database role may not read it. */
  state(): Promise<StoreState | undefined>
  close(): Promise<void>
}

/** Age in milliseconds up to which the kept state decides: bounds the cost of reading it. */
const freshMs = 250
/** The same while there is no store. */
const absentMs = 5_000

/** A moment in the form of the timestamps of an answer. */
const formatted = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

/** The moment as of which a live answer of the primary is read. */
export const now = (): string => formatted(Date.now())

const useLive = 'use source=live'

function storeUnavailable(known: KnownState | undefined, limitS: number): ApiError {
  if (known?.state === undefined)
    return new ApiError(
      'store_unavailable',
      `There is no store here (attempt-api store enable creates one). Leave out source, or ${useLive}.`,
    )
  if (known.state.state !== 'ready')
    return new ApiError('store_unavailable', `The store is being filled. Retry later, or ${useLive}.`)
  return new ApiError(
    'store_unavailable',
    `The store is ${Math.round(lagOf(known))} s behind; at most ${limitS} s are allowed. Retry later, or ${useLive}.`,
  )
}

export function createSources(
  config: Pick<Config, 'storeLagS' | 'readLagS'>,
  databases: Databases,
  storeState: KeptStoreState,
  url: string,
  standbyUrls: readonly string[],
  outageOf: OutageOf,
): Sources {
  const standbys = createStandbyMonitor(config, databases.standbys, url, standbyUrls)

  const freshState = () => storeState.read(storeState.last()?.state === undefined ? absentMs : freshMs)

  // requests that wait for a connection to it would only become more
  function assertReachable({ server }: Database): void {
    if (outageOf(server) !== undefined)
      throw new ApiError(
        'database_unavailable',
        'The database does not respond. The service reconnects by itself. Retry.',
      )
  }

  /** The source where the store is ready and within STORE_LAG_S. */
  function storeSource(
    database: Database | undefined,
    known: KnownState | undefined,
    standby: boolean,
  ): AnswerSource | undefined {
    const state = known?.state
    if (database === undefined || known === undefined || state === undefined) return undefined
    if (state.state !== 'ready' || state.asOf === null || lagOf(known) > config.storeLagS) return undefined
    return { kind: 'store', database, version: state.version, asOf: state.asOf, standby }
  }

  /** The state on the primary, unless a request that does not demand the store would wait or fail for it. */
  async function primaryState(demanded: boolean): Promise<KnownState | undefined> {
    if (demanded) {
      assertReachable(databases.store)
      return freshState()
    }
    // a store in a database of its own may be unreachable while the view is not
    if (outageOf(databases.store.server) !== undefined) return undefined
    return freshState().catch(() => undefined)
  }

  return {
    start: (log, onUnresponsive) => {
      standbys.start(log, onUnresponsive)
    },
    assertReachable,
    invalidate: () => {
      storeState.invalidate()
    },
    standbys: () => standbys.all(),
    reportFailure: ({ database }) => {
      standbys.reportFailure(database.server)
    },
    state: async () => {
      assertReachable(databases.store)
      return (await freshState()).state
    },
    close: () => standbys.close(),
    async choose(requested, primary = false) {
      const usable = primary ? [] : standbys.usable()
      // where the standbys have no store it is not read on the primary either, unless the request demands it
      const absent =
        requested === undefined &&
        usable.some(({ store, known }) => store !== undefined && known.at > 0 && known.state === undefined)
      if (requested !== 'live' && !absent) {
        for (const { store, known } of usable) {
          const source = storeSource(store, known, true)
          if (source !== undefined) return source
        }
        const known = await primaryState(requested === 'store')
        const source = storeSource(databases.store, known, false)
        if (source !== undefined) return source
        if (requested === 'store') throw storeUnavailable(known, config.storeLagS)
      }
      const [standby] = usable
      if (standby !== undefined)
        return { kind: 'live', database: standby.live, version: null, asOf: formatted(standby.asOf), standby: true }
      assertReachable(databases.live)
      return { kind: 'live', database: databases.live, version: null, asOf: now(), standby: false }
    },
  }
}
