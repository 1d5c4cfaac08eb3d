/**
 * Streams whole results to the client, from COPY through an encoder, in one snapshot. Long reads have their own
 * connections and no queue, so that they do not delay pages. An incomplete result always ends with an error.
 */
import type pg from 'pg'
import type { Config } from '../config.js'
import { ApiError, notConnected } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { abandon } from './cancel.js'
import { CopyStream, type RowStream } from './copy-stream.js'
import { copyRows, type RowSink } from './copy.js'
import { ClientDisconnected } from './deadline.js'
import { withLocations } from './locations.js'
import {
  bytesReceived,
  createPool,
  createPools,
  dropConnections,
  endPool,
  poolUsage,
  type PoolUsage,
  type ServerName,
} from './pool.js'
import { withoutAborts, type QueryTarget } from './query-meter.js'
import { meteredReader, type Reader } from './reader.js'
import { copyText, type Statement } from './statement.js'

/** Reads of one snapshot, on one connection. */
export interface Snapshot extends Reader {
  /**
   * Passes every row to `sink` in COPY's binary format.
   * @returns the number of rows
   */
  copy(statement: Statement, sink: RowSink): Promise<number>
}

/** The content of a stream: headers, the statements that give the rows one after another, and the encoder. */
export interface StreamContent {
  headers?: Readonly<Record<string, string>>
  statements: AsyncGenerator<Statement, void, number>
  encoder: Encoder
}

/** A stream whose first bytes are available, and the headers of its content. */
export interface OpenStream {
  headers: Readonly<Record<string, string>>
  rows: RowStream
}

export interface Streams {
  /**
   * Starts a stream and waits for its first bytes, so that an earlier failure can be answered with a status.
   * @param prepare called inside the snapshot; `stopped` aborts when the answer is no longer needed
   * @param disconnected aborts when the client disconnects
   * @param from the database of the answer's source
   * @param client whom the stream counts for
   * @throws ApiError too_many_streams, too_many_client_streams, timeout; the error of the database
   */
  open(
    prepare: (snapshot: Snapshot, stopped: AbortSignal) => StreamContent | Promise<StreamContent>,
    disconnected: AbortSignal,
    from: QueryTarget,
    client: string,
  ): Promise<OpenStream>
  /** Runs a long read whose result is not streamed. Throws the same errors as `open`. */
  read<T>(
    action: (snapshot: Snapshot, stopped: AbortSignal) => Promise<T>,
    disconnected: AbortSignal,
    from: QueryTarget,
    client: string,
  ): Promise<T>
  /** The number of running streams, their limit, and the connections. */
  usage(): { running: number; limit: number; pools: PoolUsage[] }
  /** For a server that stopped responding: closes its connections, so that streams waiting for them fail. */
  dropConnections(server: ServerName): void
  /** Bytes received from the server on open connections. */
  bytesReceived(server: ServerName): number
  /** Aborts running streams and closes the connections. */
  close(): Promise<void>
}

/** Seconds until a client at its limit may retry. */
const retryAfterS = 5

/** An encoder that collects rows in batches sends an incomplete batch after this time; milliseconds. */
const holdMs = 250

type Settings = Pick<Config, 'streamPoolSize' | 'streamsPerClient' | 'streamTimeoutS'>

const shuttingDown = () => new ApiError('shutting_down', 'The service is shutting down. Retry.')

/** An abort reason as an error. */
const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))

/** Waits for a connection of the pool until `job` is aborted, and reports the wait to the meter. */
async function connect(pool: pg.Pool, target: QueryTarget, job: AbortSignal): Promise<pg.PoolClient> {
  const began = performance.now()
  try {
    job.throwIfAborted()
    const client = await new Promise<pg.PoolClient>((done, fail) => {
      const leave = () => {
        fail(asError(job.reason))
      }
      job.addEventListener('abort', leave)
      void pool
        .connect()
        .catch(notConnected)
        .then((client) => {
          // a connection that arrives after the abort goes to the next stream
          if (job.aborted) client.release()
          else done(client)
        })
        .catch(fail)
        .finally(() => {
          job.removeEventListener('abort', leave)
        })
    })
    target.meter?.connectionWait(target, performance.now() - began)
    return client
  } catch (error) {
    // a timeout before any work of the database is too_busy: the same request may succeed later
    const timedOut = error instanceof ApiError && error.code === 'timeout'
    const reported = timedOut
      ? new ApiError('too_busy', 'No database connection became free in time. Retry.', undefined, 1)
      : error
    // a client that disconnected is not a failure of the database
    const failure = job.aborted && !timedOut ? undefined : reported
    target.meter?.connectionWait(target, performance.now() - began, failure)
    throw reported
  }
}

const snapshotOf = (client: pg.PoolClient, target: QueryTarget): Snapshot => ({
  ...meteredReader(client, target),
  async copy(statement, sink) {
    const began = performance.now()
    try {
      // only COPY has the comment: it is never prepared, and a comment would make each prepared statement unique
      const rows = await copyRows(
        client,
        (await withLocations(client, copyText(statement))) + (target.meter?.comment ?? ''),
        sink,
      )
      target.meter?.statementEnd(target, statement, performance.now() - began, rows, undefined, true)
      return rows
    } catch (error) {
      target.meter?.statementEnd(target, statement, performance.now() - began, 0, error, true)
      throw error
    }
  },
})

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
      pathUse: 'leave',
    }),
  )
  const running = new Set<AbortController>()
  let [busy, closing] = [0, false]
  const mostOfClient = config.streamsPerClient || Math.max(1, config.streamPoolSize - 1)
  /** Running streams by client. */
  const busyOf = new Map<string, number>()

  /** @throws ApiError if no further stream may run */
  function assertFree(client: string): void {
    if (closing) throw shuttingDown()
    if ((busyOf.get(client) ?? 0) >= mostOfClient)
      throw new ApiError(
        'too_many_client_streams',
        `${mostOfClient} ${mostOfClient === 1 ? 'stream of this client is' : 'streams of this client are'} running, ` +
          'which is the limit per client. Retry when one has ended.',
        undefined,
        retryAfterS,
      )
    if (busy >= config.streamPoolSize)
      throw new ApiError(
        'too_many_streams',
        `${config.streamPoolSize} streams are running, which is the limit. Retry when one has ended.`,
      )
  }

  function count(client: string, change: 1 | -1): void {
    busy += change
    const left = (busyOf.get(client) ?? 0) + change
    if (left === 0) busyOf.delete(client)
    else busyOf.set(client, left)
  }

  /** Runs `work` with a connection and a snapshot. Aborting `job` also cancels the work on the server. */
  async function run<T>(
    target: QueryTarget,
    disconnected: AbortSignal,
    of: string,
    work: (client: pg.PoolClient, job: AbortController) => Promise<T>,
  ): Promise<T> {
    assertFree(of)
    const pool = pools.get(target.server)
    if (pool === undefined) throw new Error(`There is no pool for ${target.server}`)
    count(of, 1)
    const job = new AbortController()
    const leave = () => {
      job.abort(disconnected.reason)
    }
    disconnected.addEventListener('abort', leave)
    if (disconnected.aborted) leave()
    const timer = setTimeout(() => {
      job.abort(
        new ApiError(
          'timeout',
          `The stream took longer than its limit of ${config.streamTimeoutS} s. Request less data.`,
        ),
      )
    }, config.streamTimeoutS * 1000)
    running.add(job)
    try {
      const client = await connect(pool, target, job.signal)
      // true when nothing runs on the connection any more
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
      clearTimeout(timer)
      disconnected.removeEventListener('abort', leave)
      running.delete(job)
      count(of, -1)
    }
  }

  return {
    read: (action, disconnected, from, of) =>
      run(from, disconnected, of, (client, job) => action(snapshotOf(client, withoutAborts(from, job)), job.signal)),
    open: (prepare, disconnected, from, of) =>
      new Promise((resolve, reject) => {
        const stream = new CopyStream()
        let [started, last] = [false, 0]
        const start = ({ encoder, headers = {} }: StreamContent) => {
          if (!started) stream.push(encoder.begin())
          started = true
          resolve({ headers, rows: stream })
        }
        run(from, disconnected, of, async (client, job) => {
          stream.stop = () => {
            job.abort(new ClientDisconnected())
          }
          job.signal.addEventListener('abort', () => {
            stream.destroy(asError(job.signal.reason))
          })
          const snapshot = snapshotOf(client, withoutAborts(from, job))
          const content = await prepare(snapshot, job.signal)
          const { statements, encoder } = content
          const pause = (): Promise<void> | undefined => {
            const now = performance.now()
            // sends the first rows at once; later, a format that writes rows in groups may collect them
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
            // all rows were read, and another request may be using the connection
            stream.stop = () => undefined
            start(content)
            const rest = encoder.take(true)
            if (rest !== undefined) stream.push(rest)
            stream.push(encoder.end())
            stream.rows = encoder.rows ?? stream.rows
            stream.push(null)
          })
          .catch((error: unknown) => {
            reject(asError(error))
            stream.destroy(asError(error))
          })
      }),
    usage: () => ({ running: busy, limit: config.streamPoolSize, pools: poolUsage(pools) }),
    dropConnections: (server) => {
      dropConnections(pools.get(server))
    },
    bytesReceived: (server) => bytesReceived(pools.get(server)),
    async close() {
      closing = true
      for (const job of running) job.abort(shuttingDown())
      await Promise.all([...pools.values()].map(endPool))
    },
  }
}
