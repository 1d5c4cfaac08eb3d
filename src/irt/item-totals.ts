/** Totals of every item from one pass over the students: counts, item-rest correlations, connections, times. */
import { prefixSums } from './prefix-sums.js'
import { DisjointSets } from './components.js'
import { median } from './median.js'
import { overStudents, type Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'

/** Correlations within the rounding error around 0 are 0: their sign would be noise, and would be flagged. */
const rounding = 1e-10

/** Pearson correlations of many pairs of variables at once, in one pass: Welford's updates, 44 bytes a pair. */
class Correlations {
  private readonly n: Int32Array
  private readonly meanX: Float64Array
  private readonly meanY: Float64Array
  private readonly xx: Float64Array
  private readonly yy: Float64Array
  private readonly xy: Float64Array

  constructor(size: number) {
    this.n = new Int32Array(size)
    this.meanX = new Float64Array(size)
    this.meanY = new Float64Array(size)
    this.xx = new Float64Array(size)
    this.yy = new Float64Array(size)
    this.xy = new Float64Array(size)
  }

  add(pair: number, x: number, y: number): void {
    const n = ++this.n[pair]!
    const fromX = x - this.meanX[pair]!
    const fromY = y - this.meanY[pair]!
    this.meanX[pair]! += fromX / n
    this.meanY[pair]! += fromY / n
    const toY = y - this.meanY[pair]!
    this.xx[pair]! += fromX * (x - this.meanX[pair]!)
    this.yy[pair]! += fromY * toY
    this.xy[pair]! += fromX * toY
  }

  /** Null with fewer than 3 points or without variance; sums of squares of equal values are exactly 0. */
  of(pair: number): number | null {
    const xx = this.xx[pair]!
    const yy = this.yy[pair]!
    if (this.n[pair]! < 3 || xx <= 0 || yy <= 0) return null
    const r = this.xy[pair]! / (Math.sqrt(xx) * Math.sqrt(yy))
    return Math.abs(r) < rounding ? 0 : Math.max(-1, Math.min(1, r))
  }
}

export interface ItemTotals {
  /** Correct responses and recorded times of each kept item; `counts`: all its responses, kept or not. */
  right: Int32Array
  timed: Int32Array
  counts: Int32Array
  correlations: Correlations
  sets: DisjointSets
  /** By item: students whose first kept response is to it. */
  firsts: Int32Array
  perfect: number
  zero: number
  oneItem: number
  repeated: number
}

/** The totals of all items, in one pass. */
export async function itemTotals(matrix: ResponseMatrix, kept: Kept, pacer: Pacer): Promise<ItemTotals> {
  const size = matrix.items
  const right = new Int32Array(size)
  const timed = new Int32Array(size)
  const counts = new Int32Array(size)
  const firsts = new Int32Array(size)
  const correlations = new Correlations(size)
  const sets = new DisjointSets(size)
  let perfect = 0
  let zero = 0
  let oneItem = 0
  let repeated = 0
  // the current student: responses and correct ones by item, and the items with a response
  const own = new Int32Array(size)
  const ownRight = new Int32Array(size)
  const distinct = new Int32Array(size)

  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      const isKept = kept.students[student] === 1
      const end = matrix.end(student)
      let items = 0
      let total = 0
      let totalRight = 0
      for (let response = matrix.begin(student); response < end; response++) {
        const packed = matrix.itemAndCorrect(response)
        const item = packed >>> 1
        counts[item]!++
        if (!isKept || kept.items[item] === 0) continue
        if (own[item] === 0) distinct[items++] = item
        own[item]!++
        total++
        if ((packed & 1) === 1) {
          ownRight[item]!++
          totalRight++
        }
        if (matrix.time(response) > 0) timed[item]!++
      }
      if (total === 0) continue
      if (totalRight === total) perfect++
      if (totalRight === 0) zero++
      if (items === 1) oneItem++
      repeated += total - items
      const first = distinct[0]!
      firsts[first]!++
      for (let at = 0; at < items; at++) {
        const item = distinct[at]!
        const responses = own[item]!
        const solved = ownRight[item]!
        right[item]! += solved
        if (at > 0) sets.join(first, item)
        // equal shares are equal doubles whatever their denominators, because division is rounded correctly
        if (total > responses) correlations.add(item, solved / responses, (totalRight - solved) / (total - responses))
        own[item] = 0
        ownRight[item] = 0
      }
    }
  })
  return { right, timed, counts, correlations, sets, firsts, perfect, zero, oneItem, repeated }
}

/** The median recorded time of each item, by item. */
export async function medianTimes(
  matrix: ResponseMatrix,
  kept: Kept,
  timed: Int32Array,
  pacer: Pacer,
): Promise<(number | null)[]> {
  const begins = prefixSums(timed)
  const times = new Int32Array(begins[timed.length]!)
  const next = begins.slice(0, -1)
  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      if (kept.students[student] === 0) continue
      for (let response = matrix.begin(student), end = matrix.end(student); response < end; response++) {
        const item = matrix.item(response)
        const time = matrix.time(response)
        if (time > 0 && kept.items[item] === 1) times[next[item]!++] = time
      }
    }
  })
  const medians: (number | null)[] = []
  for (let item = 0; item < timed.length; item++) {
    medians.push(await median(times, begins[item]!, begins[item + 1]!, pacer))
    if (pacer.due()) await pacer.rest()
  }
  return medians
}
