/** The committed documents, from the routes and the one list of locked columns. Needs no database. */
import { buildApp } from '../src/app.js'
import { readConfig } from '../src/config.js'
import { odcsDocument } from '../src/contract/odcs.js'
import type { ContractMonitor } from '../src/health/contract-monitor.js'
import type { Database, Databases } from '../src/database/reader.js'
import type { SlowQueries } from '../src/observability/slow-queries.js'
import type { Streams } from '../src/database/streams.js'
import type { DatabaseMonitor } from '../src/observability/database-monitor.js'
import type { StoreMonitor } from '../src/health/store-health.js'
import type { Sources } from '../src/store/sources.js'

const notHere = () => Promise.reject(new Error('the documents need no database'))
const database: Database = { server: 'primary', rows: notHere, snapshot: notHere, store: false, within: () => database }
const databases: Databases = {
  live: database,
  store: database,
  state: database,
  standbys: [],
  pools: () => [],
  dropConnections: () => undefined,
  bytesReceived: () => 0,
  close: () => Promise.resolve(),
}
const sources: Sources = {
  start: () => undefined,
  choose: notHere,
  assertReachable: () => undefined,
  invalidate: () => undefined,
  reportFailure: () => undefined,
  standbys: () => [],
  state: notHere,
  close: () => Promise.resolve(),
}
const streams: Streams = {
  open: notHere,
  read: notHere,
  usage: () => ({ running: 0, limit: 0, pools: [] }),
  dropConnections: () => undefined,
  bytesReceived: () => 0,
  close: () => Promise.resolve(),
}
const contract: ContractMonitor = {
  check: notHere,
  readiness: notHere,
  last: () => undefined,
  close: () => Promise.resolve(),
}
const storeMonitor: StoreMonitor = { health: notHere, close: () => Promise.resolve() }
const databaseMonitor: DatabaseMonitor = { look: notHere, start: () => undefined, close: () => Promise.resolve() }
const slowQueries: SlowQueries = { statementEnd: () => false, close: () => Promise.resolve() }

/** File name → text. */
export async function documents(): Promise<Record<string, string>> {
  const app = await buildApp({
    limits: readConfig({}),
    databases,
    sources,
    streams,
    contract,
    storeMonitor,
    databaseMonitor,
    slowQueries,
  })
  await app.ready()
  const document = JSON.stringify(app.swagger(), null, 2)
  await app.close()
  return { 'openapi.json': `${document}\n`, 'attempt-v1.odcs.yaml': odcsDocument() }
}
