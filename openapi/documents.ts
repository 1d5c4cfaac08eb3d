/** The committed documents, from the routes and the columns of the contract. Starts nothing and needs no database. */
import { buildApp } from '../src/app.js'
import { readConfig } from '../src/config.js'
import { attemptV1 } from '../src/contract/attempt-v1.js'
import { odcsDocument } from '../src/contract/odcs.js'
import { createServices } from '../src/services.js'

/** File name → text. */
export async function documents(): Promise<Record<string, string>> {
  const app = await buildApp(createServices(readConfig({}), { primaryUrl: 'postgres://127.0.0.1/unused' }))
  await app.ready()
  const document = JSON.stringify(app.swagger(), null, 2)
  await app.close()
  return { 'openapi.json': `${document}\n`, 'attempt-v1.odcs.yaml': odcsDocument(attemptV1) }
}
