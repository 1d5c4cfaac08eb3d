/**
 * Chooses where an answer comes from. The store, if it is ready and within STORE_LAG_S, otherwise the view. A standby,
 * if one is within READ_LAG_S, otherwise the primary. All parts of one answer come from the same source.
 */
import type { Config } from '../config.js'
import type { OutageOf, ServerName } from '../database/pool.js'
import { refusedError } from '../database/refusals.js'
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
   * Begins to measure the standbys. Before that, and without standbys, requests read the primary.
   * @param onUnresponsive called with a standby that stops responding
   */
  start(log: Log, onUnresponsive: (server: ServerName) => void): void
  /**
   * The source of an answer.
   * @param requested the source that the request demands
   * @param primary true: ignores the standbys
   * @throws ApiError store_unavailable, database_unavailable
   */
  choose(requested: 'live' | 'store' | undefined, primary?: boolean): Promise<AnswerSource>
  /**
   * Refuses a request whose server does not respond, instead of letting it wait.
   * @throws ApiError database_unavailable
   */
  assertReachable(database: Database): void
  /** Discards the cached state of the store: the next choice reads it from the database. */
  invalidate(): void
  /** Reports that a request failed on this source. If it is a standby, requests do not read it for a while. */
  reportFailure(source: AnswerSource): void
  standbys(): StandbyStatus[]
  /** State of the store on the primary; undefined: there is no store, or the database role may not read it. */
  state(): Promise<StoreState | undefined>
  close(): Promise<void>
}

/** A cached state up to this age (milliseconds) is used: bounds how often it is read. */
const freshMs = 250
/** The same while there is no store. */
const absentMs = 5_000

/** A time in the format of the timestamps of answers. */
const formatted = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

/** The `as_of` of an answer from the view on the primary. */
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

  function assertReachable({ server }: Database): void {
    const outage = outageOf(server)
    if (outage === undefined) return
    throw outage.passing
      ? new ApiError('database_unavailable', 'The database does not respond. The service reconnects by itself. Retry.')
      : refusedError()
  }

  /** The store as a source; undefined if it is not ready or not within STORE_LAG_S. */
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

  /** The state on the primary; undefined if reading it would delay or fail a request that does not demand the store. */
  async function primaryState(demanded: boolean): Promise<KnownState | undefined> {
    if (demanded) {
      assertReachable(databases.store)
      return freshState()
    }
    // if the store is in another database, it may be unreachable while the view is reachable
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
      // standbys without a store show that the primary has none, so its state is read only if the request demands it
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
