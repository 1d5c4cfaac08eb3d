/** The databases of the store for one command, watched by a heartbeat, and the exit codes of its verbs. */
import type pg from 'pg'
import type { Config } from '../../config.js'
import { disconnect } from '../../database/cancel.js'
import { commandHeartbeat, createHeartbeat, type HeartbeatServer } from '../../health/heartbeat.js'
import { relationExists } from '../../migrate/ledger.js'
import { LockTimeout } from '../../migrate/retry-budget.js'
import type { StorePools } from '../../store/enable.js'
import type { Sessions } from '../../store/sessions.js'
import { createPool, startEmbeddedUnlessConfigured } from '../database.js'
import { isAccessDenied, isUnreachable, scrubbed, withExitCode, withVariable, type Variable } from '../failure.js'

export interface StoreConnections extends StorePools {
  primaryUrl: string
  storeUrl: string
  /** Calls `listener` while a database does not respond, again at every heartbeat: work waiting for it must end. */
  onUnresponsive(listener: (server: HeartbeatServer) => void): void
}

export const storeExits = {
  0: 'done',
  1: 'refused or failed, for example a missing privilege',
  3: 'a database could not be reached: retry',
} as const

export const lockExits = { ...storeExits, 6: 'a table or advisory lock was not available in time: retry' } as const

const noStore = 'There is no store. Create one with attempt-api store enable.'

export const noQueue =
  'There is no queue on exam_results, so nothing keeps the store up to date. attempt-api store enable creates the ' +
  'queue and fills the store again; attempt-api store disable removes the store.'

/** @throws Error in a sentence if there is no store */
export async function requireStore({ store }: StorePools): Promise<void> {
  if (!(await relationExists(store, 'attempt_store'))) throw new Error(noStore)
}

/** The open connections of a pool, kept up to date. */
function clientsOf(pool: pg.Pool): ReadonlySet<pg.PoolClient> {
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => {
    clients.add(client)
  })
  pool.on('remove', (client) => {
    clients.delete(client)
  })
  return clients
}

/** Connects to the databases of the store, or to the embedded one if none is configured. */
async function withConnections(
  config: Config,
  action: (connections: StoreConnections) => Promise<number>,
): Promise<number> {
  const { url: primaryUrl, embedded } = await startEmbeddedUnlessConfigured(config)
  const storeUrl = config.storeUrl ?? primaryUrl
  const primary = createPool(primaryUrl, 'DATABASE_URL', { guarded: true })
  const store = storeUrl === primaryUrl ? primary : createPool(storeUrl, 'STORE_DATABASE_URL', { guarded: true })
  const clients = { primary: clientsOf(primary), store: clientsOf(store) }
  const listeners: ((server: HeartbeatServer) => void)[] = []
  let unresponsive: Error | undefined
  const heartbeat = createHeartbeat(primaryUrl, storeUrl, undefined, commandHeartbeat)
  heartbeat.start({ info: () => undefined, warn: () => undefined }, (server) => {
    const variable: Variable = server === 'primary' ? 'DATABASE_URL' : 'STORE_DATABASE_URL'
    unresponsive = withVariable(variable, Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
    for (const client of clients[server]) disconnect(client)
    for (const listener of listeners) listener(server)
  })
  try {
    const onUnresponsive = (listener: (server: HeartbeatServer) => void) => {
      listeners.push(listener)
    }
    return await action({ primary, store, primaryUrl, storeUrl, onUnresponsive })
  } catch (error) {
    throw scrubbed(unresponsive !== undefined && isUnreachable(error) ? unresponsive : error, [primaryUrl, storeUrl])
  } finally {
    await Promise.all([...new Set([primary, store])].map((pool) => pool.end()))
    await heartbeat.close()
    await embedded?.stop()
  }
}

/**
 * Runs a verb of `store`.
 * @param deniedIsUnknown for verbs that only read: without access the state of the store is unknown (3), while 1 means
 * that the store differs
 * @throws Error with the exit code of the command
 */
export async function onStore(
  config: Config,
  action: (connections: StoreConnections) => Promise<number>,
  { deniedIsUnknown = false } = {},
): Promise<number> {
  try {
    return await withConnections(config, action)
  } catch (error) {
    const unknown = isUnreachable(error) || (deniedIsUnknown && isAccessDenied(error))
    throw withExitCode(error instanceof LockTimeout ? 6 : unknown ? 3 : 1, error)
  }
}

/** Runs `action` on one connection to each database, closed afterwards. */
export async function withSessions<T>(
  { primary, store }: StorePools,
  action: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const storeClient = await store.connect()
  let primaryClient: pg.PoolClient | undefined
  try {
    primaryClient = primary === store ? storeClient : await primary.connect()
    return await action({ primary: primaryClient, store: storeClient })
  } finally {
    // pool.end() waits for every connection to be released
    if (primaryClient !== storeClient) primaryClient?.release(true)
    storeClient.release(true)
  }
}
