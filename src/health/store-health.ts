/** The state of the store in /health. It does not affect the status: without the store, requests read the view. */
import type { Config } from '../config.js'
import type { KeptStoreState } from '../store/kept-state.js'
import { lagOf, type KnownState, type StoreState } from '../store/state.js'
import { createCachedState, type CacheIntervals } from './cached-state.js'

export interface StoreHealth {
  state: 'filling' | 'ready' | null
  version: string | null
  as_of: string | null
  lag_s: number | null
  /** Total number of rows that verification found different and repaired. */
  differences: number | null
  /** Exams that the store does not have, because the refresher could not take them. */
  set_aside: number | null
  detail: 'ok' | 'filling' | 'lagging' | 'degraded' | 'incomplete' | 'unreachable'
}

export interface StoreMonitor {
  /** Begins to read the state once a second. */
  start(): void
  /**
   * The cached state; null: there is no store, or the database role may not read it. Never rejects, and never waits for
   * a database that does not respond.
   */
  health(): Promise<StoreHealth | null>
  close(): Promise<void>
}

/** The detail is `degraded` for this long after a difference: the row is repaired, but its cause may remain. */
const degradedMs = 24 * 3_600_000

const unreachable: StoreHealth = {
  state: null,
  version: null,
  as_of: null,
  lag_s: null,
  differences: null,
  set_aside: null,
  detail: 'unreachable',
}

/** A wrong or missing row is worse than a late one, and lag_s reports the lag anyway. */
function detailOf({ state, differenceAt, setAside }: StoreState, lagging: boolean): StoreHealth['detail'] {
  if (state !== 'ready') return 'filling'
  if (differenceAt !== null && Date.now() - Date.parse(differenceAt) < degradedMs) return 'degraded'
  if (setAside > 0) return 'incomplete'
  return lagging ? 'lagging' : 'ok'
}

export function createStoreMonitor(
  config: Pick<Config, 'storeLagS'>,
  storeState: KeptStoreState,
  intervals?: CacheIntervals,
): StoreMonitor {
  const cache = createCachedState<KnownState | null>(
    // maximum age 0, so that a repair is reported at once
    () => storeState.read(0).catch(() => null),
    (known) => known !== null,
    { initial: null, ...(intervals === undefined ? {} : { intervals }) },
  )

  return {
    start: () => {
      cache.start()
    },
    async health() {
      const known = await cache.get()
      if (known === null) return unreachable
      const { state } = known
      if (state === undefined) return null
      const lag = lagOf(known)
      return {
        state: state.state === 'ready' ? 'ready' : 'filling',
        version: state.version,
        as_of: state.asOf,
        lag_s: Number.isFinite(lag) ? Math.round(lag * 10) / 10 : null,
        differences: Number(state.differences),
        set_aside: state.setAside,
        detail: detailOf(state, lag > config.storeLagS),
      }
    },
    close: () => cache.close(),
  }
}
