/** What measures the queries of one request. */
import { ApiError } from '../errors.js'
import { ClientDisconnected } from './deadline.js'
import type { ServerName } from './pool.js'
import type { Statement } from './statement.js'

/** Which server is read, the views or the store, and what measures the queries. */
export interface QueryTarget {
  readonly server: ServerName
  readonly store: boolean
  readonly meter?: QueryMeter | undefined
}

/** Measures what one request costs in the database; times in milliseconds. Neither throws nor waits. */
export interface QueryMeter {
  /** The request has a connection, or failed to get one. */
  connectionWait(target: QueryTarget, ms: number, error?: unknown): void
  /** A statement ended or failed. `copied`: it was streamed, so that its time includes the client's. */
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

/** Work that ended because its client left or the service stops has not failed, whatever error it ended with. */
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
