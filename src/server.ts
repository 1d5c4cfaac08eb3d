/** The process: database, app, listening, shutdown. Registers nothing. */
import { buildApp } from './app.js'
import type { Config } from './config.js'
import { createContractMonitor } from './contract-monitor.js'
import { openDatabases } from './database/reader.js'
import { openStreams } from './database/streams.js'
import { createStoreMonitor } from './store/monitor.js'
import { createRefresher } from './store/refresher.js'
import { openSources } from './store/sources.js'

export interface RunningServer { url: string; close(): Promise<void> }

/** Opens the pools and listens. Throws in one sentence where the port is taken. */
export async function startServer(config: Config, databaseUrl: string): Promise<RunningServer> {
  const storeUrl = config.storeUrl ?? databaseUrl
  const databases = openDatabases(config, databaseUrl, storeUrl, config.readUrls)
  const app = await buildApp(
    {
      limits: config, databases, sources: openSources(config, databases, databaseUrl, config.readUrls),
      streams: openStreams(config, databaseUrl, storeUrl, config.readUrls), contract: createContractMonitor(config, databaseUrl), storeMonitor: createStoreMonitor(config, storeUrl),
    },
    // a query may name a user: it stays out of the log
    { logger: { level: config.logLevel, serializers: { req: ({ method, url }: { method: string; url: string }) => ({ method, path: url.split('?')[0] }) }, ...(process.stdout.isTTY && !config.production ? { transport: { target: 'pino-pretty' } } : {}) } },
  )
  if (config.storeRefresh) {
    const refresher = createRefresher({ sourceUrl: databaseUrl, storeUrl, log: app.log, retentionH: config.storeRetentionH })
    app.addHook('preClose', () => refresher.stop())
    void refresher.run()
  }
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await app.close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new Error(`Port ${config.port} on ${config.host} is taken: stop what listens there, or set PORT (0 takes any free one).`)
    throw error
  }
  const { port } = app.server.address() as { port: number }
  return { url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`, close: () => app.close() }
}
