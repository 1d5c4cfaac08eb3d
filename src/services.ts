/**
 * Creates the services that the routes use: for the process, for tests and for the generated documents.
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
import { createProbeConnections } from './health/probe-connections.js'
import { createReadiness, readinessIntervals, type Readiness, type ReadinessIntervals } from './health/readiness.js'
import { createStoreMonitor, type StoreMonitor } from './health/store-health.js'
import { createDatabaseMonitor, type DatabaseMonitor } from './observability/database-monitor.js'
import { createSlowQueries, type SlowQueries } from './observability/slow-queries.js'
import { createKeptStoreState } from './store/kept-state.js'
import { createRefresher, type RefresherEvents } from './store/refresher.js'
import { createSources, type Sources } from './store/sources.js'

/** The limits of requests; pools and connection queues have their own limits. */
export type Limits = Pick<
  Config,
  | 'irtWideItems'
  | 'irtResponses'
  | 'pageBytes'
  | 'timeoutPageMs'
  | 'timeoutAggregateMs'
  | 'timeoutMaxMs'
  | 'streamTimeoutS'
  | 'streamMinRate'
  | 'aggregatesMinStudents'
  | 'aggregatesTz'
  | 'streamStallS'
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
    | 'streamsPerClient'
    | 'readLagS'
    | 'slowQueryMs'
    | 'contractTimeoutMs'
    | 'contractIntervalS'
    | 'anomaliesIntervalS'
    | 'storeRefresh'
    | 'storeRetentionH'
  >

/** The database of exam_results (the primary), that of the store if it is another one, and standbys of the primary. */
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
  readiness: Readiness
  storeMonitor: StoreMonitor
  databaseMonitor: DatabaseMonitor
  slowQueries: SlowQueries
  /** Opens the reserved connections and begins all background work: monitors, heartbeat, the refresher. */
  start(log: FastifyBaseLogger, refresherEvents: RefresherEvents): void
  /** Closes the connections of running requests, which then fail. */
  abortRunning(): Promise<void>
  /** Begins to stop heartbeat and refresher while requests still run; `stop` waits until they have ended. */
  stopBackgroundWork(): void
  /** Ends all background work and closes every connection. */
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

/** @param intervals of the probes; tests shorten them */
export function createServices(
  config: ServicesConfig,
  { primaryUrl, storeUrl = primaryUrl, standbyUrls = [] }: DatabaseUrls,
  intervals: Partial<ReadinessIntervals> = {},
): Services {
  const probeIntervals = { ...readinessIntervals, ...intervals }
  const databases = createDatabases(config, primaryUrl, storeUrl, standbyUrls)
  const streams = createStreams(config, primaryUrl, storeUrl, standbyUrls)
  const heartbeat = createHeartbeat(
    primaryUrl,
    storeUrl,
    (server) => databases.bytesReceived(server) + streams.bytesReceived(server),
  )
  const storeState = createKeptStoreState(storeUrl)
  const sources = createSources(config, databases, storeState, primaryUrl, standbyUrls, heartbeat.outage)
  const probeConnections = createProbeConnections(config, primaryUrl, probeIntervals.stateMs)
  const contract = createContractMonitor(config, probeConnections)
  const readiness = createReadiness(probeConnections, contract, heartbeat.outage, config, probeIntervals)
  const storeMonitor = createStoreMonitor(config, storeState, probeIntervals)
  const databaseMonitor = createDatabaseMonitor(config, storeState, primaryUrl, storeUrl)
  const slowQueries = createSlowQueries(config, primaryUrl, storeUrl, standbyUrls)
  let refresher: ReturnType<typeof createRefresher> | undefined
  let backgroundWork: Promise<unknown> | undefined

  const dropRequests = (server: ServerName) => {
    databases.dropConnections(server)
    if (server === databases.store.server) storeState.dropConnections()
  }
  const dropConnections = (server: ServerName) => {
    dropRequests(server)
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
    readiness,
    storeMonitor,
    databaseMonitor,
    slowQueries,
    start(log, events) {
      // the reserved connections first, before other work takes the last free connections of the server
      probeConnections.start()
      storeState.start()
      contract.start()
      readiness.start(log)
      storeMonitor.start()
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
        dropRequests(server)
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
        readiness.close(),
        probeConnections.close(),
        storeMonitor.close(),
        storeState.close(),
        databaseMonitor.close(),
        slowQueries.close(),
      ])
    },
  }
}
