/** Metrics of requests and streams, by route template. */
import { cutReasons, type RequestMeter } from '../request-meter.js'
import type { MetricFactory } from './registry.js'

/** One request, when it has ended. */
export interface EndedRequest {
  method: string
  route: string
  status: number
  work: string
  ms: number
  bytes: number
  meter: RequestMeter
}

export interface HttpMetrics {
  /** Declares a route: its failure counters start at 0, so that the first failure is an increase. */
  route(template: string, streams: boolean): void
  ended(request: EndedRequest): void
}

/** Seconds: 0.25 and 0.5 for the alert on the latency of the view, up to the hour that a stream may take. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600]

/** A client can send any other method: they share one label. */
const methods = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])

export function createHttpMetrics({ counter, histogram }: MetricFactory): HttpMetrics {
  const requests = counter(
    'attempt_http_requests_total',
    'Requests that ended. code: error code or empty; status 499: the client disconnected before the answer',
    ['method', 'route', 'status', 'code'],
  )
  const duration = histogram(
    'attempt_http_request_duration_seconds',
    'Time from the request to the last byte of its answer. work: probe, page, aggregate or stream',
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
    'Time from the request to the first byte of a stream',
    requestBuckets,
    ['route', 'format'],
  )
  const cut = counter('attempt_streams_cut_total', 'Streams that were aborted, from 0 for every route that streams', [
    'route',
    'reason',
  ])
  const rowsSent = counter('attempt_rows_sent_total', 'Rows in answers; those of a stream are added when it ends', [
    'route',
    'format',
  ])
  const bytesSent = counter(
    'attempt_bytes_sent_total',
    'Bytes of answers on the connection: compressed, with headers',
    ['route', 'format'],
  )
  const answers = counter('attempt_answers_total', 'Answers by their source (view or store) and server', [
    'source',
    'server',
  ])

  return {
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
      answers.inc({ source: source.kind === 'store' ? 'store' : 'view', server: source.database.server })
      if (format === undefined) return
      if (meter.rows !== undefined) rowsSent.inc({ route, format }, meter.rows)
      if (bytes > 0) bytesSent.inc({ route, format }, bytes)
    },
  }
}
