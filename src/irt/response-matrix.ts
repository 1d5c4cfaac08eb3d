/**
 * The responses of a request in memory, student after student: what peeling, readiness and the wide layout work on.
 * 4 bytes per response, 8 with times; 4 bytes per student.
 */
import { Ints } from './ints.js'
import { ItemIndex } from './item-index.js'

export interface MatrixOptions {
  /** The most responses that it takes, up to 2^30. */
  most: number
  /** Whether response times are kept. */
  times?: boolean
}

/** More responses were added than the matrix takes. It still holds the previous ones. */
export class TooManyResponses extends Error {
  constructor(readonly most: number) {
    super(`more than ${most} responses`)
    this.name = 'TooManyResponses'
  }
}

/**
 * Students, items and responses are numbered from 0 in the order of their arrival. The responses of a student are
 * `begin(student)` to before `end(student)`. A student may have several responses to an item (attempts=all).
 */
export class ResponseMatrix {
  readonly most: number
  private readonly index = new ItemIndex()
  private readonly packed = new Ints() // item << 1 | correct
  private readonly begins = new Ints()
  private readonly times: Ints | undefined
  private word0 = 0
  private word1 = 0
  private word2 = 0
  private word3 = 0
  private sorted: Int32Array | undefined

  constructor(options: MatrixOptions) {
    if (!Number.isInteger(options.most) || options.most < 0 || options.most > 2 ** 30)
      throw new RangeError(`most is ${options.most}, not an integer from 0 to 2^30`)
    this.most = options.most
    this.times = options.times ? new Ints() : undefined
  }

  /**
   * Adds the response to the item whose id has these two 32-bit halves (of either sign) by the student whose id is
   * `bytes[at]` to before `bytes[at + 16]`; `ms` is the response time, 0 if it was not recorded. Rows are ordered by
   * ascending student id, as `ORDER BY student_id` sends them.
   * @throws TooManyResponses if the matrix is full
   * @throws RangeError if the student id is below the previous one: its responses would count as two students
   */
  add(bytes: Buffer, at: number, itemHigh: number, itemLow: number, correct: boolean, ms: number): void {
    if (this.packed.length >= this.most) throw new TooManyResponses(this.most)
    const word0 = bytes.readUInt32BE(at)
    const word1 = bytes.readUInt32BE(at + 4)
    const word2 = bytes.readUInt32BE(at + 8)
    const word3 = bytes.readUInt32BE(at + 12)
    // from the last word on: ids are hashes, and most rows have the same student as the row before
    if (
      word3 !== this.word3 ||
      word2 !== this.word2 ||
      word1 !== this.word1 ||
      word0 !== this.word0 ||
      this.begins.length === 0
    ) {
      const order = word0 - this.word0 || word1 - this.word1 || word2 - this.word2 || word3 - this.word3
      if (order < 0) throw new RangeError('the rows are not ordered by student_id')
      this.word0 = word0
      this.word1 = word1
      this.word2 = word2
      this.word3 = word3
      this.begins.push(this.packed.length)
    }
    this.packed.push((this.index.index(itemHigh, itemLow) << 1) | (correct ? 1 : 0))
    this.times?.push(ms)
    this.sorted = undefined
  }

  get responses(): number {
    return this.packed.length
  }
  get students(): number {
    return this.begins.length
  }
  get items(): number {
    return this.index.length
  }
  get timed(): boolean {
    return this.times !== undefined
  }
  /** Bytes that the lists of responses and students occupy. */
  get bytes(): number {
    return this.packed.bytes + this.begins.bytes + (this.times?.bytes ?? 0)
  }

  begin(student: number): number {
    return this.begins.get(student)
  }
  end(student: number): number {
    return student + 1 < this.begins.length ? this.begins.get(student + 1) : this.packed.length
  }

  /** The item of a response. */
  item(response: number): number {
    return this.packed.get(response) >>> 1
  }
  /** 1 if the response is correct, else 0. */
  correct(response: number): number {
    return this.packed.get(response) & 1
  }
  /** Item and correctness at once: `item << 1 | correct`. */
  itemAndCorrect(response: number): number {
    return this.packed.get(response)
  }
  /** The response time in ms; 0 if it was not recorded, or if times are not kept. */
  time(response: number): number {
    return this.times === undefined ? 0 : this.times.get(response)
  }

  /** The id of an item in decimal digits. */
  itemId(item: number): string {
    return String(this.index.id(item))
  }
  /** The item with this id (decimal digits); undefined if it has no response. */
  itemOf(id: string): number | undefined {
    const item = this.index.find(BigInt(id))
    return item < 0 ? undefined : item
  }
  /** The same for the two halves of an id; -1 if it has no response. */
  itemAt(high: number, low: number): number {
    return this.index.lookup(high, low)
  }
  /** The items in ascending numeric order of their ids. */
  itemOrder(): Int32Array {
    return (this.sorted ??= this.index.order())
  }
}
