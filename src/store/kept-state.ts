/**
 * The state of the store, kept for everything in this process that needs it: the choice between view and store, /health
 * and the metrics. Read on a connection of its own, so that it does not wait behind requests.
 */
import { createReservedPool } from '../database/reserved-pool.js'
import { createPool, dropConnections } from '../database/pool.js'
import { reservedReader } from '../database/reader.js'
import { readStoreState, type KnownState } from './state.js'

export interface KeptStoreState {
  /** Opens the connection. */
  start(): void
  /**
   * The state, at most `maxAgeMs` old when it is called; concurrent callers share one read.
   * @throws the error of the database
   */
  read(maxAgeMs: number): Promise<KnownState>
  /** The state that was read last, however long ago; undefined before the first. */
  last(): KnownState | undefined
  /** The next `read` reads again, whatever the age of the state. */
  invalidate(): void
  /** For a server that does not respond: ends the read that waits for it. */
  dropConnections(): void
  close(): Promise<void>
}

/** Limits of a read of one row, in milliseconds: of the statement, and a little longer on this side. */
const [statementMs, answerMs] = [2_000, 2_500]

export function createKeptStoreState(url: string): KeptStoreState {
  const connection = createReservedPool(() =>
    createPool({ statementTimeoutMs: statementMs }, url, {
      max: 1,
      name: 'attempt-api state',
      connectMs: answerMs,
      queryMs: answerMs,
      reserved: true,
    }),
  )
  const reader = reservedReader(connection, true)
  let last: KnownState | undefined
  let valid = false
  let reading: Promise<KnownState> | undefined

  async function readNow(): Promise<KnownState> {
    const state = await readStoreState(reader, valid && last?.state !== undefined)
    valid = true
    return (last = { state, at: Date.now() })
  }

  return {
    start: () => {
      connection.start()
    },
    async read(maxAgeMs) {
      if (valid && last !== undefined && Date.now() - last.at < maxAgeMs) return last
      return (reading ??= readNow().finally(() => {
        reading = undefined
      }))
    },
    last: () => last,
    invalidate: () => {
      valid = false
    },
    dropConnections: () => {
      dropConnections(connection.pool)
    },
    close() {
      dropConnections(connection.pool)
      return connection.close()
    },
  }
}
