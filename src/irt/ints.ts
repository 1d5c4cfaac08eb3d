/** A growing list of 32-bit integers in chunks: nothing is copied when it grows, and at most one chunk is not full. */

const bits = 16
const mask = (1 << bits) - 1

/** 4 bytes an entry, in chunks of 256 KiB. No bounds are checked: the caller reads what it pushed. */
export class Ints {
  length = 0
  private readonly chunks: Int32Array[] = []
  private last = new Int32Array(0)

  push(value: number): void {
    const at = this.length & mask
    if (at === 0) {
      this.last = new Int32Array(1 << bits)
      this.chunks.push(this.last)
    }
    this.last[at] = value
    this.length++
  }

  /** The entry `at`, from 0; `at` is less than `length`. */
  get(at: number): number {
    return this.chunks[at >>> bits]![at & mask]!
  }

  /** Bytes that are allocated. */
  get bytes(): number {
    return this.chunks.length * (4 << bits)
  }
}
