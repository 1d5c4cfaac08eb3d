/** For every request: id, trace and measurements, its log line, and the headers that report them. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Metrics } from './metrics.js'
import { RequestMeter, type MeterListener } from './request-meter.js'
import type { SlowQueries } from './slow-queries.js'
import { traceOf, traceparent } from './trace-context.js'

/** Excludes @, so that the log contains no e-mail address. */
const wellFormed = /^[\w.:/+=-]{1,128}$/

/** `X-Request-Id` of the request where it is well-formed, else a new UUID. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && wellFormed.test(given) ? given : randomUUID()
}

/** The logger of a request: every line has its id, and its trace if there is one. */
export function childLogger(
  logger: FastifyBaseLogger,
  bindings: Record<string, unknown>,
  options: object,
  request: IncomingMessage,
): FastifyBaseLogger {
  const trace = traceOf(request)
  return logger.child(
    trace === undefined
      ? bindings
      : {
          ...bindings,
          trace_id: trace.traceId,
          span_id: trace.spanId,
          parent_span_id: trace.parentId,
          trace_flags: trace.flags,
        },
    options,
  )
}

/** The route template. Unknown paths share one label, because a client could create any number of them. */
const templateOf = ({ routeOptions }: FastifyRequest): string => routeOptions.url ?? 'unmatched'

const rounded = (ms: number) => Math.round(ms * 10) / 10

/** Server-Timing (W3C): milliseconds in total, in the database, and waiting for a connection. */
function serverTiming({ began, databaseMs, waitMs, rows }: RequestMeter): string {
  const durations = { total: performance.now() - began, db: databaseMs, wait: waitMs }
  const timings = Object.entries(durations).map(([name, ms]) => `${name};dur=${rounded(ms)}`)
  return [...timings, ...(rows === undefined ? [] : [`rows;desc="${rows}"`])].join(', ')
}

/** The message of the log line, such as `GET /v1/items 200 41 ms store 300 rows`; the fields have the details. */
function requestLine(method: string, route: string, status: number, ms: number, meter: RequestMeter): string {
  const { source, rows, code, cut } = meter
  return [
    `${method} ${route} ${status} ${ms < 10 ? rounded(ms) : Math.round(ms)} ms`,
    source === undefined ? '' : source.kind === 'store' ? 'store' : 'view',
    rows === undefined ? '' : `${rows} rows`,
    code ?? '',
    cut === undefined ? '' : `aborted: ${cut}`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** @param complete whether the whole answer was sent */
function ended(request: FastifyRequest, reply: FastifyReply, complete: boolean, metrics: Metrics): void {
  const { meter } = request
  if (meter.ended) return
  meter.ended = true
  const response: ServerResponse = reply.raw
  const ms = performance.now() - meter.began
  if (meter.stream !== undefined) {
    meter.rows = meter.stream.rows
    if (!complete) meter.cut ??= 'client_left'
  }
  // 499 as in nginx: the client disconnected before the answer began
  const status = complete || response.headersSent ? response.statusCode : 499
  const bytes = (request.raw.socket?.bytesWritten ?? 0) - meter.sentBefore
  const route = templateOf(request)
  const work = meter.stream !== undefined ? 'stream' : (request.routeOptions.config?.requestClass ?? 'page')
  metrics.ended({ method: request.method, route, status, work, ms, bytes, meter })
  const level = work === 'probe' && status < 400 ? 'debug' : 'info'
  if ((request.log as { isLevelEnabled?(level: string): boolean }).isLevelEnabled?.(level) === false) return
  const { source, format, rows, code, cut, firstByteMs } = meter
  request.log[level](
    {
      method: request.method,
      route,
      status,
      ms: rounded(ms),
      ...(source === undefined
        ? {}
        : {
            source: source.kind === 'store' ? 'store' : 'view',
            server: source.database.server,
            db_ms: rounded(meter.databaseMs),
            wait_ms: rounded(meter.waitMs),
          }),
      ...(format === undefined ? {} : { format }),
      ...(rows === undefined ? {} : { rows }),
      bytes,
      ...(firstByteMs === undefined ? {} : { first_byte_ms: rounded(firstByteMs) }),
      ...(cut === undefined ? {} : { cut }),
      ...(code === undefined ? {} : { code }),
    },
    requestLine(request.method, route, status, ms, meter),
  )
}

export const requests = fp<{ metrics: Metrics; slowQueries: SlowQueries }>(
  (app, { metrics, slowQueries }, done) => {
    const listener: MeterListener = {
      connectionWait: metrics.waited,
      statementEnd(from, statement, ms, rows, error, copied, { log }) {
        metrics.ran(from, ms, error, copied)
        if (!copied && slowQueries.statementEnd(log, from, statement, ms, rows, error)) metrics.slow(from)
      },
    }
    app.decorateRequest('meter', null as unknown as RequestMeter)
    app.addHook('onRoute', ({ url, config }) => {
      metrics.route(
        url,
        config?.requestClass === 'page' || config?.requestClass === 'aggregate' || config?.requestClass === 'stream',
      )
    })
    app.addHook('onRequest', (request, reply, next) => {
      const meter = (request.meter = new RequestMeter(listener, request))
      meter.sentBefore = request.raw.socket?.bytesWritten ?? 0
      const trace = traceOf(request.raw)
      reply.header('x-request-id', request.id)
      if (trace !== undefined) reply.header('traceresponse', traceparent(trace))
      // onResponse is not called for an aborted answer
      reply.raw.once('close', () => {
        ended(request, reply, reply.raw.writableFinished, metrics)
      })
      next()
    })
    app.addHook('onSend', (request, reply, payload, next) => {
      const { meter } = request
      if (meter.stream !== undefined) meter.firstByteMs = performance.now() - meter.began
      // for a stream, the timings until its first byte; the log line has the rest
      if (meter.source !== undefined) reply.header('server-timing', serverTiming(meter))
      next(null, payload)
    })
    app.addHook('onResponse', (request, reply, next) => {
      ended(request, reply, true, metrics)
      next()
    })
    done()
  },
  { name: 'requests' },
)
