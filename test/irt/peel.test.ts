/** The core that remains, against a definition that drops everything too small, looks again, and drops again. */
import fc from 'fast-check'
import t from 'tap'
import { peel } from '../../src/irt/peel.js'
import { ResponseMatrix } from '../../src/irt/response-matrix.js'
import { arbitraryRows, keptRows, matrixOf, rowsOf, studentBytes, type Row } from './rows.js'

function naive(rows: Row[], minPerItem: number, minPerStudent: number, anchors: string[]): Row[] {
  for (;;) {
    const count = (of: (row: Row) => unknown, value: unknown) => rows.filter((row) => of(row) === value).length
    const rest = rows.filter(
      (row) =>
        (anchors.includes(String(row.item)) || count((each) => each.item, row.item) >= minPerItem) &&
        count((each) => each.student, row.student) >= minPerStudent,
    )
    if (rest.length === rows.length) return rest
    rows = rest
  }
}

t.test('is the core, whatever it is given', async (t) => {
  const least = fc.integer({ min: 0, max: 7 })
  const anchors = fc.subarray(['-9223372036854775808', '-7', '1', '9007199254740993', '5'])
  await fc.assert(
    fc.asyncProperty(arbitraryRows(true), least, least, anchors, async (rows, minPerItem, minPerStudent, anchors) => {
      const matrix = matrixOf(rows)
      const kept = await peel(matrix, { minPerItem, minPerStudent, anchors })
      const expected = naive(rows, minPerItem, minPerStudent, anchors)
      t.same(keptRows(rows, matrix, kept), expected)
      t.equal(kept.responseCount, expected.length)
      t.equal(kept.studentCount, new Set(expected.map((row) => row.student)).size)
      const ids = new Set(expected.map((row) => String(row.item)))
      for (const id of anchors) if (rows.some((row) => String(row.item) === id)) ids.add(id)
      t.equal(kept.itemCount, ids.size)
      t.same(
        [...matrix.itemOrder()]
          .filter((item) => kept.items[item] === 1)
          .map((item) => matrix.itemId(item))
          .sort(),
        [...ids].sort(),
      )
      for (let item = 0; item < matrix.items; item++)
        t.equal(kept.itemResponses[item], expected.filter((row) => String(row.item) === matrix.itemId(item)).length)
      const students = [...new Set(rows.map((row) => row.student))].sort((one, other) => one - other)
      for (const [at, student] of students.entries())
        t.equal(kept.studentResponses[at], expected.filter((row) => row.student === student).length)
      t.same(
        kept.absentAnchors,
        anchors.filter((id) => !rows.some((row) => String(row.item) === id)),
      )
    }),
    { numRuns: 200 },
  )
})

t.test('drops in turn what falls below because of what was dropped', async (t) => {
  // item 4 has one response; without it the third student has one; without them item 3 has one; then the second has one
  const rows = rowsOf('11..', '1.1.', '..11')
  const matrix = matrixOf(rows)
  t.equal((await peel(matrix, { minPerItem: 2 })).responseCount, 4)
  t.equal((await peel(matrix, { minPerItem: 2, minPerStudent: 2 })).responseCount, 0)
  const kept = await peel(matrixOf(rowsOf('11..', '11..', '1.1.', '..11')), { minPerItem: 2, minPerStudent: 2 })
  t.same([kept.responseCount, kept.studentCount, kept.itemCount], [4, 2, 2])
})

t.test('keeps an anchor with one response, and with none, and names one that nobody ever answered', async (t) => {
  const matrix = matrixOf(rowsOf('111.', '111.', '1..1'))
  const one = await peel(matrix, { minPerItem: 2, anchors: ['4', '99'] })
  t.equal(one.items[matrix.itemOf('4')!], 1)
  t.equal(one.itemResponses[matrix.itemOf('4')!], 1)
  t.same(one.absentAnchors, ['99'])
  const none = await peel(matrix, { minPerItem: 2, minPerStudent: 3, anchors: ['4'] })
  t.same([none.itemCount, none.studentCount, none.responseCount], [4, 2, 6])
  t.equal(none.itemResponses[matrix.itemOf('4')!], 0)
})

t.test('counts responses: a student who answers an item three times gives it three', async (t) => {
  const again = [1, 2, 3].map(() => ({ student: 1, item: 5n, correct: true, ms: 0 }))
  t.equal((await peel(matrixOf(again), { minPerItem: 3, minPerStudent: 3 })).responseCount, 3)
  t.equal((await peel(matrixOf(again), { minPerItem: 4 })).responseCount, 0)
})

t.test('nothing remains of nothing', async (t) => {
  const kept = await peel(matrixOf([]), { minPerItem: 3, minPerStudent: 3, anchors: ['1'] })
  t.same([kept.responseCount, kept.studentCount, kept.itemCount, kept.absentAnchors], [0, 0, 0, ['1']])
})

/** Student k answers items k and k + 1: with minima of 2 the ends fall, and every fall makes the next. */
function chain(length: number): ResponseMatrix {
  const matrix = new ResponseMatrix({ most: 2 * length, times: true })
  const id = studentBytes(0)
  for (let student = 0; student < length; student++) {
    id.writeUInt32BE(student, 12)
    matrix.add(id, 0, 0, student, true, 0)
    matrix.add(id, 0, 0, student + 1, false, 0)
  }
  return matrix
}

t.test('takes a chain of 300,000 that drops one a round, while timers go on', async (t) => {
  const matrix = chain(300_000)
  let ticks = 0
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    ticks++
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  const begun = performance.now()
  const kept = await peel(matrix, { minPerItem: 2, minPerStudent: 2 })
  const took = performance.now() - begun
  clearInterval(timer)
  t.equal(kept.responseCount, 0)
  t.ok(took < 20_000, `${took} ms: rounds over everything would take 300,000 times a millisecond`)
  if (took > 60) t.ok(ticks > 0, `no timer fired in ${took} ms`)
  t.comment(`${Math.round(took)} ms, ${ticks} ticks, at most ${Math.round(longest)} ms apart`)
})

t.test('ends where it is aborted', async (t) => {
  const abort = new AbortController()
  const running = peel(chain(1_000_000), { minPerItem: 2, minPerStudent: 2, signal: abort.signal })
  setImmediate(() => abort.abort(new Error('the reader left')))
  await t.rejects(running, { message: 'the reader left' })
})
