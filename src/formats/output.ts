/**
 * The bytes that an encoder has written and nobody has taken yet: slabs that grow, are given out as they are and are
 * never written twice. A slab's tail is used on after a take, so that small takes do not cost a slab each.
 */

const smallest = 64 * 1024
const largest = 1024 * 1024

export class Output {
  /** Write here, from the position that `reserve` gave; public, since a call for every byte would cost more than the byte. */
  bytes = Buffer.alloc(0)
  /** The same bytes, for writing four at once. */
  view = new DataView(this.bytes.buffer)
  /** Behind the last whole row. */
  at = 0
  #start = 0
  #limit = 0
  #size = smallest

  /** @param margin bytes that are free behind everything reserved: room for a row without its texts. */
  constructor(private readonly margin: number) {
    // nothing fits the empty buffer, not even nothing
    this.#limit = -1
  }

  /** The position to go on from instead of `to`: `size` and the margin fit behind it. Moves what was not taken where they don't. */
  reserve(to: number, size: number): number {
    return to + size <= this.#limit ? to : this.#grow(to, size)
  }

  #grow(to: number, size: number): number {
    const pending = to - this.#start
    const needed = pending + size + this.margin
    // twice what is needed only where a row is growing: a fresh slab has its usual size
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#size, pending === 0 ? needed : needed + pending))
    this.bytes.copy(grown, 0, this.#start, to)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
    this.at -= this.#start
    this.#start = 0
    this.#limit = grown.length - this.margin
    return pending
  }

  /** What was written since the last take, the caller's from now on; undefined: nothing. */
  take(): Uint8Array | undefined {
    if (this.at === this.#start) return undefined
    const taken = this.bytes.subarray(this.#start, this.at)
    // the next slab holds two such takes, so that a caller who takes more does not make it grow each time
    this.#size = Math.min(largest, Math.max(smallest, 2 * taken.length))
    this.#start = this.at
    // a slab that a huge text made is not kept alive by the small rows behind it
    if (this.bytes.length > 2 * largest) this.#limit = -1
    return taken
  }
}
