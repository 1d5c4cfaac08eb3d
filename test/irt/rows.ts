/** Responses as plain rows, for tests: into a matrix, out of it, and at random. */
import fc from 'fast-check'
import { ResponseMatrix } from '../../src/irt/response-matrix.js'
import type { Kept } from '../../src/irt/peel.js'

export interface Row {
  student: number
  item: bigint
  correct: boolean
  ms: number
}

/** The 16 bytes of a student's id that sort as the numbers do. */
export function studentBytes(student: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(student, 12)
  return bytes
}

/** As COPY would send it: the id somewhere inside a row, the item as two halves. */
export function addRow(matrix: ResponseMatrix, row: Row): void {
  const bytes = Buffer.concat([Buffer.from([0, 4, 0, 0, 0, 16]), studentBytes(row.student), Buffer.alloc(8)])
  bytes.writeBigInt64BE(row.item, 22)
  matrix.add(bytes, 6, bytes.readInt32BE(22), bytes.readInt32BE(26), row.correct, row.ms)
}

/** Sorted by student only: nothing may depend on the order of the items. */
export function matrixOf(rows: readonly Row[]): ResponseMatrix {
  const matrix = new ResponseMatrix({ most: 10_000_000, times: true })
  for (const row of [...rows].sort((one, other) => one.student - other.student)) addRow(matrix, row)
  return matrix
}

/** One line a student, one character an item (item ids 1, 2, ...): 1 right, 0 wrong, . not answered. */
export function rowsOf(...lines: string[]): Row[] {
  return lines.flatMap((line, student) =>
    [...line].flatMap((answer, item) =>
      answer === '.' ? [] : [{ student: student + 1, item: BigInt(item + 1), correct: answer === '1', ms: 0 }],
    ),
  )
}

/** The rows that are kept. */
export function keptRows(rows: readonly Row[], matrix: ResponseMatrix, kept: Kept): Row[] {
  const students = [...new Set(rows.map((row) => row.student))].sort((one, other) => one - other)
  return rows.filter(
    (row) => kept.students[students.indexOf(row.student)] === 1 && kept.items[matrix.itemOf(String(row.item))!] === 1,
  )
}

/** Few students and items, so that they meet; `repeats`: as with attempts=all. */
export const arbitraryRows = (repeats: boolean, most = 120): fc.Arbitrary<Row[]> => {
  const items = fc.constantFrom(
    ...[-(2n ** 63n), -7n, 0n, 1n, 2n, 3n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  )
  const row = fc.record({
    student: fc.integer({ min: 1, max: 14 }),
    item: items,
    correct: fc.boolean(),
    ms: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.constant(2 ** 31 - 1)),
  })
  return repeats
    ? fc.array(row, { maxLength: most })
    : fc.uniqueArray(row, { maxLength: most, selector: (each) => `${each.student} ${each.item}` })
}
