import t from 'tap'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { errorCodes } from '../../src/errors.js'
import { problemCodes } from '../../src/irt/types.js'
import { documents } from '../../openapi/documents.js'
import { createDatabase } from '../helpers/database.js'
import { startApp } from '../helpers/app.js'
import { until } from '../helpers/until.js'

t.test('the contract check answers 200, and 409 naming what has drifted', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  const holds = await app.inject('/schema-contract')
  t.equal(holds.statusCode, 200)
  t.match(holds.json(), { status: 'pass', contract: '1.0.0', migration: '20251101_0900_attempt_view_lock' })
  t.equal((await app.inject('/health')).statusCode, 200)

  await db.pool.query(
    `create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used,
      completed_at, started_at, attempt_no, session_id, lower(topic_id) as topic_id from attempt_numbered`,
  )
  const drifted = await app.inject('/schema-contract')
  t.equal(drifted.statusCode, 409)
  const failing = drifted
    .json()
    .checks.filter((check: { status: string }) => check.status === 'fail')
    .map((check: { name: string }) => check.name)
  t.equal(failing.length > 0 && failing.every((name: string) => name.startsWith('golden:')), true, failing.join())
  const health = await app.inject('/health')
  t.equal(health.statusCode, 503)
  t.match(health.json().reason, /violates the contract/)
})

t.test('definition=installed also requires the text that this version installs', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  t.equal((await app.inject('/schema-contract?definition=installed')).statusCode, 200)
  await db.pool.query(
    `create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used,
      completed_at, started_at, attempt_no, session_id, topic_id || '' as topic_id from attempt_numbered`,
  )
  const plain = await app.inject('/schema-contract')
  t.equal(plain.statusCode, 200)
  const definition = { name: 'definition', expected: /^attempt: .*topic_id/, actual: /^attempt: .*topic_id \|\| ''/ }
  t.match(plain.json(), { status: 'pass' })
  t.match(
    plain.json().checks.find(({ name }: { name: string }) => name === 'definition'),
    {
      ...definition,
      status: 'warn',
    },
  )
  const required = await app.inject('/schema-contract?definition=installed')
  t.equal(required.statusCode, 409)
  t.match(required.json(), { status: 'fail' })
  t.match(
    required.json().checks.filter(({ status }: { status: string }) => status === 'fail'),
    [{ ...definition, status: 'fail' }],
  )
  t.equal((await app.inject('/health')).statusCode, 200, 'the contract itself holds')
  const wrong = await app.inject('/schema-contract?definition=other')
  t.equal(wrong.statusCode, 400)
  t.match(wrong.json().errors, [{ parameter: 'definition' }])
})

t.test('concurrent callers share one run', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  const { query } = pg.Client.prototype
  let checks = 0
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    if (/^begin transaction isolation level repeatable read, read only$/.test(String(args[0]))) checks++
    return (query as (...given: unknown[]) => unknown).apply(this, args)
  } as typeof query
  t.teardown(() => {
    pg.Client.prototype.query = query
  })
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject('/schema-contract')))
  t.strictSame([...new Set(answers.map((answer) => answer.body))].length, 1, 'every caller has the one report')
  t.equal(checks, 1)
})

t.test('says 503 and why where there is no view, and where there is no database', async (t) => {
  const bare = await createDatabase(t, { migrated: false })
  const app = await startApp(t, bare.url)
  t.match((await app.inject('/health/ready')).json(), {
    status: 'unavailable',
    database: 'reachable',
    reason: /^the view attempt is missing: run attempt-api migrate up \(with --again where it existed before\)$/,
  })
  t.equal((await app.inject('/schema-contract')).statusCode, 409)
  const attempts = await app.inject('/v1/attempts')
  t.equal(attempts.statusCode, 503)
  t.equal(attempts.json().code, 'not_migrated')

  const nowhere = await startApp(t, 'postgres://nobody:secret@127.0.0.1:1/none')
  for (const path of ['/schema-contract', '/health', '/health/ready', '/v1/attempts', '/v1/topics']) {
    const response = await nowhere.inject(path)
    t.equal(response.statusCode, 503, path)
    t.equal(response.headers['retry-after'], '5')
    t.notMatch(response.body, /secret|ECONNREFUSED|at .*\.js/)
  }
  t.equal((await nowhere.inject('/health/live')).statusCode, 200)
})

t.test('where somebody dropped the view, names the command that makes it', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query('drop view attempt cascade')
  const app = await startApp(t, db.url)
  t.match((await app.inject('/health/ready')).json(), {
    status: 'unavailable',
    database: 'reachable',
    reason: /^the view attempt is missing: run attempt-api migrate up --again$/,
  })
  t.match((await app.inject('/schema-contract')).body, /migrate up \(with --again if the view existed before\)/)
})

t.test('a killed backend costs one request, not the process', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  t.equal((await app.inject('/v1/attempts')).statusCode, 200)
  const { rows } = await db.pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'attempt-api' and datname = current_database()`,
  )
  t.ok(rows.length > 0)
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'attempt-api%' and datname = current_database()`,
  )
  await until(
    async () =>
      (await db.pool.query('select from pg_stat_activity where pid = any($1)', [rows.map(({ pid }) => pid)]))
        .rowCount === 0,
    'the backend is gone',
  )
  // its last words have come by then, and are heard in the next turn of the event loop
  await new Promise((done) => setTimeout(done, 100))
  t.equal((await app.inject('/v1/attempts')).statusCode, 200)
})

t.test('a role that may only read the views is enough, and the sessions cannot write', async (t) => {
  const db = await createDatabase(t)
  const role = `reader_${db.name}`
  await db.pool.query(
    `create role ${role} login password 'reader';
      grant select on attempt, attempt_anomaly, attempt_exam, attempt_response, attempt_numbered to ${role}`,
  )
  t.teardown(async () => {
    const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] })
    await admin.connect()
    await admin.query(`drop role if exists ${role}`)
    await admin.end()
  })
  const url = new URL(db.url)
  url.username = role
  url.password = 'reader'
  const app = await startApp(t, url.href)
  for (const path of ['attempts', 'anomalies', 'students', 'students/daily', 'topics', 'topics/daily', 'items'])
    t.equal((await app.inject(`/v1/${path}`)).statusCode, 200, path)
  t.equal((await app.inject('/schema-contract')).statusCode, 200)
  t.equal((await app.inject('/health')).statusCode, 200)
  await db.pool.query(`drop owned by ${role}`)
})

t.test('the committed documents are those of the routes', async (t) => {
  for (const [file, text] of Object.entries(await documents()))
    t.equal(text === readFileSync(`openapi/${file}`, 'utf8'), true, `${file}: npm run generate:openapi`)
  const text = readFileSync('openapi/openapi.json', 'utf8')
  // what the router and the HTTP parser say belongs to no operation
  const outside = [
    'bad_request',
    'not_found',
    'method_not_allowed',
    'request_timeout',
    'payload_too_large',
    'uri_too_long',
    'headers_too_large',
    'unsupported_media_type',
    'expectation_failed',
  ]
  for (const [code, { title }] of Object.entries(errorCodes))
    if (!outside.includes(code)) t.match(text, `\`${code}\`: ${title}`, code)
  for (const [, code] of text.matchAll(/`([a-z_]+)`: /g))
    t.equal(code! in errorCodes || code! in problemCodes, true, `${code} is documented and exists`)
})

t.test('serves its documents, and problems for what is not there', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  t.equal((await app.inject('/openapi.json')).json().openapi, '3.1.0')
  t.equal((await app.inject('/docs')).statusCode, 200)
  t.match((await app.inject('/schema-contract/odcs')).body, /apiVersion: v3\.1\.0/)
  t.equal((await app.inject('/schema-contract?deep=1')).statusCode, 400)
  t.match((await app.inject('/v2')).json(), { status: 404, code: 'not_found' })
  t.match((await app.inject({ method: 'POST', path: '/v2' })).json(), { status: 404, code: 'not_found' })
  for (const path of [
    '/v1/attempts',
    '/v1/attempts?limit=1',
    '/v1/students/c773fdef-3889-bdad-be80-9f1e8aaeea46',
    '/health/',
  ]) {
    const response = await app.inject({ method: 'POST', path })
    t.match(response.json(), { status: 405, code: 'method_not_allowed' }, path)
    t.match(response.headers['allow'], /GET/)
  }
})
