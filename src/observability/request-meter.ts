/** What one request cost and gave: filled while it is answered, read by the log, the headers and the metrics. */
import type { FastifyRequest } from 'fastify'
import type { QueryMeter, QueryTarget } from '../database/query-meter.js'
import type { Statement } from '../database/statement.js'
import { ClientDisconnected } from '../database/deadline.js'
import { ApiError, databaseErrorCode, type ErrorCode } from '../errors.js'
import type { Format } from '../formats/media-types.js'
import type { AnswerSource } from '../store/sources.js'
import { sqlComment, traceOf, traceparent } from './trace-context.js'

/** Why a stream was not whole. */
export const cutReasons = ['client_left', 'timeout', 'shutdown', 'database', 'internal'] as const
export type CutReason = (typeof cutReasons)[number]

/** Is told of every statement, of whichever request. */
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
  /** Milliseconds that connections were waited for, and that statements ran; of a stream until its first bytes. */
  waitMs = 0
  databaseMs = 0
  /** Rows of the answer; undefined where it is none of rows. */
  rows: number | undefined
  source: Pick<AnswerSource, 'kind' | 'database' | 'standby'> | undefined
  format: Format | undefined
  /** Of the answer if it is a stream: milliseconds until its first byte, and why it was cut. */
  firstByteMs: number | undefined
  stream: { readonly rows: number } | undefined
  cut: CutReason | undefined
  /** Of the problem, if the answer is one. */
  code: ErrorCode | undefined
  ended = false
  /** Bytes that the connection had sent before. */
  sentBefore = 0
  #connectedAt = 0

  constructor(
    private readonly listener: MeterListener,
    private readonly request: Pick<FastifyRequest, 'id' | 'log' | 'raw'>,
  ) {}

  get log(): FastifyRequest['log'] {
    return this.request.log
  }

  /** Made when it is asked for: only a stream does. */
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

  /** A stream with its first bytes is the answer: its rows are counted, and its failure is told. */
  streams(stream: { readonly rows: number; once(event: 'error', listener: (error: Error) => void): unknown }): void {
    this.stream = stream
    // later on it is the reader that takes the time
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
