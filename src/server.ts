/** The process: database, app, listening, shutdown. Registers nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { buildApp } from './app.js'
import { loadKeyFile } from './access/api-keys.js'
import { createTokenVerifier } from './access/jwt.js'
import { checkListening, type Config } from './config.js'
import { logOptions } from './observability/log.js'
import type { Access } from './plugins/access.js'
import { createServices } from './services.js'

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
  const graceS = config.shutdownGraceS - closingS(config.shutdownGraceS)
  const services = createServices(
    { ...config, shutdownGraceS: graceS },
    { primaryUrl: databaseUrl, storeUrl: config.storeUrl, standbyUrls: config.readUrls },
  )
  const app = await buildApp(services, {
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
  })
  for (const warning of config.warnings) app.log.warn({}, warning)
  services.start(app.log, app.metrics.refresher)
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await app.close()
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
        app.close(),
        sleep(config.shutdownGraceS * 1000).then(() => {
          app.log.warn({}, 'something did not close within SHUTDOWN_GRACE_S: it is left')
        }),
      ])
    },
  }
}
