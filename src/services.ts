/**
 * What the routes work with, constructed in one place: for the process, for tests and for the generated documents.
 * `createServices` has no effects; `start` begins background work, `stop` ends it and closes the connections.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { Config } from './config.js'
import type { ServerName } from './database/pool.js'
import { createDatabases, type Databases } from './database/reader.js'
import { createStreams, type Streams } from './database/streams.js'
import { createContractMonitor, type ContractMonitor } from './health/contract-monitor.js'
import { createHeartbeat } from './health/heartbeat.js'
import { createStoreMonitor, type StoreMonitor } from './health/store-health.js'
import { createDatabaseMonitor, type DatabaseMonitor } from './observability/database-monitor.js'
import { createSlowQueries, type SlowQueries } from './observability/slow-queries.js'
import { createRefresher, type RefresherEvents } from './store/refresher.js'
import { createSources, type Sources } from './store/sources.js'

/** What bounds a request; the pools and connection queues have their own bounds. */
export type Limits = Pick<
  Config,
  | 'irtWideItems'
  | 'irtResponses'
  | 'timeoutPageMs'
  | 'timeoutAggregateMs'
  | 'timeoutMaxMs'
  | 'streamTimeoutS'
  | 'rateLimit'
  | 'rateWindowS'
  | 'overloadDelayMs'
  | 'trustProxy'
  | 'keepAliveS'
  | 'maxConnections'
  | 'storeLagS'
  | 'shutdownGraceS'
>

/** The settings that the services read. */
export type ServicesConfig = Limits &
  Pick<
    Config,
    | 'poolSize'
    | 'poolQueue'
    | 'streamPoolSize'
    | 'readLagS'
    | 'slowQueryMs'
    | 'contractTimeoutMs'
    | 'contractIntervalS'
    | 'anomaliesIntervalS'
    | 'storeRefresh'
    | 'storeRetentionH'
  >

/** The databases: of exam_results, of the store where it is another one, and the standbys of the first. */
export interface DatabaseUrls {
  primaryUrl: string
  storeUrl?: string | undefined
  standbyUrls?: readonly string[]
}

export interface Services {
  limits: Limits
  databases: Databases
  streams: Streams
  sources: Sources
  contract: ContractMonitor
  storeMonitor: StoreMonitor
  databaseMonitor: DatabaseMonitor
  slowQueries: SlowQueries
  /** Begins background work: heartbeat, standby measurements, anomaly counts, the refresher. */
  start(log: FastifyBaseLogger, refresherEvents: RefresherEvents): void
  /** Ends what waits for a database: answers that still run fail now. */
  abortRunning(): Promise<void>
  /** Ends what would go on by itself, while answers still run; `stop` waits for it. */
  stopBackgroundWork(): void
  /** Closes every connection. */
  stop(): Promise<void>
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Declares the routes of one resource. */
export type Routes = (app: App, services: Services) => void

export function createServices(
  config: ServicesConfig,
  { primaryUrl, storeUrl = primaryUrl, standbyUrls = [] }: DatabaseUrls,
): Services {
  const databases = createDatabases(config, primaryUrl, storeUrl, standbyUrls)
  const streams = createStreams(config, primaryUrl, storeUrl, standbyUrls)
  const heartbeat = createHeartbeat(
    primaryUrl,
    storeUrl,
    (server) => databases.bytesReceived(server) + streams.bytesReceived(server),
  )
  const sources = createSources(config, databases, primaryUrl, standbyUrls, heartbeat.outage)
  const contract = createContractMonitor(config, primaryUrl, heartbeat.outage)
  const storeMonitor = createStoreMonitor(config, storeUrl)
  const databaseMonitor = createDatabaseMonitor(config, primaryUrl, storeUrl)
  const slowQueries = createSlowQueries(config, primaryUrl, storeUrl, standbyUrls)
  let refresher: ReturnType<typeof createRefresher> | undefined
  let backgroundWork: Promise<unknown> | undefined

  const dropConnections = (server: ServerName) => {
    databases.dropConnections(server)
    streams.dropConnections(server)
    if (server === 'primary' || server === 'store') refresher?.dropConnections(server)
  }
  const stopBackgroundWork = () =>
    (backgroundWork ??= Promise.all([heartbeat.close(), refresher?.stop(config.shutdownGraceS * 1000)]))

  return {
    limits: config,
    databases,
    streams,
    sources,
    contract,
    storeMonitor,
    databaseMonitor,
    slowQueries,
    start(log, events) {
      databases.start()
      databaseMonitor.start(log)
      sources.start(log, dropConnections)
      heartbeat.start(log, dropConnections)
      if (config.storeRefresh) {
        refresher = createRefresher({ primaryUrl, storeUrl, log, events, retentionH: config.storeRetentionH })
        void refresher.run()
      }
    },
    async abortRunning() {
      const streamsEnded = streams.close()
      for (const server of ['primary', 'store', ...databases.standbys.map(({ live }) => live.server)] as const)
        databases.dropConnections(server)
      await streamsEnded
    },
    stopBackgroundWork() {
      void stopBackgroundWork()
    },
    async stop() {
      await Promise.all([
        stopBackgroundWork(),
        databases.close(),
        sources.close(),
        contract.close(),
        storeMonitor.close(),
        databaseMonitor.close(),
        slowQueries.close(),
      ])
    },
  }
}
