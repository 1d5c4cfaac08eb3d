/** The databases of a command: its pools, and the embedded PostgreSQL if none is configured. */
import pg from 'pg'
import type { Config } from '../config.js'
import { processIdOf, queryWithin } from '../database/pg-internals.js'
import { finishSettings, sessionOptions, withOptions } from '../database/session-settings.js'
import { assertTrustedConnection } from '../database/trust.js'
import type { EmbeddedServer } from '../development/embedded.js'
import { scrubbed, withVariable, type Variable } from './failure.js'
import { createProgress } from './progress.js'
import { exitOnSignals } from './signals.js'

type Connected = (
  error: Error | null | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: Error) => void,
) => void

export interface PoolOptions {
  /** Milliseconds to connect; 10,000 by default. */
  connectMs?: number
  /** Milliseconds for the answer to a statement. Measured here: statement_timeout needs a server that responds. */
  answerMs?: number
  /** For statements on the search_path: a connection fails if something on it belongs to a role that is not trusted. */
  guarded?: boolean
}

/** Without a pooler, the number that the connection was given is that of its session. */
const isDirect = async (client: pg.ClientBase, answerMs: number): Promise<boolean> =>
  (await queryWithin<{ pid: number }>(client, answerMs, 'select pg_catalog.pg_backend_pid() as pid')).rows[0]?.pid ===
  processIdOf(client)

/** PgBouncer refuses startup parameters that it is not told to ignore. */
const isRefusedParameter = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '08P01' && /startup parameter/.test(error.message)

/**
 * The pool of a command. An error while connecting names the variable of the database. Commands also work through a
 * pooler in transaction mode, which refuses the settings of a session: there a transaction sets what it needs.
 */
export function createPool(
  url: string,
  variable: Variable,
  { connectMs = 10_000, answerMs, guarded = false }: PoolOptions = {},
) {
  const options = sessionOptions(false, { statement_timeout: '0' })
  let refused = false
  class CommandClient extends pg.Client {
    constructor(settings?: pg.ClientConfig) {
      super(refused ? { ...settings, connectionString: url } : { ...settings, options })
    }
  }
  const pool = new pg.Pool({
    Client: CommandClient,
    connectionString: withOptions(url, options),
    max: 2,
    application_name: 'attempt-api command',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    ...(answerMs === undefined ? {} : { query_timeout: answerMs }),
  })
  // without listeners a lost connection would end the process; a running statement fails anyway
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  const prepared = new WeakSet<pg.PoolClient>()
  /** Not in the pool's `onConnect`: until that has ended, a heartbeat cannot disconnect the client. */
  const prepare = async (client: pg.PoolClient) => {
    if (prepared.has(client)) return
    // a pooler in transaction mode shares the session with other applications
    if (await isDirect(client, connectMs)) await finishSettings(client, connectMs)
    if (guarded) await assertTrustedConnection(client)
    prepared.add(client)
  }
  const connect = pool.connect.bind(pool)
  const connectWithSettings = () =>
    connect().catch((error: unknown) => {
      if (refused || !isRefusedParameter(error)) throw error
      refused = true
      return connect()
    })
  const connectPrepared = async () => {
    try {
      const client = await connectWithSettings()
      await prepare(client).catch((error: unknown) => {
        client.release(true)
        throw error
      })
      return client
    } catch (error) {
      throw withVariable(variable, error)
    }
  }
  // pool.connect() returns a promise, pool.query() passes a callback
  pool.connect = ((done?: Connected) => {
    const connected = connectPrepared()
    if (done === undefined) return connected
    connected.then(
      (client) => {
        done(undefined, client, (error) => {
          client.release(error)
        })
      },
      (error: unknown) => {
        done(error as Error, undefined, () => undefined)
      },
    )
    return undefined
  }) as typeof pool.connect
  return pool
}

/** Starts the embedded PostgreSQL, reporting on standard error, unless the configuration names a database. */
export async function startEmbeddedUnlessConfigured({
  databaseUrl,
  embeddedDirectory,
}: Pick<Config, 'databaseUrl' | 'embeddedDirectory'>): Promise<{ url: string; embedded?: EmbeddedServer }> {
  if (databaseUrl !== undefined) return { url: databaseUrl }
  exitOnSignals()
  const { startEmbedded } = await import('../development/embedded.js')
  const embedded = await startEmbedded(embeddedDirectory, { report: createProgress(process.stderr).step })
  return { url: embedded.url, embedded }
}

/** Runs `action` on DATABASE_URL or on the embedded database, which is stopped afterwards. */
export async function withPool<T>(
  config: Config,
  action: (pool: pg.Pool) => Promise<T>,
  options: PoolOptions = {},
): Promise<T> {
  const { url, embedded } = await startEmbeddedUnlessConfigured(config)
  const pool = createPool(url, 'DATABASE_URL', options)
  try {
    return await action(pool)
  } catch (error) {
    throw scrubbed(error, [config.databaseUrl, config.storeUrl])
  } finally {
    await pool.end()
    await embedded?.stop()
  }
}
