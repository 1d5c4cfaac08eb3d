/**
 * Whole results as streams of bytes: from COPY through an encoder to whoever reads, in one snapshot. Long reads have
 * connections of their own and no queue, so that they starve nobody; what cannot be whole ends with an error.
 */
import { Readable } from 'node:stream'
import type pg from 'pg'
import type { Config } from '../config.js'
import { ApiError, notConnected } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { abandon } from './cancel.js'
import { copyRows, copyStatement, type RowSink } from './copy.js'
import { ClientDisconnected } from './deadline.js'
import {
  createPool,
  dropConnections,
  createPools,
  poolUsage,
  bytesReceived,
  type PoolUsage,
  type ServerName,
} from './pool.js'
import { readerOf, type QueryTarget, type Reader, type Statement } from './reader.js'

/** Reads of one snapshot, on one connection. */
export interface Snapshot extends Reader {
  /** Gives every row to `sink` in COPY's binary format. @returns how many */
  copy(statement: Statement, sink: RowSink): Promise<number>
}

/** What to send: the statements whose rows are the answer, one after another, how they are encoded, and headers. */
export interface StreamContent {
  headers?: Readonly<Record<string, string>>
  statements: AsyncGenerator<Statement, void, number>
  encoder: Encoder
}

/** The bytes of an answer. It ends when every row is in it and fails otherwise; `rows` is the count so far. */
export interface RowStream extends Readable {
  readonly rows: number
}

/** A stream with its first bytes, and the headers that its content came with. */
export interface OpenStream {
  headers: Readonly<Record<string, string>>
  rows: RowStream
}

export interface Streams {
  /**
   * Starts a stream and waits for its first bytes, so that a failure until then can still be reported by a status.
   * @param prepare called inside the snapshot; `stopped` aborts when the answer is no longer needed
   * @param left aborts when the reader is gone
   * @param from the database of the answer's source
   * @throws ApiError too_many_streams, timeout; what the database reports
   */
  open(
    prepare: (snapshot: Snapshot, stopped: AbortSignal) => StreamContent | Promise<StreamContent>,
    left: AbortSignal,
    from: QueryTarget,
  ): Promise<OpenStream>
  /** A long read that sends nothing by itself. Throws as `open`. */
  read<T>(
    action: (snapshot: Snapshot, stopped: AbortSignal) => Promise<T>,
    left: AbortSignal,
    from: QueryTarget,
  ): Promise<T>
  /** How many run of those that may, and the connections. */
  usage(): { running: number; limit: number; pools: PoolUsage[] }
  /** For a server that is silent: ends what waits for it. */
  dropConnections(server: ServerName): void
  /** Grows with what it sends. */
  bytesReceived(server: ServerName): number
  /** Cuts what still runs and closes the connections. */
  close(): Promise<void>
}

/** Rows of a slow query are not held back for a full batch longer than this. */
const holdMs = 250
/** What may wait for a reader that is slower than the database. */
const highWaterMark = 65_536

type Settings = Pick<Config, 'streamPoolSize' | 'streamTimeoutS'>

class CopyStream extends Readable implements RowStream {
  rows = 0
  /** Ends the work for a reader that is gone. */
  stop: () => void = () => undefined
  #resume: (() => void) | undefined

  constructor() {
    super({ highWaterMark })
    // whoever reads has a listener of their own; before anybody does, `open` rejects
    this.on('error', () => undefined)
  }

  /** Hands out bytes; the promise settles when the reader wants more. */
  give(bytes: Uint8Array): Promise<void> | undefined {
    if (this.push(bytes) || this.destroyed) return undefined
    return new Promise((resume) => {
      this.#resume = resume
    })
  }

  override _read(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stop()
    this._read()
    done(error)
  }
}

/** A connection of the pool, waited for until `job` is aborted; how long that was is told. */
async function connect(pool: pg.Pool, from: QueryTarget, job: AbortSignal): Promise<pg.PoolClient> {
  const began = performance.now()
  try {
    job.throwIfAborted()
    const client = await new Promise<pg.PoolClient>((done, fail) => {
      const leave = () => {
        fail(job.reason as Error)
      }
      job.addEventListener('abort', leave)
      void pool
        .connect()
        .catch(notConnected)
        .then((client) => {
          // one that comes too late is for others
          if (job.aborted) client.release()
          else done(client)
        })
        .catch(fail)
        .finally(() => {
          job.removeEventListener('abort', leave)
        })
    })
    from.meter?.connectionWait(from, performance.now() - began)
    return client
  } catch (error) {
    // the database did not work on it: the same request may well succeed later
    const late = error instanceof ApiError && error.code === 'timeout'
    const told = late
      ? new ApiError('too_busy', 'No database connection became free in time; try again', undefined, 1)
      : error
    // a reader that left has not failed
    from.meter?.connectionWait(from, performance.now() - began, job.aborted && !late ? undefined : told)
    throw told
  }
}

export function createStreams(
  config: Settings,
  url: string,
  storeUrl = url,
  standbyUrls: readonly string[] = [],
): Streams {
  const pools = createPools(url, storeUrl, standbyUrls, (where, connectMs) =>
    createPool({ statementTimeoutMs: config.streamTimeoutS * 1000 }, where, {
      max: config.streamPoolSize,
      name: 'attempt-api stream',
      connectMs,
    }),
  )
  const running = new Set<AbortController>()
  let [busy, closing] = [0, false]

  /** Holds a connection and a snapshot for `work`. Whatever aborts `job` ends the work on the server as well. */
  async function run<T>(
    from: QueryTarget,
    left: AbortSignal,
    work: (client: pg.PoolClient, job: AbortController) => Promise<T>,
  ): Promise<T> {
    if (closing) throw new ApiError('shutting_down', 'The service is shutting down; try again')
    if (busy >= config.streamPoolSize)
      throw new ApiError(
        'too_many_streams',
        `${config.streamPoolSize} streams are running, which is the limit; try again when one has ended`,
      )
    busy++
    const job = new AbortController()
    const leave = () => {
      job.abort(left.reason)
    }
    left.addEventListener('abort', leave)
    if (left.aborted) leave()
    const deadline = setTimeout(() => {
      job.abort(
        new ApiError(
          'timeout',
          `It took longer than the ${config.streamTimeoutS} s that a stream may take; ask for less`,
        ),
      )
    }, config.streamTimeoutS * 1000)
    running.add(job)
    try {
      const client = await connect(pools.get(from.server) as pg.Pool, from, job.signal)
      // nothing runs on the connection any more
      let settled = false
      job.signal.addEventListener('abort', () => {
        if (!settled) abandon(client)
      })
      try {
        job.signal.throwIfAborted()
        await client.query('begin isolation level repeatable read read only')
        const result = await work(client, job)
        await client.query('commit')
        settled = true
        return result
      } catch (error) {
        await client.query('rollback').then(
          () => {
            settled = true
          },
          () => undefined,
        )
        throw job.signal.aborted ? job.signal.reason : error
      } finally {
        client.release(!settled)
      }
    } finally {
      clearTimeout(deadline)
      left.removeEventListener('abort', leave)
      running.delete(job)
      busy--
    }
  }

  /** Work that was ended for its reader or a shutdown has not failed; what it says then is only how it ended. */
  function told(from: QueryTarget, { signal }: AbortController): QueryTarget {
    const { meter } = from
    if (meter === undefined) return from
    const why = (error: unknown) =>
      error === undefined || !signal.aborted
        ? error
        : signal.reason instanceof ClientDisconnected ||
            (signal.reason instanceof ApiError && signal.reason.code === 'shutting_down')
          ? undefined
          : (signal.reason as unknown)
    return {
      ...from,
      meter: {
        get comment() {
          return meter.comment
        },
        connectionWait: (of, ms, error) => {
          meter.connectionWait(of, ms, error)
        },
        statementEnd: (of, statement, ms, rows, error, copied) => {
          meter.statementEnd(of, statement, ms, rows, why(error), copied)
        },
      },
    }
  }

  const snapshotOf = (client: pg.PoolClient, from: QueryTarget): Snapshot => ({
    ...readerOf(client, from),
    async copy(statement, sink) {
      const began = performance.now()
      try {
        // pages are prepared under a name, and a comment would make each a statement of its own; a stream is sent as text anyway
        const rows = await copyRows(client, copyStatement(statement) + (from.meter?.comment ?? ''), sink)
        from.meter?.statementEnd(from, statement, performance.now() - began, rows, undefined, true)
        return rows
      } catch (error) {
        from.meter?.statementEnd(from, statement, performance.now() - began, 0, error, true)
        throw error
      }
    },
  })

  return {
    read: (action, left, from) =>
      run(from, left, (client, job) => action(snapshotOf(client, told(from, job)), job.signal)),
    open: (prepare, left, from) =>
      new Promise((resolve, reject) => {
        const stream = new CopyStream()
        let [started, last] = [false, 0]
        const start = ({ encoder, headers = {} }: StreamContent) => {
          if (!started) stream.push(encoder.begin())
          started = true
          resolve({ headers, rows: stream })
        }
        run(from, left, async (client, job) => {
          stream.stop = () => {
            job.abort(new ClientDisconnected())
          }
          job.signal.addEventListener('abort', () => {
            stream.destroy(job.signal.reason as Error)
          })
          const snapshot = snapshotOf(client, told(from, job))
          const content = await prepare(snapshot, job.signal)
          const { statements, encoder } = content
          const pause = (): Promise<void> | undefined => {
            const now = performance.now()
            // the first rows at once; a format that collects rows is not made to write one by one
            const bytes = encoder.take(now - last > holdMs)
            if (bytes === undefined) return undefined
            last = now
            start(content)
            return stream.give(bytes)
          }
          const sink: RowSink = {
            row: (bytes, at) => {
              encoder.row(bytes, at)
            },
            pause,
          }
          for (let step = await statements.next(); step.done !== true;) {
            const rows = await snapshot.copy(step.value, sink)
            stream.rows += rows
            step = await statements.next(rows)
          }
          return content
        })
          .then((content) => {
            const { encoder } = content
            // every row is here, and the connection is somebody else's
            stream.stop = () => undefined
            start(content)
            const rest = encoder.take(true)
            if (rest !== undefined) stream.push(rest)
            stream.push(encoder.end())
            stream.rows = encoder.rows ?? stream.rows
            stream.push(null)
          })
          .catch((error: unknown) => {
            reject(error as Error)
            stream.destroy(error as Error)
          })
      }),
    usage: () => ({ running: busy, limit: config.streamPoolSize, pools: poolUsage(pools) }),
    dropConnections: (server) => {
      dropConnections(pools.get(server))
    },
    bytesReceived: (server) => bytesReceived(pools.get(server)),
    async close() {
      closing = true
      for (const job of running) job.abort(new ApiError('shutting_down', 'The service is shutting down; try again'))
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}
