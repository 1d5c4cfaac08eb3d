/** One line a request, found by its id or its trace, and nothing in it that names a student. */
import { get as request } from 'node:http'
import t from 'tap'
import pg from 'pg'
import { logOptions } from '../../src/observability/log.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { sqlComment, traceOf } from '../../src/observability/trace-context.js'
import { startApp, type testConfig } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { until } from '../helpers/until.js'

type Line = Record<string, unknown>

/** The app with the log of production, and its lines. */
async function logged(
  t: Parameters<typeof startApp>[0],
  url: string,
  settings: Partial<typeof testConfig> = {},
  level = 'info',
) {
  const texts: string[] = []
  const app = await startApp(t, url, settings, url, [], {
    logger: {
      ...logOptions(level),
      stream: {
        write: (text: string) => {
          texts.push(text)
        },
      },
    },
  })
  const lines = () => texts.map((text) => JSON.parse(text) as Line)
  return {
    app,
    texts,
    line: async (found: (line: Line) => boolean): Promise<Line> => {
      for (let look = 0; look < 1_200; look++) {
        const line = lines().find(found)
        if (line !== undefined) return line
        await new Promise((again) => setTimeout(again, 50))
      }
      throw new Error(`no such line among ${texts.join('')}`)
    },
    lines,
  }
}

/** Sessions of the service that wait for a lock, with what they run. */
const waiting = async (db: TestDatabase, name: string) =>
  (
    await db.pool.query<{ query: string }>(
      `select query from pg_stat_activity
       where application_name = $1 and datname = current_database() and wait_event_type = 'Lock'`,
      [name],
    )
  ).rows.map(({ query }) => query)

const isSlowQuery = (message: unknown) =>
  /^slow query: \d+ ms, \d+ rows from the (view|store) on primary$/.test(String(message))

const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'vendor=1' }

t.test('a line a request, with id, template, figures and trace', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
     values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
  )
  const { app, line, lines, texts } = await logged(t, db.url)
  const answer = await app.inject({
    path: '/v1/attempts?user_id=somebody',
    headers: { 'x-request-id': 'job-17/a', ...trace },
  })
  t.equal(answer.headers['x-request-id'], 'job-17/a')
  t.match(answer.headers['traceresponse'], /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
  t.match(answer.headers['server-timing'], /^total;dur=[\d.]+, db;dur=[\d.]+, wait;dur=[\d.]+, rows;desc="1"$/)
  const fields = await line(({ request_id }) => request_id === 'job-17/a')
  t.match(fields, {
    level: 30,
    method: 'GET',
    route: '/v1/attempts',
    status: 200,
    ms: Number,
    db_ms: Number,
    wait_ms: Number,
    rows: 1,
    format: 'json',
    source: 'view',
    server: 'primary',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    parent_span_id: 'b7ad6b7169203331',
    trace_flags: '01',
  })
  t.equal(fields['span_id'], (answer.headers['traceresponse'] as string).split('-')[2])
  t.equal(Number(fields['db_ms']) > 0 && Number(fields['db_ms']) < Number(fields['ms']), true)

  const student = studentOfUser('somebody')
  const problem = await app.inject({
    path: `/v1/students/${student}/`,
    headers: { 'x-request-id': 'not well formed\u00e9' },
  })
  t.match(problem.headers['x-request-id'], /^[0-9a-f-]{36}$/)
  t.match(
    (await app.inject({ path: '/v1/topics', headers: { 'x-request-id': 'job/alice@example.com' } })).headers[
      'x-request-id'
    ],
    /^[0-9a-f-]{36}$/,
    'no address of a person',
  )
  t.equal(problem.headers['traceresponse'], undefined)
  const missing = await app.inject('/v1/students/00000000-0000-0000-0000-000000000001')
  t.equal((missing.json() as { request_id: string }).request_id, missing.headers['x-request-id'])
  t.match(await line(({ request_id }) => request_id === missing.headers['x-request-id']), {
    status: 404,
    code: 'student_not_found',
    route: '/v1/students/:student_id',
    msg: /^GET \/v1\/students\/:student_id 404 [\d.]+ ms view student_not_found$/,
  })
  await app.inject(`/v1/nothing/${student}?user_id=somebody`)
  await app.inject(`/v1/attempts?user_id=somebody&limit=x&token=secret`)
  t.match(await line(({ route }) => route === 'unmatched'), { status: 404, code: 'not_found' })
  await line(({ code }) => code === 'invalid_parameter')
  const requests = () => lines().filter(({ route }) => route !== undefined).length
  const before = requests()
  await app.inject('/health/live')
  await app.inject('/v1/topics')
  await line(({ route }) => route === '/v1/topics')
  t.equal(requests(), before + 1, 'a probe has no line at info')
  t.notMatch(texts.join(''), new RegExp(`somebody|secret|${student}`))
})

t.test('a stream: whose it is in pg_stat_activity, and how it ended', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
     select 's' || i, 'u' || i, '{"questions": [{"question_id": 1, "is_correct": true}]}'
     from generate_series(1, 10) as i`,
  )
  const { app, line } = await logged(t, db.url)
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const holder = new pg.Client(db.url)
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin; lock table exam_results in access exclusive mode')
  const answer = fetch(`${url}/v1/attempts?format=csv`, { headers: { 'x-request-id': "it's*/mine", ...trace } }).then(
    async (response) => ({ response, text: await response.text() }),
  )
  const nightly = fetch(`${url}/v1/attempts?format=csv`, { headers: { 'x-request-id': 'night-job', ...trace } }).then(
    async (response) => ({ response, text: await response.text() }),
  )
  let activity: string[] = []
  await until(async () => (activity = await waiting(db, 'attempt-api stream')).length === 2, 'both run')
  t.match(
    activity.find((query) => query.includes('night-job')),
    new RegExp(
      "/\\*request_id='night-job',traceparent='00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01'," +
        "tracestate='vendor%3D1'\\*/$",
    ),
  )
  await holder.query('rollback')
  t.equal((await answer).response.status, 200)
  t.equal((await nightly).text.split('\r\n').length, 12)
  t.match(await line(({ request_id }) => request_id === 'night-job'), {
    status: 200,
    rows: 10,
    format: 'csv',
    first_byte_ms: Number,
    bytes: Number,
    msg: /^GET \/v1\/attempts 200 [\d.]+ ms view 10 rows$/,
  })

  // more than the connection holds
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
     select 't' || i, 'u' || i % 20, (
       select jsonb_build_object('questions', jsonb_agg(jsonb_build_object('question_id', q)))
       from generate_series(1, 200) as q
     )
     from generate_series(1, 1000) as i`,
  )
  await new Promise<void>((done) => {
    const left = request(`${url}/v1/attempts?format=ndjson`, { headers: { 'x-request-id': 'leaves' } }, (response) => {
      response.once('data', () => {
        left.destroy()
      })
      response.on('error', () => undefined)
      response.once('close', () => {
        done()
      })
    }).on('error', () => undefined)
  })
  t.match(await line(({ request_id, msg }) => request_id === 'leaves' && msg !== undefined), {
    status: 200,
    cut: 'client_left',
    msg: /^GET \/v1\/attempts 200 \d+ ms view \d+ rows aborted: client_left$/,
  })
  // and before there is an answer
  await holder.query('begin; lock table exam_results in access exclusive mode')
  const gone = request(`${url}/v1/attempts?format=csv`, { headers: { 'x-request-id': 'gone' } }).on(
    'error',
    () => undefined,
  )
  await until(async () => (await waiting(db, 'attempt-api stream')).some((query) => query.includes('gone')), 'it runs')
  gone.destroy()
  t.match(await line(({ request_id, status }) => request_id === 'gone' && status !== undefined), { status: 499 })
  await holder.query('rollback')
})

t.test('slow queries are logged with the outline of their plan, and without a value', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
     values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
  )
  const { app, line, lines, texts } = await logged(t, db.url, { slowQueryMs: 300, timeoutAggregateMs: 6_000 })
  const student = studentOfUser('somebody')
  const holder = new pg.Client(db.url)
  await holder.connect()
  t.teardown(() => holder.end())
  /** Really slow: somebody has the table, for a while after the statement has come, or until it is given up. */
  const slowly = async (path: string, id: string, givenUp = false) => {
    await holder.query('begin; lock table exam_results in access exclusive mode')
    const answer = app.inject({ path, headers: { 'x-request-id': id, ...trace } })
    await until(async () => (await waiting(db, 'attempt-api')).length === 1, `${id} waits`)
    if (!givenUp) await new Promise((wait) => setTimeout(wait, 500))
    // by the server too: freed before that, it would still come to its end
    else
      await answer.then(() => until(async () => (await waiting(db, 'attempt-api')).length === 0, `${id} is given up`))
    await holder.query('rollback')
    return answer
  }
  const slow = (id: string) => line(({ request_id, msg }) => request_id === id && isSlowQuery(msg))
  t.equal((await slowly('/v1/attempts?user_id=somebody&source=live&topic_id=secret-topic', 'first')).statusCode, 200)
  const fields = await slow('first')
  t.match(fields, {
    level: 40,
    statement: /^attempt_[0-9a-f]{16}$/,
    server: 'primary',
    source: 'view',
    rows: 0,
    trace_id: '0af7651916cd43dd8448eb211c80319c',
  })
  t.equal(Number(fields['ms']) >= 300, true)
  t.match(fields['plan'], /^Limit \d+ \(.*Scan .*exam_results \d+\)+$/)
  t.equal((await slowly('/v1/attempts?user_id=somebody&source=live&topic_id=secret-topic', 'second')).statusCode, 200)
  t.match(await slow('second'), { statement: fields['statement'], plan: null }, 'explained once a minute')
  t.equal(
    (await slowly('/v1/attempts?user_id=somebody&source=live&topic_id=secret-topic&fields=item_id', 'fields'))
      .statusCode,
    200,
  )
  t.match(
    await slow('fields'),
    { statement: /^attempt_[0-9a-f]{16}$/, plan: /exam_results/ },
    'also one without a name',
  )
  // cancelled, because it was too slow
  t.equal((await slowly(`/v1/students?source=live&user_id=somebody`, 'cancelled', true)).statusCode, 504)
  t.match(await slow('cancelled'), { sqlstate: '57014' })
  t.match(await line(({ request_id, status }) => request_id === 'cancelled' && status !== undefined), {
    status: 504,
    code: 'timeout',
  })
  // those four, and whatever else is slow on this machine: each has a line
  let metrics = ''
  await until(async () => {
    metrics = (await app.inject('/metrics')).body
    const counted = Number(/attempt_slow_queries_total\{source="view"\} (\d+)/.exec(metrics)?.[1])
    return counted >= 4 && counted === lines().filter(({ msg }) => isSlowQuery(msg)).length
  }, 'the counter equals the number of lines')
  t.match(metrics, /attempt_database_query_errors_total\{source="view",code="timeout"\} 1/)
  t.notMatch(texts.join(''), new RegExp(`somebody|secret-topic|${student}`))
})

t.test('trace context: what is well-formed, and no more', (t) => {
  const of = (traceparent: string | undefined, tracestate?: string) =>
    traceOf({ headers: { traceparent, tracestate } } as never)
  t.match(of('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00', 'a=1'), {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    flags: '00',
    state: 'a=1',
  })
  t.match(of('cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like'), { flags: '01' })
  for (const bad of [
    undefined,
    '',
    '00',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
    '0af7651916cd43dd8448eb211c80319c',
  ])
    t.equal(of(bad), undefined, String(bad))
  t.equal(of('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00', 'x'.repeat(513))?.state, undefined)
  t.equal(
    sqlComment({ request_id: `a*/; drop table x; /*'`, traceparent: undefined }),
    ` /*request_id='a%2A%2F%3B%20drop%20table%20x%3B%20%2F%2A%27'*/`,
  )
  t.equal(sqlComment({ request_id: undefined }), '')
  t.end()
})
