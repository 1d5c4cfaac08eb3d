/** How long the answer to a request may take, measured from its arrival, and what is called when that time is over. */
import { ApiError } from '../errors.js'

/** The client closed the connection before its answer was complete. */
export class ClientDisconnected extends Error {
  constructor() {
    super('the client closed the connection')
  }
}

type Listener = (reason: Error) => void

/** Every request has one, so it is kept light. */
export class Deadline {
  readonly #start = performance.now()
  readonly #listeners = new Set<Listener>()
  #end: number
  #timer: NodeJS.Timeout
  #reason: Error | undefined
  #signal: AbortController | undefined

  /** @param ms milliseconds from now */
  constructor(ms: number) {
    this.#end = this.#start + ms
    this.#timer = setTimeout(this.#timeOut, ms)
  }

  readonly #timeOut = () => {
    this.expire(
      new ApiError(
        'timeout',
        `The request took longer than its limit of ${Math.round(this.ms / 100) / 10} s. ` +
          'Request less data, or allow more time with Prefer: wait.',
      ),
    )
  }

  /** Sets another limit, also measured from the start: the request turned out to be of another class. */
  extendTo(ms: number): void {
    if (this.#reason !== undefined) return
    clearTimeout(this.#timer)
    this.#end = this.#start + ms
    this.#timer = setTimeout(this.#timeOut, Math.max(0, this.left))
  }

  /** Milliseconds from the start to the end. */
  get ms(): number {
    return this.#end - this.#start
  }

  /** Milliseconds that are left. */
  get left(): number {
    return this.#end - performance.now()
  }

  /** @throws the reason, if it has expired */
  check(): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  /** Ends it early; only the first reason counts. */
  expire(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    clearTimeout(this.#timer)
    this.#signal?.abort(reason)
    for (const listener of this.#listeners) listener(reason)
    this.#listeners.clear()
  }

  /** The answer is complete: no listener is called any more. */
  done(): void {
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /**
   * Calls `listener` when it expires, at once if it has.
   * @returns removes the listener
   */
  onExpire(listener: Listener): () => void {
    if (this.#reason !== undefined) listener(this.#reason)
    else this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Waits for `work`, but not beyond the end; the work itself is not stopped. */
  async race<T>(work: Promise<T>): Promise<T> {
    let removeListener: () => void = () => undefined
    const expiry = new Promise<never>((_done, fail) => {
      removeListener = this.onExpire(fail)
    })
    // after the end its failure is of no interest
    work.catch(() => undefined)
    return Promise.race([work, expiry]).finally(removeListener)
  }

  /** For work that takes a signal. */
  get signal(): AbortSignal {
    this.#signal ??= new AbortController()
    if (this.#reason !== undefined) this.#signal.abort(this.#reason)
    return this.#signal.signal
  }
}
