import t from 'tap'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { startApp } from '../helpers/app.js'
import { parseCsv } from '../helpers/csv.js'
import { createDatabase } from '../helpers/database.js'
import { onPath } from '../helpers/on-path.js'

const db = await createDatabase(t)
const exams = cohort({
  exams: 400,
  questions: 6,
  students: 60,
  items: 45,
  days: 20,
  end: new Date('2026-01-20T00:00:00Z'),
  seed: 11,
})
await loadExamResults(
  db.pool,
  (function* () {
    for (const exam of exams) yield JSON.stringify(exam)
  })(),
)
// rare items, a rare student, an item twice in one exam, no correctness, no time, ids beyond a double
await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at) values
  ('rare-1', 'rare', '{"questions": [{"question_id": 9007199254740993, "is_correct": true, "time_spent_sec": 1.5},
    {"question_id": -7, "is_correct": false}, {"question_id": -7, "is_correct": true}]}', '2026-01-05T00:00:00Z'),
  ('rare-2', 'student-1', '{"questions": [{"question_id": -7, "is_correct": true, "used_hints": 2},
    {"question_id": 5}]}', '2026-01-06T00:00:00Z')`)
await buildIndexes(db.pool, () => undefined)
const app = await startApp(t, db.url)

interface Response {
  id: string
  item: string
  resp: string
  rt: string
  wave: number
  topic: string | null
  completed_at: Date
  hint: boolean
}
/** What the plain view says, unanswered left out unless asked for; in the order of the answer. */
const fromView = async (where = 'true', explicit = true) =>
  (
    await db.pool.query<Response>(
      `select a.student_id::text as id, a.item_id::text as item, a.correct::int::text as resp,
        case when a.response_time_ms > 0 then (a.response_time_ms / 1000.0)::float8::text else '' end as rt,
        a.attempt_no as wave
   from attempt a where ${where} ${
     explicit
       ? `and not exists (select 1 from attempt_anomaly n join exam_results r on r.id = n.exam_result_id
     where n.reason = 'correctness_missing' and r.session_id = a.session_id and n.question_id = a.item_id::text)`
       : ''
   }
   order by a.student_id, a.item_id, a.attempt_no`,
    )
  ).rows
const cells = (rows: Response[], wave = false) =>
  rows.map(({ id, item, resp, rt, wave: no }) => [id, item, resp, rt, ...(wave ? [String(no)] : [])])
const long = async (query: string) => {
  const response = await app.inject(`/v1/irt/responses?${query}`)
  if (response.statusCode !== 200) throw new Error(`${query}: ${response.statusCode} ${response.body}`)
  return {
    head: parseCsv(response.body)[0],
    rows: parseCsv(response.body).slice(1),
    trailer: response.trailers['attempt-rows'],
  }
}

t.test('long gives what the view gives, under every filter', async (t) => {
  for (const [query, where, explicit] of [
    ['', 'a.attempt_no = 1', true],
    ['answered=any', 'a.attempt_no = 1', false],
    ['hints=exclude', 'a.attempt_no = 1 and not a.hint_used', true],
    ['topic_id=algebra&topic_id=geometry', `a.attempt_no = 1 and a.topic_id in ('algebra', 'geometry')`, true],
    ['item_id=-7&item_id=9007199254740993', 'a.attempt_no = 1 and a.item_id in (-7, 9007199254740993)', true],
    [
      'since=2026-01-04T00:00:00Z&until=2026-01-08T00:00:00Z',
      `a.attempt_no = 1 and a.completed_at >= '2026-01-04Z' and a.completed_at < '2026-01-08Z'`,
      true,
    ],
  ] as const) {
    const { head, rows, trailer } = await long(query)
    const expected = cells(await fromView(where, explicit))
    t.strictSame(head, ['id', 'item', 'resp', 'rt'])
    t.strictSame(rows, expected, query)
    t.equal(expected.length > 0 && trailer === String(expected.length), true)
  }
  const all = await long('attempts=all')
  t.strictSame(all.head, ['id', 'item', 'resp', 'rt', 'wave'])
  t.strictSame(all.rows, cells(await fromView(), true))
  const ndjson = (await app.inject('/v1/irt/responses?attempts=all&format=ndjson&item_id=-7')).body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  t.strictSame(
    ndjson,
    (await fromView('a.item_id = -7')).map(({ id, item, resp, rt, wave }) => ({
      id,
      item,
      resp: Number(resp),
      rt: rt === '' ? null : Number(rt),
      wave,
    })),
  )
})

/** Applied again and again, naively. */
function peeled(rows: Response[], perItem: number, perStudent: number, anchors: string[] = []): Response[] {
  for (let left = rows; ;) {
    const count = (key: 'id' | 'item') =>
      left.reduce((counts, row) => counts.set(row[key], (counts.get(row[key]) ?? 0) + 1), new Map<string, number>())
    const [items, students] = [count('item'), count('id')]
    const next = left.filter(
      (row) =>
        (anchors.includes(row.item) || (items.get(row.item) ?? 0) >= perItem) &&
        (students.get(row.id) ?? 0) >= perStudent,
    )
    if (next.length === left.length) return next
    left = next
  }
}

t.test('minimum counts are applied until both hold; anchors stay', async (t) => {
  const first = await fromView('a.attempt_no = 1')
  const sizes = new Set<number>()
  for (const [item, student] of [
    [33, 1],
    [1, 24],
    [34, 20],
    [35, 26],
    [36, 28],
    [2, 2],
    [1000, 1],
  ] as const) {
    const expected = peeled(first, item, student)
    sizes.add(expected.length)
    const { rows, trailer } = await long(`min_per_item=${item}&min_per_student=${student}`)
    t.strictSame(rows, cells(expected), `${item} ${student}`)
    t.equal(trailer, String(expected.length))
  }
  t.equal(sizes.size >= 4 && sizes.has(0), true, `they differ: ${[...sizes].join()}`)
  t.strictSame(
    (await long('min_per_item=30&min_per_student=2&anchor_item_id=-7&anchor_item_id=9007199254740993')).rows,
    cells(peeled(first, 30, 2, ['-7', '9007199254740993'])),
  )
  t.equal(
    (await long('min_per_item=30&min_per_student=2&anchor_item_id=-7')).rows.some(([, item]) => item === '-7'),
    true,
  )
  t.strictSame((await long('attempts=all&min_per_item=30')).rows, cells(peeled(await fromView(), 30, 1), true))
  for (const query of [
    'anchor_item_id=424242',
    'anchor_item_id=424242&min_per_item=3',
    'anchor_item_id=5',
    'layout=wide&anchor_item_id=424242',
  ]) {
    const refused = await app.inject(`/v1/irt/responses?${query}`)
    t.equal(refused.statusCode, 422, query)
    t.match(refused.json(), { code: 'anchor_without_responses', detail: /no response to (424242|5)\./ })
  }
  t.equal((await app.inject('/v1/irt/responses?anchor_item_id=5&answered=any')).statusCode, 200)
})

t.test('a sample is the same students every time, and a larger one holds a smaller one', async (t) => {
  const ids = async (share: string, more = '') =>
    new Set((await long(`sample=${share}${more}`)).rows.map(([id]) => id!))
  const everyone = await ids('1')
  const [tenth, fifth, half] = [await ids('0.1'), await ids('0.2'), await ids('0.5')]
  t.strictSame(await ids('0.1'), tenth)
  t.equal([...tenth].every((id) => fifth.has(id)) && [...fifth].every((id) => half.has(id)), true)
  t.equal(
    tenth.size < fifth.size && fifth.size < half.size && half.size < everyone.size && tenth.size > 0,
    true,
    `${tenth.size} ${fifth.size} ${half.size} of ${everyone.size}`,
  )
  const topic = await ids('0.5', '&topic_id=algebra')
  t.equal(
    [...topic].every((id) => half.has(id)),
    true,
    'whatever else is asked for',
  )
  t.strictSame(
    (await long('sample=0.5')).rows,
    cells((await fromView('a.attempt_no = 1')).filter(({ id }) => half.has(id))),
  )
  for (const bad of ['0', '1.5', '-0.1', 'x', ''])
    t.equal((await app.inject(`/v1/irt/responses?sample=${bad}`)).statusCode, 400, bad)
})

t.test('wide has a row a student and a column an item, and says how many before it begins', async (t) => {
  for (const query of ['', '&min_per_item=30&min_per_student=20', '&topic_id=algebra', '&since=2027-01-01T00:00:00Z']) {
    const response = await app.inject(`/v1/irt/responses?layout=wide${query}`)
    const [head = [], ...rows] = parseCsv(response.body)
    const { rows: expected } = await long(query.slice(1))
    const items = [...new Set(expected.map(([, item]) => item!))].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
    t.strictSame(head, ['id', ...items.map((item) => `item_${item}`)], query)
    t.equal(response.headers['attempt-columns'], String(items.length))
    const back = rows.flatMap(([id, ...row]) =>
      row.map((resp, index) => [id, items[index], resp]).filter(([, , resp]) => resp !== ''),
    )
    t.strictSame(
      back,
      expected.map(([id, item, resp]) => [id, item, resp]),
    )
    t.equal(response.trailers['attempt-rows'], String(new Set(expected.map(([id]) => id)).size))
  }
  const narrow = await startApp(t, db.url, { irtWideItems: 10 })
  const refused = await narrow.inject('/v1/irt/responses?layout=wide')
  t.equal(refused.statusCode, 422)
  t.match(refused.json(), { code: 'too_many_items', detail: /47 item columns.*layout=long/ })
  t.equal((await narrow.inject('/v1/irt/responses?layout=wide&item_id=-7')).statusCode, 200)
})

t.test('subjects has an object a student', async (t) => {
  const response = await app.inject('/v1/irt/responses?layout=subjects')
  const lines = response.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { subject_id: string; responses: Record<string, number> })
  const expected = (await long('')).rows
  t.strictSame(
    lines
      .flatMap(({ subject_id, responses }) =>
        Object.entries(responses).map(([item, resp]) => `${subject_id} ${item} ${resp}`),
      )
      .sort(),
    expected.map(([id, item, resp]) => `${id} ${item} ${resp}`).sort(),
  )
  t.equal(response.trailers['attempt-rows'], String(lines.length))
  t.equal((await app.inject('/v1/irt/responses?layout=subjects&item_id=424242')).body, '')
})

t.test('layouts answer in their formats only', async (t) => {
  for (const [query, status] of [
    ['layout=wide&format=ndjson', 406],
    ['layout=wide&format=arrow', 406],
    ['layout=subjects&format=csv', 406],
    ['format=json', 406],
    ['format=arrow', 200],
    ['layout=tall', 400],
    ['layout=wide&attempts=all', 400],
    ['attempts=second', 400],
    ['min_per_item=0', 400],
  ] as const) {
    t.equal((await app.inject(`/v1/irt/responses?${query}`)).statusCode, status, query)
  }
  t.match((await app.inject('/v1/irt/responses?layout=wide')).headers['content-type'], /^text\/csv/)
  t.equal(
    (
      await app.inject({
        path: '/v1/irt/responses',
        headers: { accept: 'application/json, text/xml, application/xml, */*' },
      })
    ).statusCode,
    200,
    'what R asks for',
  )
})

t.test('readiness says what the view says of each item', async (t) => {
  const answer = (await app.inject('/v1/irt/readiness?min_per_item=2')).json()
  const left = peeled(await fromView('a.attempt_no = 1'), 2, 1)
  const items = [...new Set(left.map(({ item }) => item))].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
  t.equal(answer.responses, left.length)
  t.equal(answer.students, new Set(left.map(({ id }) => id)).size)
  t.equal(answer.items, items.length)
  t.equal(answer.density, left.length / (answer.students * items.length))
  t.equal(answer.components, 1)
  t.strictSame(
    answer.item_statistics.map((item: { item_id: string; n: number; p: number; median_time_ms: number | null }) => [
      item.item_id,
      item.n,
      item.p,
      item.median_time_ms,
    ]),
    items.map((item) => {
      const rows = left.filter((row) => row.item === item)
      const times = rows
        .filter(({ rt }) => rt !== '')
        .map(({ rt }) => Math.round(Number(rt) * 1000))
        .sort((a, b) => a - b)
      const median =
        times.length === 0
          ? null
          : (times[Math.floor((times.length - 1) / 2)]! + times[Math.ceil((times.length - 1) / 2)]!) / 2
      return [item, rows.length, rows.filter(({ resp }) => resp === '1').length / rows.length, median]
    }),
  )
  // the item-rest correlation by PostgreSQL's own corr() over what the view says
  const { rows } = await db.pool.query<{
    item_id: string
    r: number
  }>(`with response as (select a.student_id, a.item_id, a.correct::int as x from attempt a
      where a.attempt_no = 1 and a.item_id > 1000 and a.item_id < 2000),
    person as (select student_id, sum(x) as total, count(*) as n from response group by student_id)
    select item_id::text, corr(x, (total - x)::float8 / (n - 1)) as r from response join person using (student_id)
    where n > 1 group by item_id order by response.item_id`)
  const cohortOnly = (
    await app.inject(`/v1/irt/readiness?${rows.map(({ item_id }) => `item_id=${item_id}`).join('&')}`)
  ).json()
  t.equal(rows.length, 45)
  for (const [index, { item_id, r }] of rows.entries()) {
    t.equal(cohortOnly.item_statistics[index].item_id, item_id)
    t.equal(
      Math.abs(cohortOnly.item_statistics[index].point_biserial - r) < 1e-9,
      true,
      `${item_id}: ${cohortOnly.item_statistics[index].point_biserial} ${r}`,
    )
  }
  const empty = (await app.inject('/v1/irt/readiness?item_id=424242')).json()
  t.match(empty, {
    responses: 0,
    density: null,
    item_statistics: [],
    problems: [{ code: 'no_responses', severity: 'refuses' }],
  })
  t.equal((await app.inject('/v1/irt/readiness?anchor_item_id=424242')).statusCode, 422)
  t.equal(
    (await (await startApp(t, db.url, { irtResponses: 100 })).inject('/v1/irt/readiness')).json().code,
    'too_many_responses',
  )
})

t.test('no sort is needed beyond the one that numbers the attempts', async (t) => {
  const { responsesStatement } = await import('../../src/queries/irt.js')
  const { copyText } = await import('../../src/database/statement.js')
  const text = copyText(
    responsesStatement(
      { store: false, rows: () => Promise.resolve([]) },
      { first: true, withoutHints: false, explicit: true },
      undefined,
      'long',
    ),
  )
    .replace(/^copy \(/, '')
    .replace(/\) to stdout.*$/, '')
  const plan = (await db.pool.query<{ 'QUERY PLAN': string }>(`explain ${onPath(text)}`)).rows
    .map((row) => row['QUERY PLAN'])
    .join('\n')
  t.equal(plan.match(/Sort Key/g)?.length, 1, plan)
})
