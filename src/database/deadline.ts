/** The time limit of a request, measured from its arrival, with listeners that are called when it expires. */
import { ApiError } from '../errors.js'

/** The client closed the connection before its answer was complete. */
export class ClientDisconnected extends Error {
  constructor() {
    super('the client closed the connection')
  }
}

type Listener = (reason: Error) => void

/** Every request has one, so the timer, the listeners and the signal cost as little as possible. */
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

  /** Sets another limit, also measured from the start, when the request class is known. */
  extendTo(ms: number): void {
    if (this.#reason !== undefined) return
    clearTimeout(this.#timer)
    this.#end = this.#start + ms
    this.#timer = setTimeout(this.#timeOut, Math.max(0, this.left))
  }

  /** The limit in milliseconds, from the start. */
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

  /** Expires the deadline now; only the first call has an effect. */
  expire(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    clearTimeout(this.#timer)
    this.#signal?.abort(reason)
    for (const listener of this.#listeners) listener(reason)
    this.#listeners.clear()
  }

  /** Stops the deadline after the answer is complete: it calls no listener afterwards. */
  done(): void {
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /**
   * Calls `listener` when the deadline expires, or at once if it has expired.
   * @returns a function that removes the listener
   */
  onExpire(listener: Listener): () => void {
    if (this.#reason !== undefined) listener(this.#reason)
    else this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Waits for `work` until the deadline expires, and then rejects with the reason; `work` itself continues. */
  async race<T>(work: Promise<T>): Promise<T> {
    let removeListener: () => void = () => undefined
    const expiry = new Promise<never>((_done, fail) => {
      removeListener = this.onExpire(fail)
    })
    // prevents an unhandled rejection if `work` fails after the deadline
    work.catch(() => undefined)
    return Promise.race([work, expiry]).finally(removeListener)
  }

  /** Aborts when the deadline expires. */
  get signal(): AbortSignal {
    this.#signal ??= new AbortController()
    if (this.#reason !== undefined) this.#signal.abort(this.#reason)
    return this.#signal.signal
  }
}
