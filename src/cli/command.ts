/** What every command has in common: arguments, the database, and how it fails. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import pg from 'pg'
import type { Config } from '../config.js'
import { startEmbedded } from '../database/embedded.js'

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

/** Runs `action` on DATABASE_URL or, without it, on the embedded database, which is stopped afterwards. */
export async function withPool<T>(config: Config, action: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config.embeddedDirectory) : undefined
  const pool = new pg.Pool({ connectionString: config.databaseUrl ?? embedded?.url, max: 2, application_name: 'attempt-api command', connectionTimeoutMillis: 10_000 })
  pool.on('error', () => undefined)
  try {
    return await action(pool)
  } finally {
    await pool.end()
    await embedded?.stop()
  }
}

/** Rows of text in columns. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_cell, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)))
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ').trimEnd()).join('\n')
}
