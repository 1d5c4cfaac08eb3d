/** Creates connection pools. Their sessions are read-only by default and have the same settings on every server. */
import pg from 'pg'
import { abandon, disconnect } from './cancel.js'
import { rememberLocations } from './locations.js'
import { limitedTo, onConnect, rejectWaiting, socketOf } from './pg-internals.js'
import { recordOrigin } from './refusals.js'
import { checkSettings, sessionOptions, withOptions } from './session-settings.js'
import { assertTrustedSession, leavePath, setPath } from './trust.js'

/** A server that is read, named by its place in the configuration, because a URL contains a password. */
export type ServerName = 'primary' | 'store' | `standby ${number}`

/** Why a server cannot be reached. */
export interface Outage {
  reason: string
  /** false: only an operator can end it, see refusals.ts. */
  passing: boolean
}

/** undefined: no outage is known. */
export type OutageOf = (server: ServerName) => Outage | undefined

/** The number of connections of a pool; `waiting`: requests that wait for one. */
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

/**
 * What a pool does with the search_path of the URL or the role. `leave`: its sessions run only statements of
 * relations.ts, so that the path can be PostgreSQL's own schema. `guard`: nothing on the path may belong to a role that
 * is not trusted. `keep`: each transaction cares for itself.
 */
export type PathUse = 'leave' | 'guard' | 'keep'

/** Nothing on the path may run, or hide what PostgreSQL has, before it was checked. */
async function prepareSession(
  client: pg.ClientBase,
  readOnly: boolean,
  answerMs: number,
  pathUse: PathUse,
): Promise<void> {
  const within = limitedTo(answerMs, client)
  const { path, setting } = await leavePath(within, false)
  try {
    await checkSettings(client, readOnly, answerMs)
    if (pathUse === 'leave') await rememberLocations(client, within, path, true)
  } catch (error) {
    // a pooler may give the refused session to others
    await setPath(within, setting, false).catch(() => undefined)
    throw error
  }
  if (pathUse === 'leave') return
  await setPath(within, setting, false)
  if (pathUse === 'guard') await assertTrustedSession(within)
}

/** @param reserved true: the pool does not close idle or old connections; a `ReservedPool` renews them */
export function createPool(
  config: { statementTimeoutMs: number },
  url: string,
  {
    max,
    name,
    connectMs = 5_000,
    readOnly = true,
    queryMs,
    reserved = false,
    pathUse = 'guard',
  }: {
    max: number
    name: string
    connectMs?: number | undefined
    readOnly?: boolean
    queryMs?: number
    reserved?: boolean
    pathUse?: PathUse
  },
): pg.Pool {
  const clients = new Set<pg.ClientBase>()
  const opening = new Map<pg.ClientBase, number>()
  class OpeningClient extends pg.Client {
    constructor(settings?: pg.ClientConfig) {
      super(settings)
      opening.set(this, performance.now())
      const record = (error: object) => {
        recordOrigin(error, { url, application: name })
      }
      // before the driver's listeners, which hand the error to the query or to the attempt to connect
      this.connection.on('errorMessage', record)
      this.connection.on('error', record)
      this.once('end', () => {
        opening.delete(this)
      })
    }
  }
  const options = sessionOptions(readOnly)
  const pool = new pg.Pool({
    Client: OpeningClient,
    onConnect: onConnect(async (client) => {
      client.on('error', () => undefined)
      client.once('end', () => {
        clients.delete(client)
      })
      // before the check, so that `dropConnections` also closes a connection that waits for the check's answer
      clients.add(client)
      await prepareSession(client, readOnly, connectMs, pathUse).catch((error: unknown) => {
        disconnect(client)
        throw error
      })
    }),
    connectionString: withOptions(url, options),
    max,
    application_name: name,
    statement_timeout: config.statementTimeoutMs,
    connectionTimeoutMillis: connectMs,
    // measured in this process: a server that is down does not enforce its statement_timeout
    ...(queryMs === undefined ? {} : { query_timeout: queryMs }),
    idleTimeoutMillis: reserved ? 0 : 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // new connections resolve the host name again, which may name another server after a failover
    maxLifetimeSeconds: reserved ? 0 : 600,
    options,
  })
  // without a listener, a terminated backend would end this process; the next request gets a new connection
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    opening.delete(client)
  })
  connections.set(pool, clients)
  openings.set(pool, opening)
  return pool
}

const connections = new WeakMap<pg.Pool, Set<pg.ClientBase>>()

/** Clients that are connecting, or whose settings are being checked, and since when. */
const openings = new WeakMap<pg.Pool, Map<pg.ClientBase, number>>()

const clientsOf = (pool: pg.Pool | undefined) => [...((pool && connections.get(pool)) ?? [])]

/** Bytes received on the open connections. */
export const bytesReceived = (pool: pg.Pool | undefined): number =>
  clientsOf(pool).reduce((sum, client) => sum + socketOf(client).bytesRead, 0)

/** Closes every connection of a pool at once, so that waiting statements fail now instead of after the TCP timeout. */
export function dropConnections(pool: pg.Pool | undefined): void {
  for (const client of clientsOf(pool)) disconnect(client)
}

/** Closes what has been opening for `ms` or longer: a server that does not answer would hold it for seconds. */
export function dropOpening(pool: pg.Pool, ms = 0): void {
  for (const [client, since] of openings.get(pool) ?? []) if (performance.now() - since >= ms) disconnect(client)
}

/** Ends a pool. Queries that run may finish; what waits for a connection fails now. */
export async function endPool(pool: pg.Pool): Promise<void> {
  const ended = pool.end()
  dropOpening(pool)
  rejectWaiting(pool, new Error('Connection terminated: the pool was closed'))
  await ended
}

/** The same as `dropConnections`, and the servers also cancel what the connections run. */
export function abandonQueries(pool: pg.Pool): void {
  for (const client of clientsOf(pool)) abandon(client)
}

/** Connect timeout of a standby, milliseconds: after it, the primary answers instead. */
export const standbyConnectMs = 1_000

/** One pool per server. */
export function createPools(
  url: string,
  storeUrl: string,
  standbyUrls: readonly string[],
  create: (url: string, connectMs?: number) => pg.Pool,
): Map<ServerName, pg.Pool> {
  const pools = new Map<ServerName, pg.Pool>([['primary', create(url)]])
  if (storeUrl !== url) pools.set('store', create(storeUrl))
  standbyUrls.forEach((standby, index) => pools.set(`standby ${index + 1}`, create(standby, standbyConnectMs)))
  return pools
}
