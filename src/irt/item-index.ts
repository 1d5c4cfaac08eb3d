/**
 * Maps 64-bit item ids to small indexes, in the order of their first appearance. An id is two 32-bit halves, as in
 * PostgreSQL's binary format, so no row needs a BigInt.
 */
import { randomInt } from 'node:crypto'

/** An open-addressing hash table with linear probing, at most half full: 12 to 32 bytes per item. */
export class ItemIndex {
  length = 0
  private highs = new Int32Array(64)
  private lows = new Int32Array(64)
  private slots = new Int32Array(128)
  // Item ids come from outside: with a fixed hash, ids chosen to collide would make every row walk through all of them.
  private readonly seed = randomInt(2 ** 32) | 0

  /** The index of an id, which is added if it is new. `high` and `low` are its halves, of either sign. */
  index(high: number, low: number): number {
    let slot = this.slot(high | 0, low | 0)
    const known = this.slots[slot]!
    if (known !== 0) return known - 1
    const index = this.length++
    if (index === this.highs.length) {
      this.grow()
      slot = this.slot(high | 0, low | 0)
    }
    this.highs[index] = high
    this.lows[index] = low
    this.slots[slot] = index + 1
    return index
  }

  /** The index of an id, or -1. */
  find(id: bigint): number {
    if (BigInt.asIntN(64, id) !== id) return -1
    return this.slots[this.slot(Number(id >> 32n) | 0, Number(id & 0xffffffffn) | 0)]! - 1
  }

  /** The index of the id with these halves, or -1. */
  lookup(high: number, low: number): number {
    return this.slots[this.slot(high | 0, low | 0)]! - 1
  }

  id(index: number): bigint {
    return (BigInt(this.highs[index]!) << 32n) | BigInt(this.lows[index]! >>> 0)
  }

  /** The indexes in ascending numeric order of the ids. */
  order(): Int32Array {
    // The engine sorts 64-bit integers without a comparison function, ten times as fast as indexes with one.
    const ids = BigInt64Array.from({ length: this.length }, (_, index) => this.id(index)).sort()
    return Int32Array.from(ids, (id) => this.find(id))
  }

  /** The slot of an id in `slots` (index + 1), or the empty slot (0) for it. */
  private slot(high: number, low: number): number {
    // The mixing steps of MurmurHash3 (Appleby, public domain), over both halves.
    let hash = Math.imul(high ^ this.seed, 0xcc9e2d51)
    hash = Math.imul((hash << 15) | (hash >>> 17), 0x1b873593) ^ this.seed
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) ^ Math.imul(low, 0xcc9e2d51)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    const mask = this.slots.length - 1
    for (let slot = (hash ^ (hash >>> 16)) & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot]! - 1
      if (index < 0 || (this.lows[index] === low && this.highs[index] === high)) return slot
    }
  }

  private grow(): void {
    const { highs, lows } = this
    this.highs = new Int32Array(highs.length * 2)
    this.highs.set(highs)
    this.lows = new Int32Array(lows.length * 2)
    this.lows.set(lows)
    this.slots = new Int32Array(this.slots.length * 2)
    for (let index = 0; index < highs.length; index++) this.slots[this.slot(highs[index]!, lows[index]!)] = index + 1
  }
}
