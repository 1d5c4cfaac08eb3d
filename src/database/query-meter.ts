/** The interface that measures the queries of one request. */
import { ApiError } from '../errors.js'
import { ClientDisconnected } from './deadline.js'
import type { ServerName } from './pool.js'
import type { Statement } from './statement.js'

/** Where a query runs (the server; the store or the views) and the meter that measures it. */
export interface QueryTarget {
  readonly server: ServerName
  readonly store: boolean
  readonly meter?: QueryMeter | undefined
}

/** Measures the database work of one request; times in milliseconds. Its methods never throw and never wait. */
export interface QueryMeter {
  /** The request got a connection after `ms`, or failed to get one. */
  connectionWait(target: QueryTarget, ms: number, error?: unknown): void
  /** A statement ended or failed. `copied`: it was streamed, so its time includes that of the client. */
  statementEnd(
    target: QueryTarget,
    statement: Statement,
    ms: number,
    rows: number,
    error?: unknown,
    copied?: boolean,
  ): void
  /** A comment in SQL that identifies the request in the server's views; may be empty. */
  readonly comment: string
}

/** Reports work as not failed if it ended because the client disconnected or the service is shutting down. */
export function withoutAborts(target: QueryTarget, { signal }: AbortController): QueryTarget {
  const { meter } = target
  if (meter === undefined) return target
  const failureOf = (error: unknown): unknown => {
    if (error === undefined || !signal.aborted) return error
    const reason: unknown = signal.reason
    return reason instanceof ClientDisconnected || (reason instanceof ApiError && reason.code === 'shutting_down')
      ? undefined
      : reason
  }
  return {
    ...target,
    meter: {
      get comment() {
        return meter.comment
      },
      connectionWait: (of, ms, error) => {
        meter.connectionWait(of, ms, error)
      },
      statementEnd: (of, statement, ms, rows, error, copied) => {
        meter.statementEnd(of, statement, ms, rows, failureOf(error), copied)
      },
    },
  }
}
