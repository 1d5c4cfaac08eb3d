/** The read side: statements on connections that others wait for, in one snapshot, whose answers keep every digit. */
import type pg from 'pg'
import type { Config } from '../config.js'
import { notConnected } from '../errors.js'
import type { Row } from '../formats/encoder.js'
import type { Deadline } from './deadline.js'
import type { ReservedPool } from './kept-pool.js'
import { isSessionReusable, createConnectionQueue, type ConnectionQueue } from './connection-queue.js'
import {
  createPool,
  dropConnections,
  createPools,
  poolUsage,
  bytesReceived,
  type PoolUsage,
  type ServerName,
} from './pool.js'

/** One statement: prepared once a connection under its name; values are text or arrays of text. */
export interface Statement {
  name: string
  text: string
  values: unknown[]
}

/** Runs statements; the same shape on a pool and inside a snapshot. */
export interface Reader {
  rows(statement: Statement): Promise<Row[]>
  /** Whether statements are to read the store's tables instead of the views. */
  readonly store: boolean
}

/** Which server is read, whether the views or the store, and who is told of it. */
export interface QueryTarget {
  readonly server: ServerName
  readonly store: boolean
  readonly meter?: QueryMeter | undefined
}

/** Is told what one request costs in the database; milliseconds. Neither throws nor waits. */
export interface QueryMeter {
  /** A connection was had, or not. */
  connectionWait(from: QueryTarget, ms: number, error?: unknown): void
  /** A statement came to its end, or failed. `copied`: as a stream, whose time is also its reader's. */
  statementEnd(
    from: QueryTarget,
    statement: Statement,
    ms: number,
    rows: number,
    error?: unknown,
    copied?: boolean,
  ): void
  /** What the server may be told of the request, as a comment in SQL; empty where there is nothing. */
  readonly comment: string
}

export interface Database extends Reader, QueryTarget {
  /** Runs `action` on one connection in one snapshot: every statement sees the same rows. */
  snapshot<T>(action: (reader: Reader) => Promise<T>): Promise<T>
  /** The same for one request: it is told what that costs, and nothing waits or runs beyond its end; what runs then is cancelled on the server. */
  within(deadline: Deadline, meter?: QueryMeter): Database
}

/** A standby of the primary; `store` where the primary has the store beside the view. */
export interface Standby {
  live: Database
  store: Database | undefined
}

/** The view and the store, which may be in one database or in two, and the standbys. */
export interface Databases {
  live: Database
  store: Database
  standbys: readonly Standby[]
  pools(): PoolUsage[]
  /** For a server that is silent: ends what waits for it. */
  dropConnections(server: ServerName): void
  /** Grows with what it sends. */
  bytesReceived(server: ServerName): number
  close(): Promise<void>
}

// Every value stays PostgreSQL's text: int8, numeric and microseconds lose digits in JavaScript's own types.
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

async function read(client: pg.Pool | pg.PoolClient, { name, text, values }: Statement): Promise<Row[]> {
  const query = { name, text, values, rowMode: 'array', types: asText }
  return (await client.query<Row>(query as unknown as pg.QueryArrayConfig)).rows
}

/** A reader on one connection, or on whichever of a pool is free. */
export function readerOf(client: pg.Pool | pg.PoolClient, from: Partial<QueryTarget> = {}): Reader {
  const { store = false, meter } = from
  if (meter === undefined) return { store, rows: (statement) => read(client, statement) }
  return {
    store,
    async rows(statement) {
      const began = performance.now()
      try {
        const rows = await read(client, statement)
        meter.statementEnd(from as QueryTarget, statement, performance.now() - began, rows.length)
        return rows
      } catch (error) {
        meter.statementEnd(from as QueryTarget, statement, performance.now() - began, 0, error)
        throw error
      }
    },
  }
}

/** A reader on kept connections. A question that the server refuses (there is no store) costs no connection, as it would on a pool: in its place might be none to have. */
export const reservedReader = (kept: ReservedPool, store = false): Reader => ({
  store,
  async rows(statement) {
    const client = await kept.pool.connect().catch(notConnected)
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

/** Stops where the answer is over: what is cancelled is the one statement that runs. */
const whileNeeded = (reader: Reader, deadline: Deadline | undefined): Reader =>
  deadline === undefined
    ? reader
    : {
        store: reader.store,
        rows: async (statement) => {
          deadline.check()
          return reader.rows(statement)
        },
      }

function databaseOf(lane: ConnectionQueue, from: QueryTarget, deadline?: Deadline): Database {
  /** On one connection; how long it was waited for is told. */
  async function use<T>(action: (client: pg.PoolClient, spoil: () => void) => Promise<T>): Promise<T> {
    const began = performance.now()
    let had = false
    try {
      return await lane.run(deadline, (client, spoil) => {
        had = true
        from.meter?.connectionWait(from, performance.now() - began)
        return action(client, spoil)
      })
    } catch (error) {
      if (!had) from.meter?.connectionWait(from, performance.now() - began, error)
      throw error
    }
  }
  return {
    ...from,
    within: (bound, meter) => databaseOf(lane, { ...from, meter }, bound),
    rows: (statement) => use((client) => readerOf(client, from).rows(statement)),
    snapshot: (action) =>
      use(async (client, spoil) => {
        // the server's own limit beside ours costs no round trip here; it holds where this process ends
        await client.query(
          `begin isolation level repeatable read read only${deadline === undefined ? '' : `; set local statement_timeout = ${Math.max(1, Math.ceil(deadline.left))}`}`,
        )
        try {
          const result = await action(whileNeeded(readerOf(client, from), deadline))
          await client.query('commit')
          return result
        } catch (error) {
          await client.query('rollback').catch(spoil)
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
    }),
  )
  const lanes = new Map([...pools].map(([server, pool]) => [server, createConnectionQueue(pool, config.poolQueue)]))
  const database = (server: ServerName, store: boolean) =>
    databaseOf(lanes.get(server) as ConnectionQueue, { server, store })
  const beside = storeUrl === url
  return {
    live: database('primary', false),
    store: database(beside ? 'primary' : 'store', true),
    standbys: standbyUrls.map((_url, index) => ({
      live: database(`standby ${index + 1}`, false),
      store: beside ? database(`standby ${index + 1}`, true) : undefined,
    })),
    pools: () => poolUsage(pools),
    dropConnections: (server) => {
      dropConnections(pools.get(server))
    },
    bytesReceived: (server) => bytesReceived(pools.get(server)),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}
