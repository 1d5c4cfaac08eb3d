/** What /health says of the store. It never decides the status: without the store, answers come through the view. */
import type { Config } from '../config.js'
import { createCachedState } from './kept-state.js'
import { createPool } from '../database/pool.js'
import { reservedReader } from '../database/reader.js'
import { createReservedPool } from '../database/reserved-pool.js'
import { lagOf, readStoreState, type KnownState } from '../store/state.js'

export interface StoreHealth {
  state: 'filling' | 'ready' | null
  version: string | null
  as_of: string | null
  lag_s: number | null
  /** Rows that verification found different and repaired, ever. */
  differences: number | null
  detail: 'ok' | 'filling' | 'lagging' | 'degraded' | 'unreachable'
}

export interface StoreMonitor {
  /** null: there is no store, or this role may not read it. As of a second ago; never rejects and never takes long. */
  health(): Promise<StoreHealth | null>
  close(): Promise<void>
}

const answerMs = 2_000
/** A difference is told for so long. It was repaired at once; what it tells is that there is a mistake to be looked for. */
const degradedMs = 24 * 3_600_000

const unreachable: StoreHealth = {
  state: null,
  version: null,
  as_of: null,
  lag_s: null,
  differences: null,
  detail: 'unreachable',
}

export function createStoreMonitor(config: Pick<Config, 'storeLagS'>, url: string): StoreMonitor {
  // a connection of its own: busy requests must not make the store look unreachable
  const connection = createReservedPool(() =>
    createPool({ statementTimeoutMs: answerMs }, url, {
      max: 1,
      name: 'attempt-api store health',
      connectMs: answerMs,
      queryMs: answerMs,
      reserved: true,
    }),
  )
  connection.start()
  const reader = reservedReader(connection)
  let there = false
  const ask = async () => {
    const state = await readStoreState(reader, there)
    there = state !== undefined
    return { state, at: Date.now() }
  }
  const kept = createCachedState<KnownState | null>(
    () => ask().catch(() => null),
    (known) => known !== null,
    null,
  )

  return {
    async health() {
      const known = await kept.get()
      if (known === null) return unreachable
      const { state } = known
      if (state === undefined) return null
      const lag = lagOf(known)
      const differed = state.differenceAt !== null && Date.now() - Date.parse(state.differenceAt) < degradedMs
      return {
        state: state.state === 'ready' ? ('ready' as const) : ('filling' as const),
        version: state.version,
        as_of: state.asOf,
        lag_s: Number.isFinite(lag) ? Math.round(lag * 10) / 10 : null,
        differences: Number(state.differences),
        // a wrong row is worse than a late one, which lag_s tells as well
        detail: state.state !== 'ready' ? 'filling' : differed ? 'degraded' : lag > config.storeLagS ? 'lagging' : 'ok',
      }
    },
    async close() {
      await kept.close()
      await connection.close()
    },
  }
}
