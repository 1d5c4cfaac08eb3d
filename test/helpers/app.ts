/** The service on a test database, under the options of production; tests send requests by `inject`. */
import { buildApp, type AppOptions } from '../../src/app.js'
import type { ReadinessIntervals } from '../../src/health/readiness.js'
import { createServices, type App } from '../../src/services.js'

export const testConfig = {
  poolSize: 4,
  poolQueue: 40,
  timeoutPageMs: 30_000,
  timeoutAggregateMs: 30_000,
  timeoutMaxMs: 60_000,
  rateLimit: 0,
  rateWindowS: 10,
  overloadDelayMs: 0,
  trustProxy: [] as readonly string[],
  keepAliveS: 72,
  maxConnections: 1_000,
  streamPoolSize: 2,
  streamsPerClient: 1_000,
  streamTimeoutS: 60,
  streamMinRate: 0,
  streamStallS: 60,
  shutdownGraceS: 0,
  aggregatesMinStudents: 5,
  aggregatesTz: 'UTC',
  irtWideItems: 100,
  irtResponses: 100_000,
  pageBytes: 8 * 1024 * 1024,
  storeLagS: 600,
  readLagS: 10,
  contractTimeoutMs: 60_000,
  contractIntervalS: 3600,
  slowQueryMs: 60_000,
  anomaliesIntervalS: 0,
  storeRefresh: false,
  storeRetentionH: 168,
}

/** Settings that differ from `testConfig`; `intervals`: those of the probes. */
export type TestSettings = Partial<typeof testConfig> & { intervals?: Partial<ReadinessIntervals> }

export async function startApp(
  t: { teardown(action: () => unknown): unknown },
  url: string,
  { intervals, ...settings }: TestSettings = {},
  storeUrl = url,
  standbys: readonly string[] = [],
  options: AppOptions = {},
  before: (app: App) => void = () => undefined,
): Promise<App> {
  const config = { ...testConfig, ...settings }
  const services = createServices(config, { primaryUrl: url, storeUrl, standbyUrls: standbys }, intervals)
  const app = await buildApp(services, options)
  t.teardown(() => app.close())
  before(app)
  await app.ready()
  services.start(app.log, app.metrics.refresher)
  return app
}

/** The first probes may be answered before the contract is checked. */
export async function untilReady(app: App): Promise<void> {
  for (const end = Date.now() + 120_000; ; await new Promise((again) => setTimeout(again, 50))) {
    const { statusCode, body } = await app.inject('/health/ready')
    if (statusCode === 200) return
    if (Date.now() > end) throw new Error(`it does not become ready: ${body}`)
  }
}

export interface Page {
  data: Record<string, unknown>[]
  next_cursor: string | null
  as_of: string
  tz?: string
}

/** One page. @throws Error where the answer is not 200 */
export async function get(app: App, path: string): Promise<Page> {
  const response = await app.inject(path)
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${response.body}`)
  return response.json()
}

/** Every row of every page. */
export async function walk(app: App, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await get(
      app,
      `${path}${cursor === '' ? '' : `${path.includes('?') ? '&' : '?'}cursor=${cursor}`}`,
    )
    rows.push(...page.data)
    cursor = page.next_cursor
  }
  return rows
}
