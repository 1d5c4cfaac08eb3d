/** Metrics of statements, connections, streams and standbys. */
import type { QueryTarget } from '../../database/query-meter.js'
import type { Databases } from '../../database/reader.js'
import type { Streams } from '../../database/streams.js'
import { ApiError, databaseErrorCode } from '../../errors.js'
import type { Sources } from '../../store/sources.js'
import type { DatabaseFigures } from '../database-monitor.js'
import { queryBuckets, type MetricFactory } from './registry.js'

export interface DatabaseMetrics {
  /** A request got a connection after `ms`, or failed to get one. */
  waited(target: QueryTarget, ms: number, error?: unknown): void
  /** A statement ended, or failed. @param copied by COPY, as a stream */
  ran(target: QueryTarget, ms: number, error: unknown, copied: boolean): void
  /** A statement took SLOW_QUERY_MS or longer. */
  slow(target: QueryTarget): void
  /** Sets the gauges. */
  update(figures: DatabaseFigures): void
}

const waitBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5]
/** Codes of database errors. Their counters start at 0, so that the first error is an increase. */
const errorCodes = ['timeout', 'database_unavailable', 'too_busy', 'not_migrated', 'internal_error']
/** SQLSTATE of an unknown time zone: an error of the client, not of the database. */
const invalidTimeZone = '22023'

const sourceOf = ({ store }: Pick<QueryTarget, 'store'>) => (store ? 'store' : 'view')

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code

export function createDatabaseMetrics(
  { counter, gauge, histogram }: MetricFactory,
  { databases, streams, sources }: { databases: Databases; streams: Streams; sources: Sources },
): DatabaseMetrics {
  const query = histogram(
    'attempt_database_query_duration_seconds',
    'Duration of the statements of requests, without the wait for a connection and without streams',
    queryBuckets,
    ['source', 'server'],
  )
  const queries = counter('attempt_database_queries_total', 'Statements of requests, and streams (kind copy)', [
    'source',
    'kind',
  ])
  const queryErrors = counter(
    'attempt_database_query_errors_total',
    'Statements that failed, and requests that got no connection. code: error code',
    ['source', 'code'],
  )
  const wait = histogram('attempt_pool_wait_seconds', 'Time that requests waited for a connection', waitBuckets, [
    'server',
  ])
  const slowQueries = counter('attempt_slow_queries_total', 'Statements that took SLOW_QUERY_MS or longer', ['source'])
  const connections = gauge('attempt_pool_connections', 'Connections. pool: requests or streams; state: busy or idle', [
    'pool',
    'server',
    'state',
  ])
  const waiting = gauge('attempt_pool_waiting', 'Requests that wait for a connection', ['pool', 'server'])
  const poolLimit = gauge('attempt_pool_limit', 'Maximum number of connections of the pool', ['pool', 'server'])
  const streamsRunning = gauge('attempt_streams_running', 'Streams and IRT readings that run')
  const streamsLimit = gauge('attempt_streams_limit', 'Maximum number of streams and IRT readings at a time')
  const up = gauge(
    'attempt_database_up',
    '1 if the database answered at the last scrape; its figures are then no older than that',
    ['server'],
  )
  const standbyUsable = gauge('attempt_standby_usable', '1 if requests read from the standby', ['server'])
  const standbyLag = gauge('attempt_standby_lag_seconds', 'Known lag of the standby behind the primary', ['server'])

  for (const source of ['view', 'store']) {
    for (const kind of ['rows', 'copy']) queries.inc({ source, kind }, 0)
    for (const code of errorCodes) queryErrors.inc({ source, code }, 0)
    slowQueries.inc({ source }, 0)
  }

  function failed(target: QueryTarget, error: unknown): void {
    if (hasCode(error, invalidTimeZone)) return
    const code = error instanceof ApiError ? error.code : (databaseErrorCode(error) ?? 'internal_error')
    queryErrors.inc({ source: sourceOf(target), code })
  }

  return {
    waited(target, ms, error) {
      wait.observe({ server: target.server }, ms / 1000)
      if (error === undefined) return
      queries.inc({ source: sourceOf(target), kind: 'rows' })
      failed(target, error)
    },
    ran(target, ms, error, copied) {
      const source = sourceOf(target)
      queries.inc({ source, kind: copied ? 'copy' : 'rows' })
      if (error !== undefined) failed(target, error)
      if (!copied) query.observe({ source, server: target.server }, ms / 1000)
    },
    slow(target) {
      slowQueries.inc({ source: sourceOf(target) })
    },
    update(figures) {
      const { running, limit, pools } = streams.usage()
      streamsRunning.set(running)
      streamsLimit.set(limit)
      for (const [pool, usages] of [
        ['requests', databases.pools()],
        ['streams', pools],
      ] as const) {
        for (const { server, limit: max, total, idle, waiting: queued } of usages) {
          connections.set({ pool, server, state: 'busy' }, total - idle)
          connections.set({ pool, server, state: 'idle' }, idle)
          waiting.set({ pool, server }, queued)
          poolLimit.set({ pool, server }, max)
        }
      }
      for (const { server, usable, asOf } of sources.standbys()) {
        standbyUsable.set({ server }, usable ? 1 : 0)
        if (asOf > 0) standbyLag.set({ server }, Math.max(0, Date.now() - asOf) / 1000)
      }
      for (const [server, responds] of figures.up) up.set({ server }, responds ? 1 : 0)
    },
  }
}
