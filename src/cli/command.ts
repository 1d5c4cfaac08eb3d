/** What every command has in common: arguments, the database, and how it fails. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import pg from 'pg'
import type { Config } from '../config.js'
import { startEmbedded } from '../development/embedded.js'
import { scrubbed, withVariable, type Variable } from './failure.js'

export interface Command {
  /** For the list of commands. */
  summary: string
  help: string
  /** @returns the exit code */
  run(args: string[], config: () => Config): Promise<number>
}

/** A mistake of the person who typed: exit 2. */
export class UsageError extends Error {}

/** Options and positional arguments; what is not known is a UsageError. */
export function parse<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0] ?? 'the arguments cannot be read')
  }
}

/** A whole number of at least 1 from an option's text. */
export function count(name: string, value: string): number {
  if (!/^[1-9]\d{0,9}$/.test(value)) throw new UsageError(`--${name} takes a whole number of at least 1`)
  return Number(value)
}

/** Seconds from an option's text; 0 is allowed. */
export function seconds(name: string, value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new UsageError(`--${name} takes a number of seconds`)
  return Number(value)
}

type Connected = (
  error: Error | null | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: Error) => void,
) => void

export interface PoolOptions {
  /** Milliseconds for a connection to be made; 10,000 if not given. */
  connectMs?: number
  /** Milliseconds for a statement's answer, kept by this side: a server that is silent does not end it. */
  answerMs?: number
}

/** The pool of a command. Where no connection is made, the error names the variable that leads there. */
export function openPool(url: string, variable: Variable, { connectMs = 10_000, answerMs }: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    application_name: 'attempt-api command',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    ...(answerMs === undefined ? {} : { query_timeout: answerMs }),
  })
  pool.on('error', () => undefined)
  // a connection that dies while a statement runs tells the statement
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  const connect = pool.connect.bind(pool) as (done?: Connected) => unknown
  // by promise for those who hold a connection, by callback for pool.query
  pool.connect = ((done?: Connected) =>
    done === undefined
      ? (connect() as Promise<pg.PoolClient>).catch((error: unknown) => {
          throw withVariable(variable, error)
        })
      : connect((error, client, release) => {
          done(error === undefined || error === null ? error : withVariable(variable, error), client, release)
        })) as typeof pool.connect
  return pool
}

/** Runs `action` on DATABASE_URL or, without it, on the embedded database, which is stopped afterwards. */
export async function withPool<T>(
  config: Config,
  action: (pool: pg.Pool) => Promise<T>,
  options: PoolOptions = {},
): Promise<T> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.embeddedDirectory) : undefined
  const pool = openPool(config.databaseUrl ?? (embedded as { url: string }).url, 'DATABASE_URL', options)
  try {
    return await action(pool)
  } catch (error) {
    throw scrubbed(error, [config.databaseUrl, config.storeUrl])
  } finally {
    await pool.end()
    await embedded?.stop()
  }
}

/** Rows of text in columns. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_cell, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
