/** The process: database, app, listening, shutdown. Registers nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { buildApp } from './app.js'
import { loadKeyFile } from './access/api-keys.js'
import { createTokenVerifier } from './access/jwt.js'
import { checkListening, type Config } from './config.js'
import { createContractMonitor } from './health/contract-monitor.js'
import { createHeartbeat } from './health/heartbeat.js'
import { createDatabases } from './database/reader.js'
import { createSlowQueries } from './observability/slow-queries.js'
import { createStreams } from './database/streams.js'
import { createDatabaseMonitor } from './observability/database-monitor.js'
import { logOptions } from './observability/log.js'
import type { Access } from './plugins/access.js'
import { createStoreMonitor } from './health/store-health.js'
import { createRefresher } from './store/refresher.js'
import { createSources } from './store/sources.js'

export interface RunningServer {
  url: string
  log: FastifyBaseLogger
  /** Leaves in order, within SHUTDOWN_DELAY_S and SHUTDOWN_GRACE_S, whatever a database or a client does. */
  close(): Promise<void>
}

/** What closing may take of the grace, after what was in flight has ended or was cut; seconds. */
const closingS = (graceS: number) => Math.min(1, graceS / 5)

async function openAccess({ access, apiKeysFile, jwt, accessOpen }: Config): Promise<Access | undefined> {
  if (access !== 'keys') return undefined
  return {
    keys: apiKeysFile === undefined ? undefined : await loadKeyFile(apiKeysFile),
    tokens: jwt === undefined ? undefined : createTokenVerifier(jwt),
    open: accessOpen,
  }
}

/** Opens the pools and listens. Throws in one sentence where the port is taken, or nothing says who may ask. */
export async function startServer(config: Config, databaseUrl: string): Promise<RunningServer> {
  checkListening(config)
  const access = await openAccess(config)
  const storeUrl = config.storeUrl ?? databaseUrl
  const graceS = config.shutdownGraceS - closingS(config.shutdownGraceS)
  const databases = createDatabases(config, databaseUrl, storeUrl, config.readUrls)
  const streams = createStreams(config, databaseUrl, storeUrl, config.readUrls)
  const pulse = createHeartbeat(
    databaseUrl,
    storeUrl,
    (server) => databases.bytesReceived(server) + streams.bytesReceived(server),
  )
  const app = await buildApp(
    {
      limits: { ...config, shutdownGraceS: graceS },
      databases,
      streams,
      sources: createSources(config, databases, databaseUrl, config.readUrls, pulse),
      contract: createContractMonitor(config, databaseUrl, pulse),
      storeMonitor: createStoreMonitor(config, storeUrl),
      databaseMonitor: createDatabaseMonitor(config, databaseUrl, storeUrl),
      slowQueries: createSlowQueries(config, databaseUrl, storeUrl, config.readUrls),
    },
    {
      logger: {
        ...logOptions(config.logLevel),
        ...(process.stdout.isTTY && !config.production
          ? {
              transport: {
                target: 'pino-pretty',
                options: { singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' },
              },
            }
          : {}),
      },
      access,
      corsOrigins: config.corsOrigins,
    },
  )
  const refresher = config.storeRefresh
    ? createRefresher({
        primaryUrl: databaseUrl,
        storeUrl,
        log: app.log,
        events: app.metrics.refresher,
        retentionH: config.storeRetentionH,
      })
    : undefined
  pulse.start(app.log, (server) => {
    databases.dropConnections(server)
    streams.dropConnections(server)
    refresher?.dropConnections(server)
  })
  void refresher?.run()
  const close = async () => {
    await Promise.all([app.close(), pulse.close(), refresher?.stop(graceS * 1000)])
  }
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new Error(
        `Port ${config.port} on ${config.host} is taken: stop what listens there, or set PORT (0 takes any free one).`,
      )
    if (['listen', 'getaddrinfo'].includes((error as NodeJS.ErrnoException).syscall ?? ''))
      throw new Error(
        `Nothing can listen on HOST=${config.host}, PORT=${config.port} (${(error as NodeJS.ErrnoException).code}): set HOST to an address of this machine, and PORT to one that this user may take.`,
      )
    throw error
  }
  const { port } = app.server.address() as { port: number }
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    log: app.log,
    async close() {
      app.leave()
      app.log.info({ delayS: config.shutdownDelayS, graceS: config.shutdownGraceS }, 'shutting down')
      await sleep(config.shutdownDelayS * 1000)
      await Promise.race([
        close(),
        sleep(config.shutdownGraceS * 1000).then(() => {
          app.log.warn({}, 'something did not close within SHUTDOWN_GRACE_S: it is left')
        }),
      ])
    },
  }
}
