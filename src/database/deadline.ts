/** How long an answer may take from the moment its request came, and who is told when it may not go on. */
import { ApiError } from '../errors.js'

/** The client went away before its answer. */
export class ClientDisconnected extends Error {
  constructor() {
    super('the reader is gone')
  }
}

type Listener = (reason: Error) => void

/** Kept light: every request has one. */
export class Deadline {
  readonly #start = performance.now()
  readonly #listeners = new Set<Listener>()
  #end: number
  #timer: NodeJS.Timeout
  #reason: Error | undefined
  #signal: AbortController | undefined

  /** @param ms milliseconds from now on */
  constructor(ms: number) {
    this.#end = this.#start + ms
    this.#timer = setTimeout(this.#late, ms)
  }

  readonly #late = () => {
    this.expire(
      new ApiError(
        'timeout',
        `It took longer than the ${Math.round(this.ms / 100) / 10} s that it may take here; ask for less, or for more time with Prefer: wait`,
      ),
    )
  }

  /** Another time, also counted from the beginning: the work turned out to be of another kind. */
  extendTo(ms: number): void {
    if (this.#reason !== undefined) return
    clearTimeout(this.#timer)
    this.#end = this.#start + ms
    this.#timer = setTimeout(this.#late, Math.max(0, this.left))
  }

  /** Milliseconds from the beginning to the end. */
  get ms(): number {
    return this.#end - this.#start
  }

  /** Milliseconds that are left. */
  get left(): number {
    return this.#end - performance.now()
  }

  /** @throws why it is over, where it is */
  check(): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  /** Ends it before its time; only the first reason counts. */
  expire(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    clearTimeout(this.#timer)
    this.#signal?.abort(reason)
    for (const listener of this.#listeners) listener(reason)
    this.#listeners.clear()
  }

  /** The answer is out: nobody is told any more. */
  done(): void {
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /** Calls `listener` when it is over, at once where it is already. @returns what takes the listener away again */
  onExpire(listener: Listener): () => void {
    if (this.#reason !== undefined) listener(this.#reason)
    else this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Waits for `work`, but not beyond the end. What it does then is up to whoever began it. */
  async race<T>(work: Promise<T>): Promise<T> {
    let forget: () => void = () => undefined
    const over = new Promise<never>((_done, fail) => {
      forget = this.onExpire(fail)
    })
    // a work that fails after the end is nobody's business
    work.catch(() => undefined)
    return Promise.race([work, over]).finally(forget)
  }

  /** For work that takes a signal. */
  get signal(): AbortSignal {
    this.#signal ??= new AbortController()
    if (this.#reason !== undefined) this.#signal.abort(this.#reason)
    return this.#signal.signal
  }
}
