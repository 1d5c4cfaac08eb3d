/**
 * What is measured, and how it is called. One registry an app; the process's own figures are shared by all of them.
 * Every label is bounded: routes by their template, codes by src/errors.ts, servers by the configuration.
 */
import { performance } from 'node:perf_hooks'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Config } from '../config.js'
import { contractVersion } from '../contract/columns.js'
import type { QueryTarget } from '../database/query-meter.js'
import type { Databases } from '../database/reader.js'
import type { Streams } from '../database/streams.js'
import type { ContractMonitor } from '../health/contract-monitor.js'
import type { Sources } from '../store/sources.js'
import type { DatabaseMonitor } from './database-monitor.js'
import { ApiError, databaseErrorCode } from '../errors.js'
import { reasons } from '../queries/anomalies.js'
import { cutReasons, type RequestMeter } from './request-meter.js'
import type { RefresherEvents } from '../store/refresher.js'
import { lagOf } from '../store/state.js'

/** What a scrape asks. */
export interface MeasuredServices {
  databases: Databases
  streams: Streams
  sources: Sources
  contract: ContractMonitor
  databaseMonitor: DatabaseMonitor
  limits: Pick<Config, 'storeLagS'>
}

/** Of one request, when it is over. */
export interface Ended {
  method: string
  route: string
  status: number
  work: string
  ms: number
  bytes: number
  meter: RequestMeter
}

export interface Metrics {
  /** A route that may be asked: its failures are counted from 0, or the first one would show no increase. */
  route(template: string, streams: boolean): void
  ended(request: Ended): void
  waited(from: QueryTarget, ms: number, error?: unknown): void
  ran(from: QueryTarget, ms: number, error: unknown, copied: boolean): void
  slow(from: QueryTarget): void
  /** For the refresher of this process. */
  refresher: RefresherEvents
  /** The text for Prometheus, and its media type. */
  scrape(): Promise<string>
  readonly contentType: string
}

/** Seconds: 0.25 and 0.5 for the alarm on the view's latency, up to the hour that a stream may take. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600]
const queryBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const waitBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5]

const methods = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
const contractStatuses = ['pass', 'fail', 'error', 'unknown'] as const
const storeStates = ['emptying', 'filling', 'catching_up', 'ready'] as const
const sourceName = ({ store }: Pick<QueryTarget, 'store'>) => (store ? 'store' : 'view')

let ofProcess: Registry | undefined

/** Memory, CPU, event loop and garbage collection. Once a process: each collection has observers that nothing removes. */
function processRegistry(): Registry {
  if (ofProcess !== undefined) return ofProcess
  ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess })
  const seconds = new Counter({
    name: 'attempt_event_loop_seconds_total',
    help: 'Seconds that the event loop worked (active) or waited (idle)',
    labelNames: ['state'],
    registers: [ofProcess],
    collect() {
      const { active, idle } = performance.eventLoopUtilization()
      this.reset()
      this.inc({ state: 'active' }, active / 1000)
      this.inc({ state: 'idle' }, idle / 1000)
    },
  })
  void seconds
  return ofProcess
}

/** @param version of the service */
export function createMetrics(
  { databases, streams, contract, databaseMonitor, sources, limits }: MeasuredServices,
  version: string,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  for (const metric of processRegistry().getMetricsAsArray()) registry.registerMetric(metric as unknown as Gauge)

  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[] = []) =>
    new Histogram({ name, help, labelNames, buckets, registers })

  gauge('attempt_build_info', '1; the versions that run', ['version', 'node', 'contract']).set(
    { version, node: process.version, contract: contractVersion },
    1,
  )

  const requests = counter(
    'attempt_http_requests_total',
    'Requests that ended. code: of the problem, empty where there is none; status 499: the client left before the answer',
    ['method', 'route', 'status', 'code'],
  )
  const duration = histogram(
    'attempt_http_request_duration_seconds',
    'From the request to the last byte of its answer. work: probe, page, aggregate or stream',
    requestBuckets,
    ['route', 'status_class', 'work'],
  )
  const failures = counter(
    'attempt_http_failures_total',
    'Answers with a status of 500 and above, from 0 for every route',
    ['route'],
  )
  const firstByte = histogram(
    'attempt_stream_first_byte_seconds',
    'From the request to the first byte of a stream',
    requestBuckets,
    ['route', 'format'],
  )
  const cut = counter('attempt_streams_cut_total', 'Streams that were not whole, from 0 for every route that streams', [
    'route',
    'reason',
  ])
  const rowsSent = counter('attempt_rows_sent_total', 'Rows in answers, those of streams when they end', [
    'route',
    'format',
  ])
  const bytesSent = counter(
    'attempt_bytes_sent_total',
    'Bytes of answers on the connection: compressed, with headers',
    ['route', 'format'],
  )
  const answers = counter('attempt_answers_total', 'Answers by what they were read from; source: view or store', [
    'source',
    'server',
  ])

  const query = histogram(
    'attempt_database_query_duration_seconds',
    'Statements of requests, without the wait for a connection and without streams',
    queryBuckets,
    ['source', 'server'],
  )
  const queries = counter('attempt_database_queries_total', 'Statements of requests, and streams (kind copy)', [
    'source',
    'kind',
  ])
  const queryErrors = counter(
    'attempt_database_query_errors_total',
    'Statements that failed, and connections that were not to be had; code: of src/errors.ts',
    ['source', 'code'],
  )
  const wait = histogram('attempt_pool_wait_seconds', 'Wait of requests for a connection', waitBuckets, ['server'])
  const slowQueries = counter('attempt_slow_queries_total', 'Statements that took SLOW_QUERY_MS or longer', ['source'])
  const connections = gauge('attempt_pool_connections', 'Connections; pool: requests or streams, state: busy or idle', [
    'pool',
    'server',
    'state',
  ])
  const waiting = gauge('attempt_pool_waiting', 'Requests that wait for a connection', ['pool', 'server'])
  const poolLimit = gauge('attempt_pool_limit', 'The most connections of the pool', ['pool', 'server'])
  const streamsRunning = gauge('attempt_streams_running', 'Streams, and IRT readings, that run')
  const streamsLimit = gauge('attempt_streams_limit', 'Streams that may run at a time')
  const up = gauge(
    'attempt_database_up',
    'Whether the database answered when it was asked last; what is known of it is then no older than a scrape',
    ['server'],
  )
  const standbyUp = gauge('attempt_standby_usable', 'Whether the standby is read', ['server'])
  const standbyLag = gauge('attempt_standby_lag_seconds', 'How far the standby is known to be behind', ['server'])

  const storePresent = gauge('attempt_store_enabled', '1: there is a store that this service may read')
  const storeState = gauge('attempt_store_state', '1 for the state that the store is in', ['state'])
  const storeLag = gauge('attempt_store_lag_seconds', 'How far the store is behind; none while it is not whole')
  const storeLagLimit = gauge(
    'attempt_store_lag_limit_seconds',
    'STORE_LAG_S: further behind, answers come through the view',
  )
  const storeVersion = gauge('attempt_store_version', 'Version of the last refresh that changed a row')
  const differences = counter(
    'attempt_store_differences_total',
    'Rows, and days of topic KPIs, that verification found different and repaired, ever; the same from every replica',
  )
  const queueRows = gauge('attempt_store_queue_rows', 'Rows of the queue, counted up to 10000')
  const queueOldest = gauge('attempt_store_queue_oldest_seconds', 'For how long the oldest of them has waited')
  const staleDays = gauge(
    'attempt_store_stale_days',
    'UTC days whose topic KPIs are read from the rows until they are computed anew',
  )
  const present = gauge(
    'attempt_store_refresher_present',
    'Whether any process keeps the store in step, as the database knows it',
  )
  const active = gauge('attempt_store_refresher_active', 'Whether this process is the one that keeps the store in step')
  const batches = counter('attempt_store_batches_total', 'Batches that this process refreshed')
  const batchSeconds = histogram('attempt_store_batch_duration_seconds', 'How long a batch took', queryBuckets)
  const storeRows = counter('attempt_store_rows_total', 'Rows of the store that this process wrote or deleted', [
    'change',
  ])
  const takenIn = counter('attempt_store_exams_total', 'Written exams that this process took into the store')
  const verified = counter(
    'attempt_store_samples_total',
    'Samples of students that this process compared with the view',
  )

  const contractStatus = gauge('attempt_contract_status', '1 for the result of the last contract check', ['status'])
  const contractAt = gauge('attempt_contract_checked_timestamp_seconds', 'When the contract was checked last')
  const contractSeconds = gauge('attempt_contract_check_seconds', 'How long the last contract check took')
  const anomalies = gauge('attempt_anomalies', 'Rows of attempt_anomaly among the exams of attempt_anomaly_exams', [
    'reason',
  ])
  const anomalyExams = gauge(
    'attempt_anomaly_exams',
    'Exams in which anomalies were counted: the newest of the last day, at most 2000',
  )
  const anomaliesAt = gauge('attempt_anomalies_counted_timestamp_seconds', 'When anomalies were counted last')

  active.set(0)
  for (const change of ['written', 'deleted']) storeRows.inc({ change }, 0)
  for (const source of ['view', 'store']) {
    for (const kind of ['rows', 'copy']) queries.inc({ source, kind }, 0)
    for (const code of ['timeout', 'database_unavailable', 'too_busy', 'not_migrated', 'internal_error'])
      queryErrors.inc({ source, code }, 0)
    slowQueries.inc({ source }, 0)
  }

  function failed(from: QueryTarget, error: unknown): void {
    // a time zone that is none: what the client asked, not what the database did
    if ((error as { code?: unknown }).code === '22023') return
    queryErrors.inc({
      source: sourceName(from),
      code: error instanceof ApiError ? error.code : (databaseErrorCode(error) ?? 'internal_error'),
    })
  }

  /** Pools and streams are read when they are asked for. */
  function readPools(): void {
    const { running, limit, pools } = streams.usage()
    streamsRunning.set(running)
    streamsLimit.set(limit)
    for (const [pool, uses] of [
      ['requests', databases.pools()],
      ['streams', pools],
    ] as const) {
      for (const { server, limit: most, total, idle, waiting: queued } of uses) {
        connections.set({ pool, server, state: 'busy' }, total - idle)
        connections.set({ pool, server, state: 'idle' }, idle)
        waiting.set({ pool, server }, queued)
        poolLimit.set({ pool, server }, most)
      }
    }
    for (const { server, usable, asOf } of sources.standbys()) {
      standbyUp.set({ server }, usable ? 1 : 0)
      if (asOf > 0) standbyLag.set({ server }, Math.max(0, Date.now() - asOf) / 1000)
    }
  }

  function readContract(): void {
    const last = contract.last()
    for (const status of contractStatuses)
      contractStatus.set({ status }, (last?.report.status ?? 'unknown') === status ? 1 : 0)
    if (last === undefined) return
    contractAt.set(last.at.getTime() / 1000)
    contractSeconds.set(last.ms / 1000)
  }

  async function readDatabase(): Promise<void> {
    const { up: answered, store, queue, staleDays: stale, refresher, anomalies: found } = await databaseMonitor.look()
    for (const [server, answers] of answered) up.set({ server }, answers ? 1 : 0)
    const state = store?.state
    if (store !== undefined) storePresent.set(state === undefined ? 0 : 1)
    storeLagLimit.set(limits.storeLagS)
    if (store !== undefined && state !== undefined) {
      for (const name of storeStates) storeState.set({ state: name }, state.state === name ? 1 : 0)
      const lag = lagOf(store)
      if (state.state === 'ready' && Number.isFinite(lag)) storeLag.set(lag)
      storeVersion.set(Number(state.version))
      differences.reset()
      differences.inc(Number(state.differences))
    }
    if (refresher !== undefined) present.set(refresher ? 1 : 0)
    if (queue !== undefined) {
      queueRows.set(queue.rows)
      queueOldest.set(queue.oldestS ?? 0)
    }
    if (stale !== undefined) staleDays.set(stale)
    if (found !== undefined) {
      for (const reason of reasons) anomalies.set({ reason }, found.byReason.get(reason) ?? 0)
      anomalyExams.set(found.exams)
      anomaliesAt.set(found.at / 1000)
    }
  }

  return {
    contentType: registry.contentType,
    route(template, streams) {
      failures.inc({ route: template }, 0)
      if (streams) for (const reason of cutReasons) cut.inc({ route: template, reason }, 0)
    },
    ended({ method, route, status, work, ms, bytes, meter }) {
      const code = meter.code ?? ''
      requests.inc({ method: methods.has(method) ? method : 'OTHER', route, status: String(status), code })
      duration.observe({ route, status_class: `${Math.floor(status / 100)}xx`, work }, ms / 1000)
      if (status >= 500) failures.inc({ route })
      const { source, format, stream, firstByteMs } = meter
      if (stream !== undefined) {
        if (firstByteMs !== undefined) firstByte.observe({ route, format: format ?? '' }, firstByteMs / 1000)
        if (meter.cut !== undefined) cut.inc({ route, reason: meter.cut })
      }
      if (source === undefined || status >= 400) return
      answers.inc({ source: sourceName({ store: source.kind === 'store' }), server: source.database.server })
      if (format === undefined) return
      if (meter.rows !== undefined) rowsSent.inc({ route, format }, meter.rows)
      if (bytes > 0) bytesSent.inc({ route, format }, bytes)
    },
    waited(from, ms, error) {
      wait.observe({ server: from.server }, ms / 1000)
      if (error === undefined) return
      queries.inc({ source: sourceName(from), kind: 'rows' })
      failed(from, error)
    },
    ran(from, ms, error, copied) {
      const source = sourceName(from)
      queries.inc({ source, kind: copied ? 'copy' : 'rows' })
      if (error !== undefined) failed(from, error)
      if (!copied) query.observe({ source, server: from.server }, ms / 1000)
    },
    slow(from) {
      slowQueries.inc({ source: sourceName(from) })
    },
    refresher: {
      leads(does) {
        active.set(does ? 1 : 0)
      },
      refreshed({ exams, students, written, deleted }, ms) {
        if (students === 0) return
        batches.inc()
        batchSeconds.observe(ms / 1000)
        storeRows.inc({ change: 'written' }, written)
        storeRows.inc({ change: 'deleted' }, deleted)
        takenIn.inc(exams)
      },
      sampled() {
        verified.inc()
      },
    },
    async scrape() {
      // what is not known is not told: a gauge without labels would say 0
      for (const metric of [
        storePresent,
        storeLag,
        storeVersion,
        queueRows,
        queueOldest,
        staleDays,
        present,
        contractAt,
        contractSeconds,
        anomalyExams,
        anomaliesAt,
      ])
        metric.remove()
      storeState.reset()
      readPools()
      readContract()
      await readDatabase()
      return registry.metrics()
    },
  }
}
