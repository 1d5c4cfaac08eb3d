/** The service on a test database, asked by inject: under the options of production. */
import { buildApp, type App } from '../../src/app.js'
import { createContractMonitor } from '../../src/contract-monitor.js'
import { openDatabases } from '../../src/database/reader.js'
import { openStreams } from '../../src/database/streams.js'
import { createStoreMonitor } from '../../src/store/monitor.js'
import { openSources } from '../../src/store/sources.js'

export const testConfig = { poolSize: 4, statementTimeoutMs: 30_000, streamPoolSize: 2, streamTimeoutS: 60, shutdownGraceS: 0, irtWideItems: 100, irtResponses: 100_000, storeLagS: 600, readLagS: 10, contractTimeoutMs: 5_000, contractIntervalS: 3600 }

export async function startApp(t: { teardown(action: () => unknown): unknown }, url: string, settings: Partial<typeof testConfig> = {}, storeUrl = url, standbys: readonly string[] = []): Promise<App> {
  const config = { ...testConfig, ...settings }
  const databases = openDatabases(config, url, storeUrl, standbys)
  const app = await buildApp({
    limits: config, databases, sources: openSources(config, databases, url, standbys), streams: openStreams(config, url, storeUrl, standbys), contract: createContractMonitor(config, url), storeMonitor: createStoreMonitor(config, storeUrl),
  })
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
