/** The transpose of a ResponseMatrix: responses item after item, to go from an item to its students. */
import { overStudents, type Pacer } from './pacer.js'
import { prefixSums } from './prefix-sums.js'
import type { ResponseMatrix } from './response-matrix.js'

/** The responses to `item` are `entries[begins[item]]` to before `entries[begins[item + 1]]`. */
export interface ByItem {
  begins: Int32Array
  /** `student << 1 | correct`, ascending by student for each item. */
  entries: Int32Array
}

/** All responses, kept or not: 4 bytes each. `counts` has the number of responses to each item. */
export async function byItem(matrix: ResponseMatrix, counts: Int32Array, pacer: Pacer): Promise<ByItem> {
  const begins = prefixSums(counts)
  const entries = new Int32Array(matrix.responses)
  const next = begins.slice(0, -1)
  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      for (let response = matrix.begin(student), end = matrix.end(student); response < end; response++) {
        const packed = matrix.itemAndCorrect(response)
        entries[next[packed >>> 1]!++] = (student << 1) | (packed & 1)
      }
    }
  })
  return { begins, entries }
}
