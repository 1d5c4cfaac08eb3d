/**
 * The state of the store, cached for all its users in this process: the choice between view and store, /health and the
 * metrics. It is read on its own connection, so that the read does not wait behind requests.
 */
import { createReservedPool } from '../database/reserved-pool.js'
import { createPool, dropConnections } from '../database/pool.js'
import { reservedReader } from '../database/reader.js'
import { readStoreState, type KnownState } from './state.js'

export interface KeptStoreState {
  /** Opens the connection. */
  start(): void
  /**
   * The state, at most `maxAgeMs` old. Concurrent calls share one read.
   * @throws the error of the database
   */
  read(maxAgeMs: number): Promise<KnownState>
  /** The last state that was read, of any age; undefined before the first read. */
  last(): KnownState | undefined
  /** Makes the next `read` query the database, whatever the age of the cached state. */
  invalidate(): void
  /** For a server that does not respond: ends the read that is waiting for it. */
  dropConnections(): void
  close(): Promise<void>
}

/** Limits of one read, in milliseconds: the statement_timeout, and a longer limit in this process. */
const [statementMs, answerMs] = [2_000, 2_500]

export function createKeptStoreState(url: string): KeptStoreState {
  const connection = createReservedPool(() =>
    createPool({ statementTimeoutMs: statementMs }, url, {
      max: 1,
      name: 'attempt-api state',
      pathUse: 'leave',
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
