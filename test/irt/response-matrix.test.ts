/** A matrix returns what it was given: item ids of 64 bits, order, size limit, memory. */
import fc from 'fast-check'
import t from 'tap'
import { ResponseMatrix, TooManyResponses } from '../../src/irt/response-matrix.js'
import { addRow, arbitraryRows, matrixOf, studentBytes, type Row } from './rows.js'

const row: Row = { student: 1, item: 7n, correct: true, ms: 12 }

t.test('gives back what it was given', async (t) => {
  fc.assert(
    fc.property(arbitraryRows(true), (rows) => {
      const sorted = [...rows].sort((one, other) => one.student - other.student)
      const students = [...new Set(sorted.map((each) => each.student))]
      const matrix = matrixOf(rows)
      const back: Row[] = []
      for (let student = 0; student < matrix.students; student++) {
        for (let response = matrix.begin(student); response < matrix.end(student); response++) {
          t.equal(matrix.itemAndCorrect(response), (matrix.item(response) << 1) | matrix.correct(response))
          back.push({
            student: students[student]!,
            item: BigInt(matrix.itemId(matrix.item(response))),
            correct: matrix.correct(response) === 1,
            ms: matrix.time(response),
          })
        }
      }
      t.same(back, sorted)
      t.equal(matrix.students, students.length)
      t.equal(matrix.items, new Set(rows.map((each) => each.item)).size)
    }),
    { numRuns: 100 },
  )
})

t.test('item ids are exact over the whole range, and in numeric order', async (t) => {
  const ids = [
    '-9223372036854775808',
    '-9007199254740993',
    '-9007199254740992',
    '-4294967296',
    '-1',
    '0',
    '1',
    '10',
    '9',
    '4294967295',
    '4294967296',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
  ]
  const matrix = matrixOf(ids.map((id) => ({ ...row, item: BigInt(id) })))
  t.same(
    [...matrix.itemOrder()].map((item) => matrix.itemId(item)),
    [
      '-9223372036854775808',
      '-9007199254740993',
      '-9007199254740992',
      '-4294967296',
      '-1',
      '0',
      '1',
      '9',
      '10',
      '4294967295',
      '4294967296',
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '9223372036854775807',
    ],
  )
  for (const [index, id] of ids.entries()) t.equal(matrix.itemOf(id), index)
  t.equal(matrix.itemOf('2'), undefined)
  t.equal(matrix.itemOf('9223372036854775808'), undefined, 'not the id that it would overflow to')
  addRow(matrix, { ...row, item: -5n })
  t.equal(matrix.itemId(matrix.itemOrder()[3]!), '-4294967296')
  t.equal(matrix.itemId(matrix.itemOrder()[4]!), '-5', 'the order has what came after it was asked for')
})

t.test('takes the halves of an id of either sign', async (t) => {
  const matrix = new ResponseMatrix({ most: 10 })
  matrix.add(studentBytes(1), 0, -1, -1, true, 0)
  matrix.add(studentBytes(1), 0, 0xffffffff, 0xffffffff, true, 0)
  t.equal(matrix.items, 1)
  t.equal(matrix.itemId(0), '-1')
})

t.test('many items', async (t) => {
  const matrix = matrixOf(
    Array.from({ length: 20_000 }, (_, at) => ({ ...row, item: BigInt(at) * 0x1_0000_0001n - 10_000n })),
  )
  t.equal(matrix.items, 20_000)
  t.equal(matrix.itemOf(String(19_999n * 0x1_0000_0001n - 10_000n)), 19_999)
  t.same([...matrix.itemOrder()].slice(0, 3), [0, 1, 2])
})

t.test('students are distinguished by all bits of their ids', async (t) => {
  const matrix = new ResponseMatrix({ most: 10 })
  const ids = [
    '0123456789abcdef0123456789abcdef',
    '0123456789abcdef0123456789abcdf0',
    '0123456789abcdeffedcba98fedcba98',
    '0123456799abcdeffedcba98fedcba98',
    'fedcba98ffffffff80000000fffffffe',
  ]
  for (const id of ids) matrix.add(Buffer.from(id, 'hex'), 0, 0, 1, true, 0)
  t.equal(matrix.students, ids.length)
})

t.test('a student of zeros is a student', async (t) => {
  const matrix = matrixOf([
    { ...row, student: 0 },
    { ...row, student: 0, item: 8n },
  ])
  t.equal(matrix.students, 1)
  t.equal(matrix.end(0), 2)
})

t.test('refuses rows that are not ordered by student', async (t) => {
  const matrix = new ResponseMatrix({ most: 10 })
  addRow(matrix, { ...row, student: 2 ** 31 }) // a signed comparison would take it for less than 1
  t.throws(() => addRow(matrix, { ...row, student: 1 }), RangeError)
})

t.test('takes as many responses as it was told, and no more', async (t) => {
  const matrix = new ResponseMatrix({ most: 2 })
  addRow(matrix, row)
  addRow(matrix, { ...row, student: 2 })
  t.throws(() => addRow(matrix, { ...row, student: 3, item: 9n }), TooManyResponses)
  try {
    addRow(matrix, { ...row, student: 3, item: 9n })
  } catch (error) {
    t.ok(error instanceof TooManyResponses && error.most === 2)
  }
  t.same([matrix.responses, matrix.students, matrix.items], [2, 2, 1], 'what was refused left no trace')
  for (const most of [-1, 1.5, Number.NaN, 2 ** 31]) t.throws(() => new ResponseMatrix({ most }), RangeError)
})

t.test('keeps times only if requested', async (t) => {
  const matrix = new ResponseMatrix({ most: 10 })
  addRow(matrix, row)
  t.equal(matrix.time(0), 0)
  t.equal(matrix.timed, false)
})

t.test('takes 4 bytes a response, 8 with times, over many chunks', async (t) => {
  for (const [times, each] of [
    [false, 4],
    [true, 8],
  ] as const) {
    const matrix = new ResponseMatrix({ most: 2 ** 20, times })
    const id = studentBytes(0)
    for (let at = 0; at < 500_000; at++) {
      id.writeUInt32BE(at >>> 7, 12)
      matrix.add(id, 0, 0, at % 1000, at % 3 === 0, at)
    }
    t.ok(matrix.bytes < 500_000 * each + 3 * 262_144 + 4 * 4000, String(matrix.bytes))
    t.equal(matrix.item(499_999), 999)
    t.equal(matrix.time(400_000), times ? 400_000 : 0)
    t.equal(matrix.correct(300_000), 1)
    t.equal(matrix.begin(1000), 128_000)
  }
})
