/** Buffers the bytes of a streamed answer between COPY and the client. */
import { Readable } from 'node:stream'

/** Ends after the last row; an incomplete result fails instead. `rows` is the count so far. */
export interface RowStream extends Readable {
  readonly rows: number
}

/** Bytes that are buffered for a client that is slower than the database. */
const highWaterMark = 65_536

export class CopyStream extends Readable implements RowStream {
  rows = 0
  /** Stops the query; called when the client has disconnected. */
  stop: () => void = () => undefined
  #resume: (() => void) | undefined

  constructor() {
    super({ highWaterMark })
    // prevents an uncaught error: before a client listens, `Streams.open` reports the failure
    this.on('error', () => undefined)
  }

  /** Passes bytes to the client. A promise resolves when the client can take more; undefined: it can now. */
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
