/** The measurements of one request, for the log, the headers and the metrics. */
import type { FastifyRequest } from 'fastify'
import type { QueryMeter, QueryTarget } from '../database/query-meter.js'
import type { Statement } from '../database/statement.js'
import { ClientDisconnected } from '../database/deadline.js'
import { ApiError, databaseErrorCode, type ErrorCode } from '../errors.js'
import type { Format } from '../formats/media-types.js'
import type { AnswerSource } from '../store/sources.js'
import { sqlComment, traceOf, traceparent } from './trace-context.js'

/** Why a stream was aborted. */
export const cutReasons = ['client_left', 'slow_client', 'timeout', 'shutdown', 'database', 'internal'] as const
export type CutReason = (typeof cutReasons)[number]

/** Called for every statement of every request. */
export interface MeterListener {
  connectionWait(from: QueryTarget, ms: number, error?: unknown): void
  statementEnd(
    from: QueryTarget,
    statement: Statement,
    ms: number,
    rows: number,
    error: unknown,
    copied: boolean,
    meter: RequestMeter,
  ): void
}

export class RequestMeter implements QueryMeter {
  readonly began = performance.now()
  /**
   * Milliseconds waiting for connections, and milliseconds running statements (for a stream: until its first bytes).
   */
  waitMs = 0
  databaseMs = 0
  /** Rows of the answer; undefined for an answer without rows. */
  rows: number | undefined
  source: Pick<AnswerSource, 'kind' | 'database' | 'standby'> | undefined
  format: Format | undefined
  /** For a stream: milliseconds until its first byte, its row count, and why it was aborted. */
  firstByteMs: number | undefined
  stream: { readonly rows: number } | undefined
  cut: CutReason | undefined
  /** The error code, if the answer is a problem document. */
  code: ErrorCode | undefined
  ended = false
  /** Bytes that the connection had sent before this request. */
  sentBefore = 0
  #connectedAt = 0

  constructor(
    private readonly listener: MeterListener,
    private readonly request: Pick<FastifyRequest, 'id' | 'log' | 'raw'>,
  ) {}

  get log(): FastifyRequest['log'] {
    return this.request.log
  }

  /** Built on demand: only streams have a comment. */
  get comment(): string {
    const trace = traceOf(this.request.raw)
    return sqlComment({
      request_id: this.request.id,
      traceparent: trace && traceparent(trace),
      tracestate: trace?.state,
    })
  }

  connectionWait(from: QueryTarget, ms: number, error?: unknown): void {
    this.waitMs += ms
    this.#connectedAt = performance.now()
    this.listener.connectionWait(from, ms, error)
  }

  statementEnd(
    from: QueryTarget,
    statement: Statement,
    ms: number,
    rows: number,
    error?: unknown,
    copied = false,
  ): void {
    if (!copied) this.databaseMs += ms
    this.listener.statementEnd(from, statement, ms, rows, error, copied, this)
  }

  /** Records that the answer is a stream whose first bytes are available: its rows and its failure are measured. */
  streams(stream: { readonly rows: number; once(event: 'error', listener: (error: Error) => void): unknown }): void {
    this.stream = stream
    // after the first bytes the time depends on the client
    this.databaseMs = performance.now() - this.#connectedAt
    stream.once('error', (error) => {
      this.cut ??= cutReason(error)
    })
  }
}

function cutReason(error: Error): CutReason {
  if (error instanceof ClientDisconnected) return 'client_left'
  if (error instanceof ApiError)
    return error.code === 'timeout' ? 'timeout' : error.code === 'shutting_down' ? 'shutdown' : 'internal'
  const code = databaseErrorCode(error)
  return code === undefined ? 'internal' : code === 'timeout' ? 'timeout' : 'database'
}

declare module 'fastify' {
  interface FastifyRequest {
    meter: RequestMeter
  }
}
