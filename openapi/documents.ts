/** The committed documents, from the routes and the one list of locked columns. Needs no database. */
import { buildApp } from '../src/app.js'
import { readConfig } from '../src/config.js'
import { odcsDocument } from '../src/contract/odcs.js'
import type { ContractMonitor } from '../src/contract-monitor.js'
import type { Database } from '../src/database/reader.js'
import type { Streams } from '../src/database/streams.js'

const notHere = () => Promise.reject(new Error('the documents need no database'))
const database = { rows: notHere, snapshot: notHere, close: () => Promise.resolve() } as unknown as Database
const streams: Streams = { open: notHere, read: notHere, close: () => Promise.resolve() }
const contract: ContractMonitor = { check: notHere, readiness: notHere, close: () => Promise.resolve() }

/** File name → text. */
export async function documents(): Promise<Record<string, string>> {
  const app = await buildApp({ limits: readConfig({}), database, streams, contract })
  await app.ready()
  const document = JSON.stringify(app.swagger(), null, 2)
  await app.close()
  return { 'openapi.json': `${document}\n`, 'attempt-v1.odcs.yaml': odcsDocument() }
}
