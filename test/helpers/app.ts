/** The service on a test database, asked by inject: under the options of production. */
import { buildApp, type App } from '../../src/app.js'
import { createContractMonitor } from '../../src/contract-monitor.js'
import { openDatabase } from '../../src/database/reader.js'

export async function startApp(t: { teardown(action: () => unknown): unknown }, url: string, { contractTimeoutMs = 5_000 } = {}): Promise<App> {
  const config = { poolSize: 4, statementTimeoutMs: 30_000, contractTimeoutMs, contractIntervalS: 3600 }
  const app = await buildApp({ database: openDatabase(config, url), contract: createContractMonitor(config, url) })
  t.teardown(() => app.close())
  await app.ready()
  return app
}

export interface Page { data: Record<string, unknown>[]; next_cursor: string | null; as_of: string; tz?: string }

/** One page; fails loudly where the answer is no 200. */
export async function get(app: App, path: string): Promise<Page> {
  const response = await app.inject(path)
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${response.body}`)
  return response.json()
}

/** Every row of every page. */
export async function walk(app: App, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await get(app, `${path}${cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`}`)
    rows.push(...page.data)
    cursor = page.next_cursor
  }
  return rows
}
