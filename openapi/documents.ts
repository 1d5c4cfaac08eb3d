/** The committed documents, from the routes and the one list of locked columns. Needs no database. */
import { buildApp } from '../src/app.js'
import { readConfig } from '../src/config.js'
import { odcsDocument } from '../src/contract/odcs.js'
import type { ContractMonitor } from '../src/contract-monitor.js'
import type { Databases } from '../src/database/reader.js'
import type { Streams } from '../src/database/streams.js'
import type { StoreMonitor } from '../src/store/monitor.js'
import type { Sources } from '../src/store/sources.js'

const notHere = () => Promise.reject(new Error('the documents need no database'))
const database = { server: 'primary' as const, rows: notHere, snapshot: notHere, store: false }
const databases: Databases = { live: database, store: database, standbys: [], drop: () => undefined, close: () => Promise.resolve() }
const sources: Sources = { start: () => undefined, choose: notHere, failed: () => undefined, state: notHere, close: () => Promise.resolve() }
const streams: Streams = { open: notHere, read: notHere, drop: () => undefined, close: () => Promise.resolve() }
const contract: ContractMonitor = { check: notHere, readiness: notHere, close: () => Promise.resolve() }
const storeMonitor: StoreMonitor = { health: notHere, close: () => Promise.resolve() }

/** File name → text. */
export async function documents(): Promise<Record<string, string>> {
  const app = await buildApp({ limits: readConfig({}), databases, sources, streams, contract, storeMonitor })
  await app.ready()
  const document = JSON.stringify(app.swagger(), null, 2)
  await app.close()
  return { 'openapi.json': `${document}\n`, 'attempt-v1.odcs.yaml': odcsDocument() }
}
