import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { linesOf } from '../../src/cli/load.js'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { attemptsQuerystring } from '../../src/schemas/attempts.js'
import { paging, source } from '../../src/schemas/parameters.js'
import { createDatabase } from '../helpers/database.js'
import { get, startApp, walk } from '../helpers/app.js'
import { parseCsv } from '../helpers/csv.js'

const db = await createDatabase(t)
const exams = cohort({
  exams: 300,
  questions: 9,
  students: 20,
  items: 25,
  days: 20,
  end: new Date('2026-01-20T00:00:00Z'),
  seed: 7,
})
await loadExamResults(
  db.pool,
  (function* () {
    for (const exam of exams) yield JSON.stringify(exam)
  })(),
)
// ties in time, a question twice in one exam, microseconds, a topic that is missing
await db.pool.query(`insert into exam_results (id, session_id, user_id, result_json, updated_at)
  select md5('tie' || n)::uuid, 'tie-' || n, 'student-' || n % 3,
  '{"questions": [{"question_id": 1001, "is_correct": true}, {"question_id": 1001},
  {"question_id": 9007199254740993, "is_correct": "t", "time_spent_sec": "1.5"}]}', '2026-01-05T00:00:00.000001Z'
  from generate_series(1, 9) as n`)
await buildIndexes(db.pool, () => undefined)
const app = await startApp(t, db.url)

const columns = `id::text, student_id::text, item_id::text, correct, response_time_ms, hint_used,
  to_char(completed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as completed_at,
  to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as started_at,
  attempt_no, session_id, topic_id`
/** What the plain view says, in the documented order. */
const fromView = async (where = 'true', direction = 'asc') =>
  (
    await db.pool.query<Record<string, unknown>>(
      `select ${columns} from attempt a where ${where}
        order by a.completed_at ${direction}, a.student_id ${direction}, a.item_id ${direction},
        a.attempt_no ${direction}`,
    )
  ).rows

t.test('walking all pages gives every row of the view once, in the documented order', async (t) => {
  t.strictSame(await walk(app, '/v1/attempts?limit=97'), await fromView())
  t.strictSame(await walk(app, '/v1/attempts?limit=1000&order=desc'), await fromView('true', 'desc'))
  t.strictSame(
    await walk(app, '/v1/attempts?limit=2&user_id=student-1&since=2026-01-05T00:00:00Z&until=2026-01-06T00:00:00Z'),
    await fromView(
      `student_id = attempt_student_id('student-1') and completed_at >= '2026-01-05Z' and completed_at < '2026-01-06Z'`,
    ),
  )
})

t.test('every filter gives the rows that the plain view gives', async (t) => {
  const [some] = await fromView()
  const cases: [string, string][] = [
    ['user_id=student-2', `student_id = attempt_student_id('student-2')`],
    [`student_id=${studentOfUser('student-2').toUpperCase()}`, `student_id = attempt_student_id('student-2')`],
    ['item_id=1001&item_id=1002', 'item_id in (1001, 1002)'],
    ['item_id=9007199254740993', 'item_id = 9007199254740993'],
    ['topic_id=algebra', `topic_id = 'algebra'`],
    ['topic_id=algebra&topic_id=geometry&correct=false', `topic_id in ('algebra', 'geometry') and not correct`],
    ['session_id=tie-4', `session_id = 'tie-4'`],
    ['session_id=none', 'false'],
    ['attempt_no=1', 'attempt_no = 1'],
    ['attempt_no=4&correct=true', 'attempt_no = 4 and correct'],
    [`id=${String(some?.['id'])}`, `id = ${String(some?.['id'])}`],
    [
      'since=2026-01-04T00:00:00Z&until=2026-01-06T09:00:00%2B09:00',
      `completed_at >= '2026-01-04Z' and completed_at < '2026-01-06Z'`,
    ],
    [
      'since=2026-01-05T00:00:00.000001Z&until=2026-01-05T00:00:00.000002Z',
      `completed_at = '2026-01-05T00:00:00.000001Z'`,
    ],
    ['since=2026-01-05T00:00:00.000002Z&until=2026-01-05T00:00:00.000003Z', 'false'],
    ['attempt_no=2&since=2026-01-10T00:00:00Z', `attempt_no = 2 and completed_at >= '2026-01-10Z'`],
  ]
  const tried = new Set(cases.flatMap(([query]) => [...new URLSearchParams(query).keys()]))
  const others = ['fields', 'order', ...Object.keys(paging), ...Object.keys(source)]
  t.strictSame(
    Object.keys(attemptsQuerystring.properties).filter((name) => !others.includes(name) && !tried.has(name)),
    [],
    'no filter without a case',
  )
  for (const [query, where] of cases)
    t.strictSame(await walk(app, `/v1/attempts?limit=50&${query}`), await fromView(where), query)
  t.equal((await fromView(`attempt_no = 4 and correct`)).length > 0, true, 'the cases are not empty')
})

t.test('fields selects and orders columns, also without attempt_no', async (t) => {
  const whole = await fromView()
  const some = await walk(app, '/v1/attempts?fields=topic_id,item_id&limit=500')
  t.strictSame(some.map((row) => Object.keys(row))[0], ['topic_id', 'item_id'])
  t.strictSame(
    some,
    whole.map(({ topic_id, item_id }) => ({ topic_id, item_id })),
  )
})

t.test('a cursor is bound to its filters and order', async (t) => {
  const { next_cursor } = await get(app, '/v1/attempts?limit=3&correct=true')
  for (const path of [
    `/v1/attempts?limit=3&cursor=${next_cursor}`,
    `/v1/attempts?limit=3&correct=true&order=desc&cursor=${next_cursor}`,
    `/v1/anomalies?cursor=${next_cursor}`,
    '/v1/attempts?cursor=x',
    `/v1/attempts?correct=true&cursor=${next_cursor?.slice(0, -9)}`,
  ]) {
    const response = await app.inject(path)
    t.equal(response.statusCode, 400, path)
    t.equal(response.json().code, 'invalid_cursor')
  }
  const linked = (await app.inject('/v1/attempts?limit=3&correct=true')).headers['link'] as string
  t.match(linked, /^<\/v1\/attempts\?.*cursor=.*>; rel="next"$/)
  t.equal((await get(app, linked.slice(1, linked.indexOf('>')))).data.length, 3)
})

t.test('refuses what is malformed, and says what was sent and what is allowed', async (t) => {
  const int64 = 'must be a 64-bit integer from -9223372036854775808 to 9223372036854775807'
  for (const [query, parameter, message] of [
    ['foo=1', 'foo', 'is not a parameter of this endpoint'],
    ['limit=0', 'limit', 'must be an integer from 1 to 9007199254740991, such as 100; got "0"'],
    [
      'limit=10001',
      'limit',
      'must be at most 10000 for JSON; got "10001". Use format=ndjson, csv or arrow for any number of rows',
    ],
    ['limit=1&limit=2', 'limit', 'must be given once; got 2 values'],
    ['item_id=x', 'item_id', 'must be a 64-bit integer such as 1001; got "x"'],
    ['item_id=9223372036854775808', 'item_id', `${int64}; got "9223372036854775808"`],
    ['id=99999999999999999999', 'id', `${int64}; got "99999999999999999999"`],
    ['since=yesterday', 'since', 'must be a timestamp such as 2026-11-01T00:00:00Z; got "yesterday"'],
    ['since=2026-01-01', 'since', 'must be a timestamp such as 2026-11-01T00:00:00Z; got "2026-01-01"'],
    [
      'since=2026-02-30T00:00:00Z',
      'since',
      'must have a date that exists, in the years 0001 to 9999, such as 2026-11-01; got "2026-02-30T00:00:00Z"',
    ],
    [
      'since=2026-01-01T00:00:00',
      'since',
      'must be a timestamp such as 2026-11-01T00:00:00Z; got "2026-01-01T00:00:00"',
    ],
    [
      'since=2026-01-01T25:00:00Z',
      'since',
      'must have a time of day from 00:00:00 to 23:59:59; got "2026-01-01T25:00:00Z"',
    ],
    [
      'since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z',
      'since',
      'must not be after until; got "2026-01-02T00:00:00Z" and "2026-01-01T00:00:00Z"',
    ],
    ['correct=maybe', 'correct', 'must be true or false; got "maybe"'],
    ['fields=id,nope', 'fields', /^must name columns of an attempt \(id, student_id, .*topic_id\); got "nope"$/],
    ['fields=id,id', 'fields', 'must name a column once; got "id,id"'],
    ['student_id=alice', 'student_id', 'must be a UUID such as c773fdef-3889-bdad-be80-9f1e8aaeea46; got "alice"'],
    ['order=up', 'order', 'must be asc or desc; got "up"'],
    ['attempt_no=0', 'attempt_no', 'must be an integer from 1 to 2147483647, such as 1; got "0"'],
    ['topic_id=', 'topic_id', 'must be a text of 1 to 10,000 characters without NUL such as algebra; got ""'],
    [
      'topic_id=a%00b',
      'topic_id',
      'must be a text of 1 to 10,000 characters without NUL such as algebra; got "a\\u0000b"',
    ],
    ['user_id=a&student_id=c773fdef-3889-bdad-be80-9f1e8aaeea46', 'user_id', /student_id/],
    [`since=${'x'.repeat(200)}`, 'since', new RegExp(`; got "x{100}\\.\\.\\."$`)],
    [`since=attempt_key_${'x'.repeat(43)}`, 'since', /; got a value that looks like a key or token$/],
  ] as const) {
    const response = await app.inject(`/v1/attempts?${query}`)
    t.equal(response.statusCode, 400, query)
    t.match(response.headers['content-type'], /^application\/problem\+json/)
    const { detail, errors } = response.json()
    t.match(errors, [{ parameter, message }], query)
    if (parameter !== 'foo') t.equal(detail, `\`${parameter}\` ${errors[0].message}`)
  }
  t.equal(
    (await app.inject('/v1/attempts?foo=1&limit=0&bar=2')).json().detail,
    '`limit` must be an integer from 1 to 9007199254740991, such as 100; got "0". Unknown parameters `foo`, `bar`. ' +
      'This endpoint accepts: student_id, user_id, id, item_id, topic_id, session_id, correct, attempt_no, since, ' +
      'until, fields, order, limit, cursor, format, source',
  )
  t.equal(
    (await app.inject('/v1/topics/daily?tz=KST')).json().detail,
    '"KST" is not an IANA time zone. Use, for example, Asia/Seoul.',
  )
  t.equal((await app.inject('/v1/nothing')).json().detail, 'No such endpoint. See /docs.')
})

t.test('answers 406 for a representation that is not there', async (t) => {
  for (const accept of ['text/html', 'image/png', 'application/json;q=0'])
    t.equal((await app.inject({ path: '/v1/attempts?limit=1', headers: { accept } })).statusCode, 406, accept)
  for (const accept of ['application/json', '*/*', 'text/html, application/*;q=0.1', ''])
    t.equal((await app.inject({ path: '/v1/attempts?limit=1', headers: { accept } })).statusCode, 200, accept)
  const unknown = await app.inject('/v1/attempts?format=xml')
  t.equal(unknown.statusCode, 406)
  t.equal(unknown.json().detail, 'This endpoint does not offer format="xml"; use json, ndjson, csv or arrow')
  t.equal(
    (await app.inject({ path: '/v1/attempts', headers: { accept: 'text/html' } })).json().detail,
    'This endpoint does not offer Accept: "text/html"; send application/json, application/x-ndjson, text/csv or ' +
      'application/vnd.apache.arrow.stream, or no Accept header',
  )
  for (const [accept, type] of [
    ['text/csv;q=0.5, application/x-ndjson', 'application/x-ndjson'],
    ['*/*;q=0.1, text/csv;q=0.2', 'text/csv; charset=utf-8; header=present'],
    ['*/*', 'application/json; charset=utf-8'],
    ['application/json; charset=utf-8', 'application/json; charset=utf-8'],
    ['text/csv; header=present', 'text/csv; charset=utf-8; header=present'],
    ['application/json; indent=4; q=0.5', 'application/json; charset=utf-8'],
    // a blank before the weight is allowed, and usual
    ['application/json; q=0.5, text/csv; q=0.9', 'text/csv; charset=utf-8; header=present'],
    ['text/csv ; q=0.8 , application/x-ndjson ; q=0.9', 'application/x-ndjson'],
    ['application/json; q=0, */*; q=0.1', 'application/x-ndjson'],
    ['text/csv; charset=utf-16;q=0.1, application/x-ndjson; v=2', 'application/x-ndjson'],
    ['application/json;q=0, */*', 'application/x-ndjson'],
  ] as const)
    t.equal(
      (await app.inject({ path: '/v1/attempts?limit=1', headers: { accept } })).headers['content-type'],
      type,
      accept,
    )
  t.equal(
    (await app.inject({ path: '/v1/attempts?limit=1&format=json', headers: { accept: 'text/html' } })).statusCode,
    200,
  )
})

const truth = '../shared/data/lkt.truth.csv.gz'
t.test(
  'the real data is equal to its truth through the API',
  { skip: existsSync(truth) ? false : 'the data folder is not beside the project' },
  async (t) => {
    const real = await createDatabase(t)
    await loadExamResults(real.pool, linesOf(truth.replace('truth.csv', 'exam_results.ndjson')))
    await buildIndexes(real.pool, () => undefined)
    const served = await walk(await startApp(t, real.url), '/v1/attempts?limit=10000')
    const expected = parseCsv(gunzipSync(readFileSync(truth)).toString().replace(/\r?\n/g, '\r\n'))
      .slice(1)
      .map(([user, item, correct, time, hint, no, session, topic, completed]) =>
        [studentOfUser(user!), item, correct, time, hint, no, session, topic, completed!.replace('Z', '000Z')].join(
          '|',
        ),
      )
    const actual = served.map((row) =>
      [
        'student_id',
        'item_id',
        'correct',
        'response_time_ms',
        'hint_used',
        'attempt_no',
        'session_id',
        'topic_id',
        'completed_at',
      ]
        .map((name) => String(row[name] ?? ''))
        .join('|'),
    )
    t.equal(actual.length, 55_122)
    t.equal(actual.sort().join('\n') === expected.sort().join('\n'), true, 'all columns, both ways')
  },
)
