/** Runs statements on pooled connections, in one snapshot where needed. Values stay text, so they keep every digit. */
import pg from 'pg'
import type { Config } from '../config.js'
import { notConnected } from '../errors.js'
import type { Row } from '../formats/encoder.js'
import { cancel } from './cancel.js'
import { createConnectionQueue, isSessionReusable, type ConnectionQueue } from './connection-queue.js'
import type { Deadline } from './deadline.js'
import { withLocations } from './locations.js'
import { queryRows, queryRowsWithin } from './pg-internals.js'
import {
  bytesReceived,
  createPool,
  createPools,
  dropConnections,
  endPool,
  poolUsage,
  type PoolUsage,
  type ServerName,
} from './pool.js'
import type { ReservedPool } from './reserved-pool.js'
import type { RowBudget } from './row-budget.js'
import type { QueryMeter, QueryTarget } from './query-meter.js'
import type { Statement } from './statement.js'

/** Runs statements, on a pool or inside a snapshot. */
export interface Reader {
  /**
   * @param budget bounds the bytes of the rows: when it is full, the statement is cancelled and the rest of its result
   * is dropped. In a snapshot it must be the last statement, because the cancel fails the transaction.
   */
  rows(statement: Statement, budget?: RowBudget): Promise<Row[]>
  /** Whether statements read the tables of the store instead of the views. */
  readonly store: boolean
}

export interface Database extends Reader, QueryTarget {
  /** Runs `action` in one snapshot on one connection: all its statements see the same rows. */
  snapshot<T>(action: (reader: Reader) => Promise<T>): Promise<T>
  /**
   * This database for one request: its queries are measured, and they wait and run only until the deadline. A statement
   * that is running then is cancelled on the server.
   */
  within(deadline: Deadline, meter?: QueryMeter): Database
}

/** A standby of the primary. It has the store if the primary's database has it; undefined: it has not. */
export interface Standby {
  live: Database
  store: Database | undefined
}

/** The databases of the view and of the store, which may be the same, and the standbys. */
export interface Databases {
  live: Database
  store: Database
  standbys: readonly Standby[]
  pools(): PoolUsage[]
  /** For a server that stopped responding: closes its connections, so that requests waiting for them fail. */
  dropConnections(server: ServerName): void
  /** Bytes received from the server on open connections. */
  bytesReceived(server: ServerName): number
  close(): Promise<void>
}

/** Runs a statement. On a pool, an error closes the connection. */
async function read(client: pg.Pool | pg.PoolClient, statement: Statement, budget?: RowBudget): Promise<Row[]> {
  if (!(client instanceof pg.Pool)) return readOn(client, statement, budget)
  const connection = await client.connect()
  try {
    const rows = await readOn(connection, statement, budget)
    connection.release()
    return rows
  } catch (error) {
    connection.release(true)
    throw error
  }
}

async function readOn(
  client: pg.PoolClient,
  { name, prepared, text, values }: Statement,
  budget?: RowBudget,
): Promise<Row[]> {
  const located = withLocations(client, text)
  const query = {
    name: prepared ? name : undefined,
    text: typeof located === 'string' ? located : await located,
    values,
  }
  if (budget === undefined) return queryRows(client, query)
  let cancelled: Promise<boolean> | undefined
  try {
    return await queryRowsWithin(client, query, budget, () => {
      cancelled = cancel(client)
    })
  } finally {
    // a cancel that arrives later would end the next statement of the connection
    await cancelled
  }
}

/** A reader on one connection, or on any connection of a pool. */
export const readerOf = (client: pg.Pool | pg.PoolClient, { store = false } = {}): Reader => ({
  store,
  rows: (statement, budget) => read(client, statement, budget),
})

/** A reader on one connection that reports each statement to the target's meter. */
export function meteredReader(client: pg.PoolClient, target: QueryTarget): Reader {
  const reader = readerOf(client, target)
  const { meter } = target
  if (meter === undefined) return reader
  return {
    store: target.store,
    async rows(statement, budget) {
      const began = performance.now()
      try {
        const rows = await reader.rows(statement, budget)
        meter.statementEnd(target, statement, performance.now() - began, rows.length)
        return rows
      } catch (error) {
        meter.statementEnd(target, statement, performance.now() - began, 0, error)
        throw error
      }
    },
  }
}

/**
 * A reader on reserved connections. An error in a statement (no such table) does not close the connection, as it would
 * on a pool: the server might not accept a new one.
 */
export const reservedReader = (reserved: ReservedPool, store = false): Reader => ({
  store,
  async rows(statement) {
    const client = await reserved.pool.connect().catch(notConnected)
    try {
      const rows = await read(client, statement)
      client.release()
      return rows
    } catch (error) {
      client.release(!isSessionReusable(error))
      throw error
    }
  },
})

/** Runs no further statement after the deadline. */
const untilDeadline = (reader: Reader, deadline: Deadline | undefined): Reader =>
  deadline === undefined
    ? reader
    : {
        store: reader.store,
        rows: async (statement, budget) => {
          deadline.check()
          return reader.rows(statement, budget)
        },
      }

function databaseOf(queue: ConnectionQueue, target: QueryTarget, deadline?: Deadline): Database {
  /** Runs `action` on one connection and reports how long the request waited for it. */
  async function connected<T>(action: (client: pg.PoolClient, discard: () => void) => Promise<T>): Promise<T> {
    const began = performance.now()
    let waiting = true
    try {
      return await queue.run(deadline, (client, discard) => {
        waiting = false
        target.meter?.connectionWait(target, performance.now() - began)
        return action(client, discard)
      })
    } catch (error) {
      if (waiting) target.meter?.connectionWait(target, performance.now() - began, error)
      throw error
    }
  }
  return {
    ...target,
    within: (bound, meter) => databaseOf(queue, { ...target, meter }, bound),
    rows: (statement, budget) => connected((client) => meteredReader(client, target).rows(statement, budget)),
    snapshot: (action) =>
      connected(async (client, discard) => {
        // a limit on the server as well: it costs no round trip here, and works if this process ends
        const limit =
          deadline === undefined ? '' : `; set local statement_timeout = ${Math.max(1, Math.ceil(deadline.left))}`
        await client.query(`begin isolation level repeatable read read only${limit}`)
        try {
          const result = await action(untilDeadline(meteredReader(client, target), deadline))
          await client.query('commit')
          return result
        } catch (error) {
          await client.query('rollback').catch(discard)
          throw error
        }
      }),
  }
}

export function createDatabases(
  config: Pick<Config, 'timeoutMaxMs' | 'poolSize' | 'poolQueue'>,
  url: string,
  storeUrl = url,
  standbyUrls: readonly string[] = [],
): Databases {
  const pools = createPools(url, storeUrl, standbyUrls, (where, connectMs) =>
    createPool({ statementTimeoutMs: config.timeoutMaxMs }, where, {
      max: config.poolSize,
      name: 'attempt-api',
      connectMs,
      pathUse: 'leave',
    }),
  )
  const queues = new Map([...pools].map(([server, pool]) => [server, createConnectionQueue(pool, config.poolQueue)]))
  const database = (server: ServerName, store: boolean) => {
    const queue = queues.get(server)
    if (queue === undefined) throw new Error(`There is no pool for ${server}`)
    return databaseOf(queue, { server, store })
  }
  const oneDatabase = storeUrl === url
  return {
    live: database('primary', false),
    store: database(oneDatabase ? 'primary' : 'store', true),
    standbys: standbyUrls.map((_url, index) => ({
      live: database(`standby ${index + 1}`, false),
      store: oneDatabase ? database(`standby ${index + 1}`, true) : undefined,
    })),
    pools: () => poolUsage(pools),
    dropConnections(server) {
      dropConnections(pools.get(server))
    },
    bytesReceived: (server) => bytesReceived(pools.get(server)),
    async close() {
      await Promise.all([...pools.values()].map(endPool))
    },
  }
}
