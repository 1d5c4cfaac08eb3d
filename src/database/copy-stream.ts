/** The bytes of a streamed answer between the COPY that gives rows and the client that reads them. */
import { Readable } from 'node:stream'

/** It ends when every row is in it and fails otherwise; `rows` is the count so far. */
export interface RowStream extends Readable {
  readonly rows: number
}

/** Bytes that wait for a client that is slower than the database. */
const highWaterMark = 65_536

export class CopyStream extends Readable implements RowStream {
  rows = 0
  /** Stops the work when the client has left. */
  stop: () => void = () => undefined
  #resume: (() => void) | undefined

  constructor() {
    super({ highWaterMark })
    // a client has a listener of its own; until it has, `Streams.open` rejects
    this.on('error', () => undefined)
  }

  /** Passes bytes on; the promise settles when the client can take more. */
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
