/** The read side: a pool whose sessions cannot write and whose answers keep every digit. */
import pg from 'pg'
import type { Config } from '../config.js'

/** One statement: prepared once a connection under its name; values are text or arrays of text. */
export interface Statement { name: string; text: string; values: unknown[] }

export type Row = (string | null)[]

/** Runs statements; the same shape on a pool and inside a snapshot. */
export interface Reader { rows(statement: Statement): Promise<Row[]> }

export interface Database extends Reader {
  /** Runs `action` on one connection in one snapshot: every statement sees the same rows. */
  snapshot<T>(action: (reader: Reader) => Promise<T>): Promise<T>
  pool: pg.Pool
  close(): Promise<void>
}

// Every value stays PostgreSQL's text: int8, numeric and microseconds lose digits in JavaScript's own types.
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

const sessionSettings = [
  'default_transaction_read_only=on', 'TimeZone=UTC', 'DateStyle=ISO', 'IntervalStyle=postgres', 'jit=off',
  // the planner takes a Gather over a set-returning function for cheaper than it is, and then scans the whole table
  'max_parallel_workers_per_gather=0',
]

export function createPool(config: Pick<Config, 'statementTimeoutMs'>, url: string, { max, name, connectMs = 5_000 }: { max: number; name: string; connectMs?: number }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: name,
    statement_timeout: config.statementTimeoutMs,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: sessionSettings.map((setting) => `-c ${setting}`).join(' '),
  })
  // without listeners a killed backend would end the process; the next request gets a new connection
  pool.on('error', () => undefined)
  pool.on('connect', (client) => { client.on('error', () => undefined) })
  return pool
}

const run = async (client: pg.Pool | pg.PoolClient, { name, text, values }: Statement): Promise<Row[]> => {
  const query = { name, text, values, rowMode: 'array', types: asText }
  return (await client.query<Row>(query as unknown as pg.QueryArrayConfig)).rows
}

export function openDatabase(config: Pick<Config, 'statementTimeoutMs' | 'poolSize'>, url: string): Database {
  const pool = createPool(config, url, { max: config.poolSize, name: 'attempt-api' })
  return {
    pool,
    rows: (statement) => run(pool, statement),
    async snapshot(action) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin isolation level repeatable read read only')
        const result = await action({ rows: (statement) => run(client, statement) })
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((failure: unknown) => { broken = failure as Error })
        throw error
      } finally {
        client.release(broken)
      }
    },
    close: () => pool.end(),
  }
}
