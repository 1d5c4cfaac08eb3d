/**
 * Whole results as streams of bytes: from COPY through an encoder to whoever reads, in one snapshot. Long reads have
 * connections of their own and no queue, so that they starve nobody; what cannot be whole ends with an error.
 */
import { Readable } from 'node:stream'
import type pg from 'pg'
import type { Config } from '../config.js'
import { ApiError } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { abandon, copyRows, copyStatement, type RowSink } from './copy.js'
import { createPool, dropConnections, openPools, readerOf, type Database, type Reader, type ServerName, type Statement } from './reader.js'

/** Reads of one snapshot, on one connection. */
export interface Snapshot extends Reader {
  /** Gives every row to `sink` in COPY's binary format. @returns how many */
  copy(statement: Statement, sink: RowSink): Promise<number>
}

/** Which server is read, and whether the views or the store. */
export type From = Pick<Database, 'server' | 'store'>

/** What to send: the statements whose rows are the answer, one after another, and how they are encoded. */
export interface Content { statements: AsyncGenerator<Statement, void, number>; encoder: Encoder }

/** The bytes of an answer. It ends when every row is in it and fails otherwise; `rows` is the count so far. */
export interface RowStream extends Readable { readonly rows: number }

export interface Streams {
  /**
   * Starts a stream and waits for its first bytes, so that what fails until then can still be told with a status.
   * @param prepare called inside the snapshot; `stopped` aborts where the answer is of no use any more
   * @param left aborts when the reader is gone
   * @param from the database of the answer's source
   * @throws ApiError too_many_streams, timeout; what the database reports
   */
  open(prepare: (snapshot: Snapshot, stopped: AbortSignal) => Content | Promise<Content>, left: AbortSignal, from: From): Promise<RowStream>
  /** A long read that sends nothing by itself. Throws as `open`. */
  read<T>(action: (snapshot: Snapshot, stopped: AbortSignal) => Promise<T>, left: AbortSignal, from: From): Promise<T>
  /** For a server that is silent: ends what waits for it. */
  drop(server: ServerName): void
  /** Cuts what still runs after the grace and closes the connections. */
  close(): Promise<void>
}

/** Rows of a slow query are not held back for a full batch longer than this. */
const holdMs = 250
/** What may wait for a reader that is slower than the database. */
const highWaterMark = 65_536

type Settings = Pick<Config, 'streamPoolSize' | 'streamTimeoutS' | 'shutdownGraceS'>

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
    return new Promise((resume) => { this.#resume = resume })
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

export function openStreams(config: Settings, url: string, storeUrl = url, standbyUrls: readonly string[] = []): Streams {
  const pools = openPools(url, storeUrl, standbyUrls, (where, connectMs) =>
    createPool({ statementTimeoutMs: config.streamTimeoutS * 1000 }, where, { max: config.streamPoolSize, name: 'attempt-api stream', connectMs }))
  const running = new Set<AbortController>()
  let [busy, closing] = [0, false]

  /** Holds a connection and a snapshot for `work`. Whatever aborts `job` ends the work on the server as well. */
  async function run<T>({ server }: From, left: AbortSignal, work: (client: pg.PoolClient, job: AbortController) => Promise<T>): Promise<T> {
    if (closing) throw new ApiError('database_unavailable', 'The service is shutting down; try again')
    if (busy >= config.streamPoolSize) throw new ApiError('too_many_streams', `${config.streamPoolSize} streams are running, which is the limit; try again when one has ended`)
    busy++
    try {
      const client = await (pools.get(server) as pg.Pool).connect()
      const job = new AbortController()
      // nothing runs on the connection any more
      let settled = false
      job.signal.addEventListener('abort', () => { if (!settled) abandon(client) })
      const leave = () => { job.abort(new Error('the reader is gone')) }
      left.addEventListener('abort', leave)
      if (left.aborted) leave()
      const deadline = setTimeout(() => {
        job.abort(new ApiError('timeout', `It took longer than the ${config.streamTimeoutS} s that a stream may take; ask for less`))
      }, config.streamTimeoutS * 1000)
      running.add(job)
      try {
        await client.query('begin isolation level repeatable read read only')
        const result = await work(client, job)
        await client.query('commit')
        settled = true
        return result
      } catch (error) {
        await client.query('rollback').then(() => { settled = true }, () => undefined)
        throw job.signal.aborted ? job.signal.reason : error
      } finally {
        clearTimeout(deadline)
        left.removeEventListener('abort', leave)
        running.delete(job)
        client.release(!settled)
      }
    } finally {
      busy--
    }
  }

  const snapshotOf = (client: pg.PoolClient, { store }: From): Snapshot => ({
    ...readerOf(client, store), copy: (statement, sink) => copyRows(client, copyStatement(statement), sink),
  })

  return {
    read: (action, left, from) => run(from, left, (client, job) => action(snapshotOf(client, from), job.signal)),
    open: (prepare, left, from) => new Promise((resolve, reject) => {
      const stream = new CopyStream()
      let [started, last] = [false, 0]
      const start = (encoder: Encoder) => {
        if (!started) stream.push(encoder.begin())
        started = true
        resolve(stream)
      }
      run(from, left, async (client, job) => {
        stream.stop = () => { job.abort(new Error('the reader is gone')) }
        job.signal.addEventListener('abort', () => { stream.destroy(job.signal.reason as Error) })
        const snapshot = snapshotOf(client, from)
        const { statements, encoder } = await prepare(snapshot, job.signal)
        const pause = (): Promise<void> | undefined => {
          const now = performance.now()
          // the first rows at once; a format that collects rows is not made to write one by one
          const bytes = encoder.take(now - last > holdMs)
          if (bytes === undefined) return undefined
          last = now
          start(encoder)
          return stream.give(bytes)
        }
        const sink: RowSink = { row: (bytes, at) => { encoder.row(bytes, at) }, pause }
        for (let step = await statements.next(); step.done !== true;) {
          const rows = await snapshot.copy(step.value, sink)
          stream.rows += rows
          step = await statements.next(rows)
        }
        return encoder
      }).then((encoder) => {
        // every row is here, and the connection is somebody else's
        stream.stop = () => undefined
        start(encoder)
        const rest = encoder.take(true)
        if (rest !== undefined) stream.push(rest)
        stream.push(encoder.end())
        stream.rows = encoder.rows ?? stream.rows
        stream.push(null)
      }).catch((error: unknown) => {
        reject(error as Error)
        stream.destroy(error as Error)
      })
    }),
    drop: (server) => { dropConnections(pools.get(server)) },
    async close() {
      closing = true
      const end = Date.now() + config.shutdownGraceS * 1000
      while (running.size > 0 && Date.now() < end) await new Promise((again) => setTimeout(again, 20))
      for (const job of running) job.abort(new Error('the service is shutting down'))
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}
