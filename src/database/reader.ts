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

export interface Database extends Reader {
  /** Runs `action` on one connection in one snapshot: every statement sees the same rows. */
  snapshot<T>(action: (reader: Reader) => Promise<T>): Promise<T>
}

/** The view and the store, which may be in one database or in two. */
export interface Databases { live: Database; store: Database; close(): Promise<void> }

// Every value stays PostgreSQL's text: int8, numeric and microseconds lose digits in JavaScript's own types.
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

const sessionSettings = [
  'TimeZone=UTC', 'DateStyle=ISO', 'IntervalStyle=postgres', 'jit=off',
  // the planner takes a Gather over a set-returning function for cheaper than it is, and then scans the whole table
  'max_parallel_workers_per_gather=0',
]

export function createPool(config: Pick<Config, 'statementTimeoutMs'>, url: string, { max, name, connectMs = 5_000, readOnly = true }: { max: number; name: string; connectMs?: number; readOnly?: boolean }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: name,
    statement_timeout: config.statementTimeoutMs,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: [...sessionSettings, `default_transaction_read_only=${readOnly ? 'on' : 'off'}`].map((setting) => `-c ${setting}`).join(' '),
  })
  // without listeners a killed backend would end the process; the next request gets a new connection
  pool.on('error', () => undefined)
  pool.on('connect', (client) => { client.on('error', () => undefined) })
  return pool
}

/** A reader on one connection, or on whichever of a pool is free. */
export const readerOf = (client: pg.Pool | pg.PoolClient, store = false): Reader => ({
  store,
  async rows({ name, text, values }) {
    const query = { name, text, values, rowMode: 'array', types: asText }
    return (await client.query<Row>(query as unknown as pg.QueryArrayConfig)).rows
  },
})

function databaseOf(pool: pg.Pool, store: boolean): Database {
  return {
    ...readerOf(pool, store),
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

export function openDatabases(config: Pick<Config, 'statementTimeoutMs' | 'poolSize'>, url: string, storeUrl = url): Databases {
  const open = (where: string) => createPool(config, where, { max: config.poolSize, name: 'attempt-api' })
  const live = open(url)
  const store = storeUrl === url ? live : open(storeUrl)
  return {
    live: databaseOf(live, false),
    store: databaseOf(store, true),
    async close() { await Promise.all([...new Set([live, store])].map((pool) => pool.end())) },
  }
}
