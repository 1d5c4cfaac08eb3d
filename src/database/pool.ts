/** Pools of connections whose sessions cannot write, unless they are told to, and are set alike wherever they lead. */
import pg from 'pg'
import { disconnect } from './cancel.js'

/** A server that is read. Named by its place in the configuration: a URL holds a password. */
export type ServerName = 'primary' | 'store' | `standby ${number}`

/** Why a server cannot be asked now; undefined: it answers, as far as is known. */
export type OutageOf = (server: ServerName) => string | undefined

/** How many connections a pool has; `waiting`: requests that have none yet. */
export interface PoolUsage {
  server: ServerName
  limit: number
  total: number
  idle: number
  waiting: number
}

export const poolUsage = (pools: ReadonlyMap<ServerName, pg.Pool>): PoolUsage[] =>
  [...pools].map(([server, pool]) => ({
    server,
    limit: pool.options.max,
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
  }))

const sessionSettings = [
  'TimeZone=UTC',
  'DateStyle=ISO',
  'IntervalStyle=postgres',
  'jit=off',
  // the planner takes a Gather over a set-returning function for cheaper than it is, and then scans the whole table
  'max_parallel_workers_per_gather=0',
  // a session whose service is gone without a word ends within 25 s, and with it its locks and its snapshot
  'tcp_keepalives_idle=10',
  'tcp_keepalives_interval=5',
  'tcp_keepalives_count=3',
]

/**
 * Asked once a connection: a pooler between may keep what a session was to set for itself, without a word, and an
 * answer's timestamps would be in whatever time zone the server has.
 * @throws Error in words of `whyUnreachable`
 */
async function checkSettings(client: pg.ClientBase, readOnly: boolean, answerMs: number): Promise<void> {
  const {
    rows: [session],
  } = (await client.query({
    text: `select current_setting('TimeZone') = 'UTC' and current_setting('DateStyle') like 'ISO%' and current_setting('IntervalStyle') = 'postgres' and not current_setting('jit')::boolean
  and current_setting('max_parallel_workers_per_gather') = '0' and current_setting('default_transaction_read_only')::boolean = ${readOnly} as kept`,
    query_timeout: answerMs,
  } as pg.QueryConfig)) as { rows: { kept: boolean }[] }
  if (session?.kept !== true)
    throw Object.assign(
      new Error(
        'a startup parameter was lost: a pooler before the database does not pass on the settings of the session (docs/poolers.md)',
      ),
      { code: '08P01' },
    )
}

/** The driver takes the options of a URL (a search_path) instead of ours. Ours come after them: of two settings the later holds. */
const withOptions = (url: string, ours: string): string =>
  url.replace(/[?&]options=[^&#]*/g, (theirs) => `${theirs}%20${ours.replaceAll(' ', '%20')}`)

/** @param kept its connections are closed by nobody: for `keepPool`, which renews them */
export function createPool(
  config: { statementTimeoutMs: number },
  url: string,
  {
    max,
    name,
    connectMs = 5_000,
    readOnly = true,
    queryMs,
    kept = false,
  }: {
    max: number
    name: string
    connectMs?: number | undefined
    readOnly?: boolean
    queryMs?: number
    kept?: boolean
  },
): pg.Pool {
  const clients = new Set<pg.ClientBase>()
  const options = [...sessionSettings, `default_transaction_read_only=${readOnly ? 'on' : 'off'}`]
    .map((setting) => `-c ${setting}`)
    .join(' ')
  const pool = new pg.Pool({
    // from its first moment: what hangs in the question is dropped with the others
    onConnect: (async (client: pg.ClientBase) => {
      client.on('error', () => undefined)
      client.once('end', () => {
        clients.delete(client)
      })
      clients.add(client)
      await checkSettings(client, readOnly, connectMs).catch((error: unknown) => {
        disconnect(client)
        throw error
      })
    }) as (client: pg.ClientBase) => void,
    connectionString: withOptions(url, options),
    max,
    application_name: name,
    statement_timeout: config.statementTimeoutMs,
    connectionTimeoutMillis: connectMs,
    // on our side: the only one that a server without power keeps
    ...(queryMs === undefined ? {} : { query_timeout: queryMs }),
    idleTimeoutMillis: kept ? 0 : 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // a name that leads to another server now is looked up again
    maxLifetimeSeconds: kept ? 0 : 600,
    options,
  })
  // without listeners a killed backend would end the process; the next request gets a new connection
  pool.on('error', () => undefined)
  connections.set(pool, clients)
  return pool
}

const connections = new WeakMap<pg.Pool, Set<pg.ClientBase>>()

const clientsOf = (pool: pg.Pool | undefined) => [...((pool && connections.get(pool)) ?? [])]

/** Bytes that came on the connections that are open. */
export const bytesReceived = (pool: pg.Pool | undefined): number =>
  clientsOf(pool).reduce(
    (sum, client) =>
      sum + (client as unknown as { connection: { stream: { bytesRead: number } } }).connection.stream.bytesRead,
    0,
  )

/** Closes every connection of a pool at once: what waits on one fails now and not when the network gives it up. */
export function dropConnections(pool: pg.Pool | undefined): void {
  for (const client of clientsOf(pool)) disconnect(client)
}

/** Milliseconds until a standby that does not take a connection is given up: the primary is asked instead. */
export const standbyConnectMs = 1_000

/** One pool a server. */
export function createPools(
  url: string,
  storeUrl: string,
  standbyUrls: readonly string[],
  open: (url: string, connectMs?: number) => pg.Pool,
): Map<ServerName, pg.Pool> {
  const pools = new Map<ServerName, pg.Pool>([['primary', open(url)]])
  if (storeUrl !== url) pools.set('store', open(storeUrl))
  standbyUrls.forEach((standby, index) => pools.set(`standby ${index + 1}`, open(standby, standbyConnectMs)))
  return pools
}
