/** Readiness: by hand, against the textbook on complete data, against plain formulas on any data. */
import fc from 'fast-check'
import t from 'tap'
import { median } from '../../src/irt/median.js'
import { Pacer } from '../../src/irt/pacer.js'
import { peel } from '../../src/irt/peel.js'
import type { ProblemCode } from '../../src/irt/types.js'
import { readiness as readinessOf } from '../../src/irt/readiness.js'
import { type ReadinessOptions } from '../../src/irt/types.js'
import { ResponseMatrix } from '../../src/irt/response-matrix.js'
import { arbitraryRows, keptRows, matrixOf, rowsOf, studentBytes, type Row } from './rows.js'

/** With the statistics as an array. */
async function readiness(...given: Parameters<typeof readinessOf>) {
  const result = await readinessOf(...given)
  return { ...result, item_statistics: [...result.item_statistics] }
}

async function of(rows: Row[], options: ReadinessOptions = {}, peeled: Parameters<typeof peel>[1] = {}) {
  const matrix = matrixOf(rows)
  return readiness(matrix, await peel(matrix, peeled), options)
}

const codes = ({ problems }: { problems: { code: ProblemCode; severity: string }[] }) =>
  Object.fromEntries(problems.map(({ code, severity }) => [code, severity]))

/** To 12 digits: literals and results may be added up in different orders. */
const close = (t: Tap, actual: number | null | undefined, expected: number | null, name: string) =>
  t.ok(
    expected === null || actual === null || actual === undefined
      ? actual === expected
      : Math.abs(actual - expected) < 1e-12,
    `${name}: ${actual}, not ${expected}`,
  )
type Tap = { ok: (holds: unknown, name: string) => unknown }

const numbersIn = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(numbersIn)
      : []

/** Pearson's r of whole numbers in exact arithmetic until the last division; null as `readiness` has it. */
function exactCorrelation(points: [x: bigint, y: bigint][]): number | null {
  const n = BigInt(points.length)
  const sum = (of: (x: bigint, y: bigint) => bigint) => points.reduce((total, [x, y]) => total + of(x, y), 0n)
  const sx = sum((x) => x)
  const sy = sum((_, y) => y)
  const xx = n * sum((x) => x * x) - sx * sx
  const yy = n * sum((_, y) => y * y) - sy * sy
  if (n < 3n || xx === 0n || yy === 0n) return null
  return Number(n * sum((x, y) => x * y) - sx * sy) / (Math.sqrt(Number(xx)) * Math.sqrt(Number(yy)))
}

t.test('complete data: the textbook corrected item-total correlation', async (t) => {
  // by python3: statistics.correlation(x, y) with x the item's column and y the row sums without it
  const result = await of(rowsOf('11101', '11011', '10110', '11000', '01110', '10000'))
  const expected = [-0.3872983346207417, 0.13130643285972257, 0, 0, 0.4629100498862757]
  for (const [at, item] of result.item_statistics.entries()) close(t, item.point_biserial, expected[at]!, item.item_id)
  // n and p by counting down the columns: 5, 4, 3, 3 and 2 of 6
  t.same(
    result.item_statistics.map(({ item_id, n, p }) => [item_id, n, p]),
    [
      ['1', 6, 5 / 6],
      ['2', 6, 4 / 6],
      ['3', 6, 0.5],
      ['4', 6, 0.5],
      ['5', 6, 2 / 6],
    ],
  )
  t.same([result.responses, result.students, result.items, result.density, result.repeated_responses], [30, 6, 5, 1, 0])
  // a zero that rounding made negative would be flagged
  t.same(
    result.item_statistics.map((item) => item.flags.includes('negative_discrimination')),
    [true, false, false, false, false],
  )
  t.same(
    [result.perfect_scores, result.zero_scores, result.components, result.largest_components],
    [0, 0, 1, [{ students: 6, items: 5, responses: 30 }]],
  )
})

t.test('no correlation is 0, not what rounding makes of it', async (t) => {
  // item 1: x 0 1 1 0 0 1, rests 2 1 2 0 1 0: 6 * 3 - 3 * 6 = 0; added up in doubles the sum of products is -2.8e-17
  const [item] = (await of(rowsOf('0101', '1010', '1101', '0000', '0010', '1000'))).item_statistics
  t.equal(item!.point_biserial, 0)
  t.notOk(item!.flags.includes('negative_discrimination'))
})

t.test('incomplete data: with the share correct of what else was answered', async (t) => {
  // item 1: x 1 1 0 1 with shares 1/2 1/2 1 1/2 (the last student answered nothing else): r = -1 by hand.
  // Items 2 and 3 by python3's statistics.correlation of [1,1,1,0] with [1/2,1/2,0,1] and [0,0,1,0] with [1,1,1/2,1/2];
  // item 4: all shares are 1/2.
  const result = await of(rowsOf('110.', '1.01', '011.', '.100', '10.1', '0...'))
  const expected = [-1, -0.8164965809277261, -0.5773502691896258, null]
  for (const [at, item] of result.item_statistics.entries()) close(t, item.point_biserial, expected[at]!, item.item_id)
  t.same(
    result.item_statistics.map(({ n, p }) => [n, p]),
    [
      [5, 3 / 5],
      [4, 3 / 4],
      [4, 1 / 4],
      [3, 2 / 3],
    ],
  )
  t.equal(result.density, 16 / 24)
  t.same([result.perfect_scores, result.zero_scores], [0, 1])
})

t.test('repeated responses: a student is one point, and the rest has other items only', async (t) => {
  // shares of the item and of the rest by hand, e.g. student 1: item 1 1/2, rest 2/2; correlations by Python
  const answers: Record<number, Record<number, number[]>> = {
    1: { 1: [0, 1], 2: [1], 3: [1] },
    2: { 1: [0], 2: [0, 0], 3: [1] },
    3: { 1: [1, 1, 1], 2: [1], 3: [0] },
    4: { 1: [0, 1, 1, 0], 2: [0], 3: [0] },
  }
  const rows = Object.entries(answers).flatMap(([student, items]) =>
    Object.entries(items).flatMap(([item, all]) =>
      all.map((answer) => ({ student: Number(student), item: BigInt(item), correct: answer === 1, ms: 0 })),
    ),
  )
  const result = await of(rows)
  const expected = [0.16329931618554522, 0.9419925444672842, -0.5005173307126192]
  for (const [at, item] of result.item_statistics.entries()) close(t, item.point_biserial, expected[at]!, item.item_id)
  t.same(
    result.item_statistics.map(({ n, p }) => [n, p]),
    [
      [10, 6 / 10],
      [5, 2 / 5],
      [4, 2 / 4],
    ],
  )
  t.equal(result.repeated_responses, 7)
  t.equal(result.density, 19 / 12)
  t.equal(codes(result).repeated_responses, 'suffers')
})

t.test('any data: as plain formulas have it', async (t) => {
  const minimum = fc.integer({ min: 0, max: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(arbitraryRows(false), arbitraryRows(true)),
      minimum,
      minimum,
      async (rows, minPerItem, minPerStudent) => {
        const matrix = matrixOf(rows)
        const kept = await peel(matrix, { minPerItem, minPerStudent })
        const left = keptRows(rows, matrix, kept)
        const result = await readiness(matrix, kept, { tooFew: 3, tooEasy: 0.8, tooHard: 0.2 })
        t.ok(numbersIn(result).every(Number.isFinite))
        const items = [...new Set(left.map((row) => row.item))].sort((one, other) => (one < other ? -1 : 1))
        const students = [...new Set(left.map((row) => row.student))]
        t.same([result.responses, result.students, result.items], [left.length, students.length, items.length])
        t.equal(result.density, left.length === 0 ? null : left.length / (students.length * items.length))
        t.same(
          result.item_statistics.map((item) => item.item_id),
          items.map(String),
        )

        for (const [at, item] of items.entries()) {
          const actual = result.item_statistics[at]!
          const own = left.filter((row) => row.item === item)
          const n = own.length
          const solved = own.filter((row) => row.correct).length
          t.equal(actual.n, n)
          t.equal(actual.p, solved / n)
          const times = own
            .map((row) => row.ms)
            .filter((ms) => ms > 0)
            .sort((one, other) => one - other)
          t.equal(
            actual.median_time_ms,
            times.length === 0
              ? null
              : (times[Math.floor((times.length - 1) / 2)]! + times[Math.floor(times.length / 2)]!) / 2,
          )
          const scale = 5040n * 5040n * 11n * 13n // by which the shares of few responses are whole numbers
          const points: [bigint, bigint][] = []
          let whole = true
          for (const student of students) {
            const his = left.filter((row) => row.student === student)
            const to = his.filter((row) => row.item === item)
            const other = his.filter((row) => row.item !== item)
            if (to.length === 0 || other.length === 0) continue
            const share = (some: Row[]) => {
              if (scale % BigInt(some.length) !== 0n) whole = false
              return (BigInt(some.filter((row) => row.correct).length) * scale) / BigInt(some.length)
            }
            points.push([share(to), share(other)])
          }
          const expected = exactCorrelation(points)
          if (whole) close(t, actual.point_biserial, expected, 'r')
          const r = actual.point_biserial
          t.same(actual.flags, [
            ...(solved === 0 || solved === n ? ['single_category'] : []),
            ...(n < 3 ? ['too_few'] : []),
            ...(solved / n > 0.8 ? ['too_easy'] : []),
            ...(solved / n < 0.2 ? ['too_hard'] : []),
            ...(r !== null && r < 0 ? ['negative_discrimination'] : []),
          ])
        }

        // components by walking from response to response
        const found: { students: number; items: number; responses: number }[] = []
        const unseen = new Set(left)
        for (const start of left) {
          if (!unseen.delete(start)) continue
          const component = [start]
          for (const at of component)
            for (const other of unseen)
              if (other.student === at.student || other.item === at.item) {
                unseen.delete(other)
                component.push(other)
              }
          found.push({
            students: new Set(component.map((row) => row.student)).size,
            items: new Set(component.map((row) => row.item)).size,
            responses: component.length,
          })
        }
        found.sort(
          (one, other) => other.students - one.students || other.items - one.items || other.responses - one.responses,
        )
        t.equal(result.components, found.length)
        t.same(result.largest_components, found.slice(0, 20))
        const all = (student: number, correct: boolean) =>
          left.every((row) => row.student !== student || row.correct === correct)
        t.equal(result.perfect_scores, students.filter((student) => all(student, true)).length)
        t.equal(result.zero_scores, students.filter((student) => all(student, false)).length)

        // ill-conditioned: reachability over pairs of items, as in eRm's datcheck, beyond what is disconnected
        const two = items.filter(
          (item) => new Set(left.filter((row) => row.item === item).map((row) => row.correct)).size === 2,
        )
        const reaches = two.map((from) =>
          two.map(
            (to) =>
              from === to ||
              left.some(
                (one) =>
                  one.item === from &&
                  one.correct &&
                  left.some((other) => other.student === one.student && other.item === to && !other.correct),
              ),
          ),
        )
        for (let via = 0; via < two.length; via++)
          for (const row of reaches)
            if (row[via]) for (let to = 0; to < two.length; to++) row[to] ||= reaches[via]![to]!
        const strong = new Set(
          two.map((_, at) => two.map((_, to) => (reaches[at]![to] && reaches[to]![at] ? 1 : 0)).join('')),
        ).size
        const joins = items.map((one) =>
          items.map((other) =>
            left.some(
              (row) => row.item === one && left.some((each) => each.student === row.student && each.item === other),
            ),
          ),
        )
        for (let via = 0; via < items.length; via++)
          for (const row of joins) if (row[via]) for (let to = 0; to < items.length; to++) row[to] ||= joins[via]![to]!
        const weak = new Set(two.map((item) => joins[items.indexOf(item)]!.join())).size
        t.equal(
          result.problems.some((problem) => problem.code === 'ill_conditioned'),
          strong > weak,
        )
        if (strong > weak)
          t.match(
            result.problems.find((problem) => problem.code === 'ill_conditioned')!.detail,
            new RegExp(`^${strong} groups`),
          )
      },
    ),
    { numRuns: 150 },
  )
})

t.test('the median interpolates, leaves out what was not recorded, and is null without any', async (t) => {
  const timed = (...times: number[]) =>
    times.map((ms, at): Row => ({ student: at + 1, item: 1n, correct: at % 2 === 0, ms }))
  const medianOf = async (...times: number[]) => (await of(timed(...times))).item_statistics[0]!.median_time_ms
  t.equal(await medianOf(0, 1000, 0, 4000, 2001), 2001)
  t.equal(await medianOf(2, 1, 0), 1.5)
  t.equal(await medianOf(2_147_483_647, 2_147_483_647), 2_147_483_647)
  t.equal(await medianOf(0, 0), null)
})

t.test('the median of many is that of sorting', async (t) => {
  const value = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 200_000 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 16_390, max: 40_000 }),
      fc.integer({ min: 1, max: 2 ** 20 }),
      async (some, length, step) => {
        const values = Int32Array.from({ length }, (_, at) =>
          at % 2 === 0 ? some[at % some.length]! : (at * step) % 1_000_003,
        )
        const sorted = values.slice(3).sort()
        const n = sorted.length
        t.equal(
          await median(values, 3, length, new Pacer()),
          (sorted[Math.floor((n - 1) / 2)]! + sorted[Math.floor(n / 2)]!) / 2,
        )
      },
    ),
    { numRuns: 40 },
  )
})

t.test('flags stand beyond their thresholds, not at them', async (t) => {
  const shares = (right: number, n: number, item: bigint): Row[] =>
    Array.from({ length: n }, (_, at) => ({ student: at, item, correct: at < right, ms: 0 }))
  const flags = Object.fromEntries(
    (
      await of([
        ...shares(19, 20, 1n),
        ...shares(39, 40, 2n),
        ...shares(2, 40, 3n),
        ...shares(1, 40, 4n),
        ...shares(40, 40, 5n),
        ...shares(0, 30, 6n),
        ...shares(10, 29, 7n),
      ])
    ).item_statistics.map((item) => [item.item_id, item.flags.filter((flag) => flag !== 'negative_discrimination')]),
  )
  t.same(flags, {
    1: ['too_few'],
    2: ['too_easy'],
    3: [],
    4: ['too_hard'],
    5: ['single_category', 'too_easy'],
    6: ['single_category', 'too_hard'],
    7: ['too_few'],
  })
})

t.test('nothing: one problem, and no number that is none', async (t) => {
  const result = await of([])
  t.same(result, {
    responses: 0,
    students: 0,
    items: 0,
    density: null,
    repeated_responses: 0,
    perfect_scores: 0,
    zero_scores: 0,
    components: 0,
    largest_components: [],
    problems: [
      {
        code: 'no_responses',
        severity: 'refuses',
        detail:
          'No responses are left: there is nothing to fit. ' +
          'Widen the filters, or lower min_per_item and min_per_student.',
      },
    ],
    item_statistics: [],
  })
})

t.test('one student', async (t) => {
  const result = await of(rowsOf('101'))
  t.same(
    result.item_statistics.map((item) => [item.n, item.p, item.point_biserial]),
    [
      [1, 1, null],
      [1, 0, null],
      [1, 1, null],
    ],
  )
  t.same(codes(result), { single_category_items: 'refuses', too_few_responses: 'suffers', extreme_items: 'suffers' })
})

t.test('one item', async (t) => {
  const result = await of(rowsOf('1', '0', '1'))
  t.same(codes(result), { one_item: 'refuses', extreme_students: 'refuses', too_few_responses: 'suffers' })
  t.match(result.problems[0]!.detail, /item_id 1 is the only item/)
})

t.test('two groups that nothing joins are named, and what joins them ends it', async (t) => {
  const apart = ['10..', '01..', '10..', '..10', '..01']
  const result = await of(rowsOf(...apart), { tooFew: 1 })
  t.same(result.largest_components, [
    { students: 3, items: 2, responses: 6 },
    { students: 2, items: 2, responses: 4 },
  ])
  t.same(codes(result), { disconnected: 'refuses', negative_discrimination: 'suffers' })
  t.match(result.problems[0]!.detail, /^2 groups .* largest with 2 items and 3 students; outside it are item_id 3, 4:/)
  const joined = await of(rowsOf(...apart, '.10.'), { tooFew: 1 })
  t.equal(joined.components, 1)
  // joined in one direction only: nobody solved 3 or 4 and failed 1 or 2
  t.equal(codes(joined).ill_conditioned, 'refuses')
  t.match(joined.problems[0]!.detail, /^2 groups .* outside it are item_id 3, 4:/)
  t.notOk('ill_conditioned' in codes(await of(rowsOf(...apart, '.10.', '.01.'), { tooFew: 1 })))
})

t.test('at most 20 components are listed, all are counted', async (t) => {
  const rows = Array.from({ length: 25 }, (_, at): Row[] =>
    [0, 1].map((more) => ({ student: at * 2 + more, item: BigInt(at), correct: more === 0, ms: 0 })),
  ).flat()
  const result = await of(rows)
  t.equal(result.components, 25)
  t.equal(result.largest_components.length, 20)
  t.match(
    result.problems.find((problem) => problem.code === 'disconnected')!.detail,
    /item_id 1, 2, 3, 4, 5 and 19 more/,
  )
})

t.test('everybody extreme: conditional ML has nothing left', async (t) => {
  t.equal(codes(await of(rowsOf('11', '00', '00'))).extreme_students, 'refuses')
  t.equal(codes(await of(rowsOf('11', '00', '10'))).extreme_students, 'suffers')
  t.notOk('extreme_students' in codes(await of(rowsOf('10', '01'))))
})

t.test('students with one item are what eRm stops at', async (t) => {
  t.equal(codes(await of(rowsOf('10', '01', '1.'))).one_item_students, 'refuses')
  t.notOk('one_item_students' in codes(await of(rowsOf('10', '01', '1.'), {}, { minPerStudent: 2 })))
})

t.test('an anchor that lost its students is there, with nulls, and is a problem', async (t) => {
  const result = await of(rowsOf('10.', '01.', '..1'), { tooFew: 1 }, { minPerStudent: 2, anchors: ['3'] })
  t.same(result.item_statistics[2], {
    item_id: '3',
    n: 0,
    p: null,
    point_biserial: null,
    median_time_ms: null,
    flags: ['too_few'],
  })
  t.equal(codes(result).items_without_responses, 'refuses')
  t.same(result.largest_components, [
    { students: 2, items: 2, responses: 4 },
    { students: 0, items: 1, responses: 0 },
  ])
})

t.test('needs times', async (t) => {
  const matrix = new ResponseMatrix({ most: 1 })
  await t.rejects(readiness(matrix, await peel(matrix)))
})

t.test('far from 0 the correlation is as exact as near it', async (t) => {
  // 200,000 students, all shares near 1: sums of squares would lose what little variance there is
  const matrix = new ResponseMatrix({ most: 2_000_000, times: true })
  const id = studentBytes(0)
  const counts = [0, 0, 0, 0] // students by (item 0 right?, rest perfect?)
  for (let student = 0; student < 200_000; student++) {
    id.writeUInt32BE(student, 12)
    const first = student % 1000 !== 7
    const rest = student % 2500 !== 9
    counts[(first ? 2 : 0) + (rest ? 1 : 0)]!++
    matrix.add(id, 0, 0, 0, first, 0)
    for (let item = 1; item < 4; item++) matrix.add(id, 0, 0, item, rest || item > 1, 0)
  }
  // phi of the 2 x 2 table: the rest has two values
  const [ff, fr, rf, rr] = counts as [number, number, number, number]
  const phi = (rr * ff - rf * fr) / Math.sqrt((rr + rf) * (ff + fr) * (rr + fr) * (rf + ff))
  const actual = (await readiness(matrix, await peel(matrix))).item_statistics[0]!.point_biserial!
  t.ok(Math.abs(actual - phi) < 1e-11, `${actual}, not ${phi}`)
  t.equal(Math.sign(actual), -1)
})

t.test('others have their turn during a long run, and an abort ends it', async (t) => {
  const matrix = new ResponseMatrix({ most: 2_000_000, times: true })
  const id = studentBytes(0)
  for (let at = 0; at < 1_500_000; at++) {
    id.writeUInt32BE(Math.floor(at / 30), 12)
    matrix.add(id, 0, 0, (at * 7) % 500, (at * 31) % 7 < 4, at % 9999)
  }
  const kept = await peel(matrix, { minPerItem: 5 })
  let ticks = 0
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    ticks++
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  // of the processor: what others take of it says nothing of the slices
  const begun = process.cpuUsage()
  await readiness(matrix, kept)
  const { user, system } = process.cpuUsage(begun)
  const took = (user + system) / 1000
  clearInterval(timer)
  t.ok(ticks > 0 && ticks >= took / 100, `${ticks} ticks in ${took} ms`)
  t.comment(`${Math.round(took)} ms, ${ticks} ticks, at most ${Math.round(longest)} ms apart`)
  const abort = new AbortController()
  const running = readiness(matrix, kept, { signal: abort.signal })
  setImmediate(() => abort.abort(new Error('the reader left')))
  await t.rejects(running, { message: 'the reader left' })
})
