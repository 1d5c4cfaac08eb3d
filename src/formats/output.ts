/**
 * The bytes that an encoder wrote and that were not taken yet: in slabs that grow, are handed over without a copy and
 * are never overwritten. The rest of a slab is used after a take, so a small take does not cost a slab.
 */

const smallest = 64 * 1024
const largest = 1024 * 1024

export class Output {
  /** Write here, from the position that `reserve` returned. Public, because a call per byte would cost too much. */
  bytes = Buffer.alloc(0)
  /** The same bytes, for writing four at once. */
  view = new DataView(this.bytes.buffer)
  /** The position after the last complete row. */
  at = 0
  #start = 0
  #limit = 0
  #size = smallest

  /** @param margin bytes that are free after everything reserved: room for a row without its texts */
  constructor(private readonly margin: number) {
    // not even an empty row fits the empty buffer
    this.#limit = -1
  }

  /**
   * The position to continue at instead of `to`, with room for `size` and the margin. Moves the bytes that were not
   * taken if there is no room.
   */
  reserve(to: number, size: number): number {
    return to + size <= this.#limit ? to : this.#grow(to, size)
  }

  #grow(to: number, size: number): number {
    const pending = to - this.#start
    const needed = pending + size + this.margin
    // twice the needed size only while a row grows: a new slab has its usual size
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#size, pending === 0 ? needed : needed + pending))
    this.bytes.copy(grown, 0, this.#start, to)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
    this.at -= this.#start
    this.#start = 0
    this.#limit = grown.length - this.margin
    return pending
  }

  /** What was written since the last take, which the caller then owns; undefined: nothing. */
  take(): Uint8Array | undefined {
    if (this.at === this.#start) return undefined
    const taken = this.bytes.subarray(this.#start, this.at)
    // the next slab holds two such takes, so large takes do not make it grow each time
    this.#size = Math.min(largest, Math.max(smallest, 2 * taken.length))
    this.#start = this.at
    // small rows after a huge text do not keep its slab alive
    if (this.bytes.length > 2 * largest) this.#limit = -1
    return taken
  }
}
