/**
 * Whole results as streams of bytes: from COPY through an encoder to whoever reads, in one snapshot. Streams have
 * connections of their own and no queue, so that they starve nobody; what cannot be whole ends with an error.
 */
import { Readable } from 'node:stream'
import type pg from 'pg'
import type { Config } from '../config.js'
import { ApiError } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { abandon, copyRows, copyStatement } from './copy.js'
import { createPool, readerOf, type Reader, type Statement } from './reader.js'

/** What to send: the statements whose rows are the answer, one after another, and how they are encoded. */
export interface Content { statements: AsyncGenerator<Statement, void, number>; encoder: Encoder }

/** The bytes of an answer. It ends when every row is in it and fails otherwise; `rows` is the count so far. */
export interface RowStream extends Readable { readonly rows: number }

export interface Streams {
  /**
   * Starts a stream and waits for its first bytes, so that what fails until then can still be told with a status.
   * @param prepare called inside the snapshot
   * @param left aborts when the reader is gone
   * @throws ApiError too_many_streams, timeout; what the database reports
   */
  open(prepare: (reader: Reader) => Content | Promise<Content>, left: AbortSignal): Promise<RowStream>
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
  /** Nothing runs on the connection any more. */
  settled = false
  #resume: (() => void) | undefined
  readonly #client: pg.PoolClient

  constructor(client: pg.PoolClient) {
    super({ highWaterMark })
    this.#client = client
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
    if (!this.settled) abandon(this.#client)
    this._read()
    done(error)
  }
}

export function openStreams(config: Settings, url: string): Streams {
  const pool = createPool({ statementTimeoutMs: config.streamTimeoutS * 1000 }, url, { max: config.streamPoolSize, name: 'attempt-api stream' })
  const running = new Set<CopyStream>()
  let [busy, closing] = [0, false]

  /** Runs every statement to its end, in one snapshot. */
  async function produce(stream: CopyStream, client: pg.PoolClient, prepare: (reader: Reader) => Content | Promise<Content>, begun: () => void): Promise<void> {
    await client.query('begin isolation level repeatable read read only')
    const { statements, encoder } = await prepare(readerOf(client))
    let [started, last] = [false, 0]
    const give = (all: boolean): Promise<void> | undefined => {
      const now = performance.now()
      // the first rows at once; a format that collects rows is not made to write one by one
      const bytes = encoder.take(all || now - last > holdMs)
      if (bytes === undefined) return undefined
      last = now
      if (!started) {
        started = true
        stream.push(encoder.begin())
        begun()
      }
      return stream.give(bytes)
    }
    const sink = { row: (bytes: Buffer, at: number) => { encoder.row(bytes, at) }, pause: () => give(false) }
    for (let step = await statements.next(); step.done !== true;) {
      const rows = await copyRows(client, copyStatement(step.value), sink)
      stream.rows += rows
      step = await statements.next(rows)
    }
    await client.query('commit')
    stream.settled = true
    void give(true)
    if (!started) stream.push(encoder.begin())
    stream.push(encoder.end())
    stream.push(null)
    begun()
  }

  return {
    async open(prepare, left) {
      if (closing) throw new ApiError('database_unavailable', 'The service is shutting down; try again')
      if (busy >= config.streamPoolSize) throw new ApiError('too_many_streams', `${config.streamPoolSize} streams are running, which is the limit; try again when one has ended`)
      busy++
      const connection = await pool.connect().catch((error: unknown) => {
        busy--
        throw error
      })
      const stream = new CopyStream(connection)
      running.add(stream)
      const leave = () => { stream.destroy(new Error('the reader is gone')) }
      left.addEventListener('abort', leave, { once: true })
      if (left.aborted) leave()
      const deadline = setTimeout(() => {
        stream.destroy(new ApiError('timeout', `The stream took longer than the ${config.streamTimeoutS} s that one may take; ask for less`))
      }, config.streamTimeoutS * 1000)
      return new Promise<RowStream>((resolve, reject) => {
        const begun = () => { resolve(stream) }
        stream.once('error', reject)
        produce(stream, connection, prepare, begun).catch((error: unknown) =>
          // a connection that is still good goes back; whatever else, it is closed
          connection.query('rollback').then(() => { stream.settled = true }, () => undefined).then(() => { stream.destroy(error as Error) }),
        ).finally(() => {
          clearTimeout(deadline)
          left.removeEventListener('abort', leave)
          running.delete(stream)
          busy--
          connection.release(!stream.settled)
        })
      })
    },
    async close() {
      closing = true
      const end = Date.now() + config.shutdownGraceS * 1000
      while (running.size > 0 && Date.now() < end) await new Promise((again) => setTimeout(again, 20))
      for (const stream of running) stream.destroy(new Error('the service is shutting down'))
      await pool.end()
    },
  }
}
