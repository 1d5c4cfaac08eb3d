/** Starts the process: creates services and app, listens, and shuts down. It registers no route or plugin. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { buildApp } from './app.js'
import { loadKeyFile } from './access/api-keys.js'
import { createTokenVerifier } from './access/jwt.js'
import { checkListening, type Config } from './config.js'
import { logOptions, terminalLog } from './observability/log.js'
import type { Access } from './plugins/access.js'
import { refusalHooks } from './observability/refusal-log.js'
import { createServices } from './services.js'

export interface RunningServer {
  url: string
  log: FastifyBaseLogger
  /** Ends running requests and closes, always within SHUTDOWN_DELAY_S plus SHUTDOWN_GRACE_S. */
  close(): Promise<void>
}

/** The seconds of the grace period that are reserved for closing after requests have ended or were aborted. */
const closingS = (graceS: number) => Math.min(1, graceS / 5)

/** The configuration variable with this URL. */
function variableOf({ storeUrl, readUrls }: Config, databaseUrl: string, url: string): string | undefined {
  if (url === databaseUrl) return 'DATABASE_URL'
  if (url === storeUrl) return 'STORE_DATABASE_URL'
  return readUrls.includes(url) ? 'DATABASE_READ_URL' : undefined
}

async function createAccess({ access, apiKeysFile, jwt, accessOpen }: Config): Promise<Access | undefined> {
  if (access !== 'keys') return undefined
  return {
    keys: apiKeysFile === undefined ? undefined : await loadKeyFile(apiKeysFile),
    tokens: jwt === undefined ? undefined : createTokenVerifier(jwt),
    open: accessOpen,
  }
}

/**
 * Starts the service.
 * @throws Error that says what to change, for example if the port is in use or access is not configured
 */
export async function startServer(config: Config, databaseUrl: string): Promise<RunningServer> {
  checkListening(config)
  const access = await createAccess(config)
  const graceS = config.shutdownGraceS - closingS(config.shutdownGraceS)
  const services = createServices(
    { ...config, shutdownGraceS: graceS },
    { primaryUrl: databaseUrl, storeUrl: config.storeUrl, standbyUrls: config.readUrls },
  )
  const app = await buildApp(services, {
    logger: {
      ...logOptions(config.logLevel),
      hooks: refusalHooks((url) => variableOf(config, databaseUrl, url)),
      ...(process.stdout.isTTY && !config.production ? terminalLog : {}),
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
    const { code, syscall } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new Error(
        `Port ${config.port} on ${config.host} is in use. Stop the program that listens there, or set PORT to ` +
          'another port, such as PORT=3001 (0: any free port).',
      )
    if (syscall === 'listen' || syscall === 'getaddrinfo')
      throw new Error(
        `Cannot listen on HOST=${config.host}, PORT=${config.port} (${code}). Set HOST to an address of this machine ` +
          'and PORT to a port that this user may open.',
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
          app.log.warn({}, 'closing takes longer than SHUTDOWN_GRACE_S; the process exits now')
        }),
      ])
    },
  }
}
