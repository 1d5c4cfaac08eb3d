/** The read side: a pool whose sessions cannot write and whose answers keep every digit. */
import pg from 'pg'
import type { Config } from '../config.js'

/** One statement: prepared once a connection under its name; values are text or arrays of text. */
export interface Statement { name: string; text: string; values: unknown[] }

export type Row = (string | null)[]

/** Runs statements; the same shape on a pool and inside a snapshot. */
export interface Reader {
  rows(statement: Statement): Promise<Row[]>
  /** Whether statements are to read the store's tables instead of the views. */
  readonly store: boolean
}

/** A server that is read. Named by its place in the configuration: a URL holds a password. */
export type ServerName = 'primary' | 'store' | `standby ${number}`

export interface Database extends Reader {
  readonly server: ServerName
  /** Runs `action` on one connection in one snapshot: every statement sees the same rows. */
  snapshot<T>(action: (reader: Reader) => Promise<T>): Promise<T>
}

/** A standby of the primary; `store` where the primary has the store beside the view. */
export interface Standby { live: Database; store: Database | undefined }

/** The view and the store, which may be in one database or in two, and the standbys. */
export interface Databases {
  live: Database
  store: Database
  standbys: readonly Standby[]
  /** For a server that is silent: ends what waits for it. */
  drop(server: ServerName): void
  close(): Promise<void>
}

// Every value stays PostgreSQL's text: int8, numeric and microseconds lose digits in JavaScript's own types.
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

const sessionSettings = [
  'TimeZone=UTC', 'DateStyle=ISO', 'IntervalStyle=postgres', 'jit=off',
  // the planner takes a Gather over a set-returning function for cheaper than it is, and then scans the whole table
  'max_parallel_workers_per_gather=0',
]

export function createPool(config: Pick<Config, 'statementTimeoutMs'>, url: string, { max, name, connectMs = 5_000, readOnly = true, queryMs }: { max: number; name: string; connectMs?: number | undefined; readOnly?: boolean; queryMs?: number }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: name,
    statement_timeout: config.statementTimeoutMs,
    connectionTimeoutMillis: connectMs,
    // on our side: the only one that a server without power keeps
    ...(queryMs === undefined ? {} : { query_timeout: queryMs }),
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: [...sessionSettings, `default_transaction_read_only=${readOnly ? 'on' : 'off'}`].map((setting) => `-c ${setting}`).join(' '),
  })
  // without listeners a killed backend would end the process; the next request gets a new connection
  pool.on('error', () => undefined)
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
    clients.add(client)
  })
  pool.on('remove', (client) => { clients.delete(client) })
  connections.set(pool, clients)
  return pool
}

const connections = new WeakMap<pg.Pool, Set<pg.PoolClient>>()

/** Closes every connection of a pool at once: what waits on one fails now and not when the network gives it up. */
export function dropConnections(pool: pg.Pool | undefined): void {
  for (const client of (pool && connections.get(pool)) ?? []) (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

/** A reader on one connection, or on whichever of a pool is free. */
export const readerOf = (client: pg.Pool | pg.PoolClient, store = false): Reader => ({
  store,
  async rows({ name, text, values }) {
    const query = { name, text, values, rowMode: 'array', types: asText }
    return (await client.query<Row>(query as unknown as pg.QueryArrayConfig)).rows
  },
})

function databaseOf(pool: pg.Pool, server: ServerName, store: boolean): Database {
  return {
    ...readerOf(pool, store),
    server,
    async snapshot(action) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin isolation level repeatable read read only')
        const result = await action(readerOf(client, store))
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((failure: unknown) => { broken = failure as Error })
        throw error
      } finally {
        client.release(broken)
      }
    },
  }
}

/** Milliseconds until a standby that does not take a connection is given up: the primary is asked instead. */
export const standbyConnectMs = 1_000

/** One pool a server. */
export function openPools(url: string, storeUrl: string, standbyUrls: readonly string[], open: (url: string, connectMs?: number) => pg.Pool): Map<ServerName, pg.Pool> {
  const pools = new Map<ServerName, pg.Pool>([['primary', open(url)]])
  if (storeUrl !== url) pools.set('store', open(storeUrl))
  standbyUrls.forEach((standby, index) => pools.set(`standby ${index + 1}`, open(standby, standbyConnectMs)))
  return pools
}

export function openDatabases(config: Pick<Config, 'statementTimeoutMs' | 'poolSize'>, url: string, storeUrl = url, standbyUrls: readonly string[] = []): Databases {
  const pools = openPools(url, storeUrl, standbyUrls, (where, connectMs) => createPool(config, where, { max: config.poolSize, name: 'attempt-api', connectMs }))
  const database = (server: ServerName, store: boolean) => databaseOf(pools.get(server) as pg.Pool, server, store)
  const beside = storeUrl === url
  return {
    live: database('primary', false),
    store: database(beside ? 'primary' : 'store', true),
    standbys: standbyUrls.map((_url, index) => ({ live: database(`standby ${index + 1}`, false), store: beside ? database(`standby ${index + 1}`, true) : undefined })),
    drop: (server) => { dropConnections(pools.get(server)) },
    async close() { await Promise.all([...pools.values()].map((pool) => pool.end())) },
  }
}
