import t, { type Test } from 'tap'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { cohort } from '../../src/development/cohort.js'
import { loadExamResults } from '../../src/development/load.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { rebuild } from '../../src/store/fill.js'
import { startApp, untilReady } from '../helpers/app.js'
import { command as invoked } from '../helpers/cli.js'
import { ownServer } from '../helpers/server.js'
import { catchUp } from '../helpers/store.js'

/** The statements of docs/access.md as they stand there: roles, then rights on the views, then rights on the store. */
const blocks = [...readFileSync('docs/access.md', 'utf8').matchAll(/^```sql\n([^`]+)^```/gm)].map(([, sql]) => sql!)

/** A server with another team's exams and the roles as documented, who have what the views need. */
async function withRoles(t: Test, granted = true) {
  const [roles, onViews] = blocks as [string, string]
  const { url } = await ownServer(t)
  const as = (role: string, database = 'exams') => {
    const other = new URL(url)
    other.pathname = `/${database}`
    if (role !== 'postgres') Object.assign(other, { username: role, password: 'of-a-test' })
    return other.href
  }
  const pools = new Map<string, pg.Pool>()
  t.teardown(() => Promise.all([...pools.values()].map((pool) => pool.end())))
  const pool = (role: string, database?: string) => {
    const where = as(role, database)
    const open = pools.get(where) ?? new pg.Pool({ connectionString: where, max: 1 }).on('error', () => undefined)
    pools.set(where, open)
    return open
  }
  const run = async (role: string, sql: string, database?: string) => pool(role, database).query(sql)
  /** @param storeIn the database that the store is in, beside the exams' */
  const command = async (role: string, args: string[], storeIn?: string) => {
    const { status, stderr } = await invoked(args, {
      DATABASE_URL: as(role),
      STORE_DATABASE_URL: storeIn === undefined ? undefined : as(role, storeIn),
      CONTRACT_TIMEOUT_MS: '60000',
    })
    t.equal(status, 0, `${role}: ${args.join(' ')} ${stderr}`)
  }
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query(
    `create role exam_platform login password 'of-a-test'; create role somebody login password 'of-a-test'`,
  )
  for (const database of ['exams', 'analysis']) await admin.query(`create database ${database}`)
  await admin.end()
  // another team's table, of which nobody else has a right
  await run(
    'postgres',
    `grant create on schema public to exam_platform; set role exam_platform; ${createExamResults}; reset role;
    revoke create on schema public from public`,
  )
  const exams = [
    ...cohort({
      exams: 60,
      questions: 5,
      students: 10,
      items: 12,
      days: 5,
      end: new Date('2026-01-20T00:00:00Z'),
      seed: 3,
    }),
  ]
  await loadExamResults(
    pool('postgres'),
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )

  await run('postgres', roles)
  for (const role of ['migrator', 'refresher', 'reader'])
    await run('postgres', `alter role attempt_${role} password 'of-a-test'`)
  await command('attempt_migrator', ['migrate', 'up'])
  if (granted) await run('attempt_migrator', onViews)
  return { as, pool, run, command }
}

t.test(
  'a role that may not read what answers are read from is not ready, whatever the contract check says',
  async (t) => {
    const { as, run } = await withRoles(t, false)
    const app = await startApp(t, as('attempt_reader'))
    t.equal((await app.inject('/schema-contract')).statusCode, 200)
    t.equal((await app.inject('/v1/topics')).statusCode, 503)
    await run(
      'attempt_migrator',
      'grant select on attempt, attempt_anomaly, attempt_exam, attempt_response to attempt_reader',
    )
    const ready = await app.inject('/health/ready')
    t.equal(ready.statusCode, 503)
    t.match(ready.json(), {
      database: 'reachable',
      contract: { status: 'pass' },
      reason: /^the database role of the service cannot read attempt_numbered: grant select/,
    })
    await run('attempt_migrator', blocks[1] as string)
    t.equal((await app.inject('/health/ready')).statusCode, 200, 'told at once that it was mended')
  },
)

t.test('the documented roles are enough for what they do, and for nothing else', async (t) => {
  t.equal(blocks.length, 5)
  const { as, pool, run, command } = await withRoles(t)
  const onStore = `${blocks[2]} ${blocks[3]}`
  const student = (await run('attempt_reader', 'select student_id from attempt limit 1')).rows[0].student_id as string
  const paths = [
    '/v1/attempts',
    '/v1/attempts?format=csv',
    '/v1/attempts?user_id=student-1',
    '/v1/anomalies',
    '/v1/students',
    `/v1/students/${student}`,
    '/v1/students/daily?since=2026-01-15&until=2026-01-21',
    '/v1/topics',
    '/v1/topics/daily?since=2026-01-15&until=2026-01-21',
    '/v1/items',
    '/v1/irt/responses',
    '/v1/irt/responses?layout=wide&min_per_item=2',
    '/v1/irt/readiness',
    '/schema-contract',
    '/schema-contract/odcs',
    '/health',
    '/health/live',
    '/health/ready',
    '/openapi.json',
    '/docs',
  ]
  const withoutStore = await startApp(t, as('attempt_reader'))
  await untilReady(withoutStore)
  for (const path of paths) t.equal((await withoutStore.inject(path)).statusCode, 200, `${path} without a store`)
  t.match((await withoutStore.inject('/health')).json(), { migrations: { pending: [] }, contract: { status: 'pass' } })
  await withoutStore.close()

  await command('attempt_migrator', ['store', 'enable'])
  await run('attempt_migrator', onStore)
  await catchUp(as('attempt_refresher'))
  await run(
    'exam_platform',
    `update exam_results set user_id = 'student-2' where user_id = 'student-1';
    delete from exam_results where id = (select id from exam_results limit 1)`,
  )
  await catchUp(as('attempt_refresher'))
  await command('attempt_refresher', ['store', 'verify'])
  // emptied and filled anew: truncate
  const client = await pool('attempt_refresher').connect()
  await rebuild(client)
  client.release()
  await catchUp(as('attempt_refresher'))

  const app = await startApp(t, as('attempt_reader'))
  await untilReady(app)
  const there = (await run('attempt_reader', 'select student_id from attempt limit 1')).rows[0].student_id as string
  const whole = [
    ...paths.map((path) => path.replace(student, there)),
    '/v1/changes',
    ...paths
      .filter((path) => /^\/v1\/(attempts|topics|items|irt)/.test(path))
      .map((path) => `${path}${path.includes('?') ? '&' : '?'}source=store`),
  ]
  for (const path of whole) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 200, `${path} ${answer.statusCode === 200 ? '' : answer.body}`)
  }
  const { next_token: token } = (await app.inject('/v1/changes')).json()
  t.equal((await app.inject(`/v1/changes?since=${token}`)).statusCode, 200)
  t.match((await app.inject('/health')).json(), { status: 'ready', store: { detail: 'ok' } })
  const tagged = await app.inject('/v1/topics')
  t.match([tagged.headers['attempt-source'], tagged.headers['cache-control']], ['store', 'private, no-cache'])
  const again = await app.inject({ path: '/v1/topics', headers: { 'if-none-match': String(tagged.headers.etag) } })
  t.match([again.statusCode, again.headers['cache-control']], [304, 'private, no-cache'])

  const refused = async (role: string, sql: string, how: RegExp = /permission denied/) =>
    t.rejects(run(role, sql), { message: how }, `${role}: ${sql}`)
  const ours = [
    'attempt_materialized',
    'attempt_topic_day',
    'attempt_day',
    'attempt_deleted',
    'attempt_store',
    'attempt_epoch',
  ]
  for (const table of ['exam_results', 'attempt_queue', 'attempt_queue_reader'])
    await refused('attempt_reader', `select * from ${table}`)
  await refused('attempt_refresher', 'select * from exam_results')
  // the sessions of the reader cannot write; and where they could, the role may not
  await refused('attempt_reader', 'delete from attempt_store', /read-only transaction/)
  const writable = 'begin read write;'
  for (const table of [...ours, 'exam_results', 'attempt_queue', 'attempt_view_migration'])
    for (const sql of [`delete from ${table}`, `truncate ${table}`]) {
      await refused('attempt_reader', `${writable} ${sql}`)
      await run('attempt_reader', 'rollback')
    }
  await refused('attempt_reader', `${writable} create table mine (id int)`)
  await run('attempt_reader', 'rollback')
  for (const sql of [
    'delete from exam_results',
    `insert into exam_results (session_id, result_json) values ('s', '{}')`,
    `update exam_results set status = 'x'`,
    'truncate exam_results',
    'insert into attempt_queue values (null)',
    'create table mine (id int)',
  ])
    await refused('attempt_refresher', sql)
  for (const sql of ['drop view attempt cascade', 'alter table attempt_store add x int'])
    await refused('attempt_refresher', sql, /must be owner/)
  for (const role of ['attempt_reader', 'attempt_refresher']) await refused(role, 'set role exam_platform')
  for (const table of [...ours, 'attempt', 'exam_results', 'attempt_queue'])
    await refused('somebody', `select * from ${table}`)
})

t.test('the same roles with the store in a database of its own', async (t) => {
  const { as, pool, run, command } = await withRoles(t)
  const [, , onTables, onQueue, inOther] = blocks as [string, string, string, string, string]
  await run('postgres', `revoke create on schema public from public; ${inOther}`, 'analysis')
  await command('attempt_migrator', ['store', 'enable'], 'analysis')
  await run('attempt_migrator', onTables, 'analysis')
  await run('attempt_migrator', onQueue)
  await catchUp(as('attempt_refresher'), as('attempt_refresher', 'analysis'))
  await run(
    'exam_platform',
    `update exam_results set user_id = 'student-2' where user_id = 'student-1';
    delete from exam_results where id = (select id from exam_results limit 1)`,
  )
  await catchUp(as('attempt_refresher'), as('attempt_refresher', 'analysis'))
  await command('attempt_refresher', ['store', 'verify'], 'analysis')
  await command('attempt_refresher', ['store', 'status'], 'analysis')
  const client = await pool('attempt_refresher', 'analysis').connect()
  await rebuild(client)
  client.release()
  await catchUp(as('attempt_refresher'), as('attempt_refresher', 'analysis'))

  const app = await startApp(t, as('attempt_reader'), {}, as('attempt_reader', 'analysis'))
  for (const path of [
    '/v1/attempts',
    '/v1/attempts?format=csv',
    '/v1/students',
    '/v1/topics',
    '/v1/topics/daily?since=2026-01-15&until=2026-01-21',
    '/v1/items',
    '/v1/irt/responses',
    '/v1/irt/readiness',
    '/v1/changes',
  ]) {
    const answer = await app.inject(path)
    t.match(
      [answer.statusCode, answer.headers['attempt-source']],
      [200, 'store'],
      `${path} ${answer.statusCode === 200 ? '' : answer.body}`,
    )
  }
  t.equal((await app.inject('/v1/attempts?source=live')).statusCode, 200)
  t.equal((await app.inject('/schema-contract')).statusCode, 200)
  t.equal(
    (
      await run(
        'attempt_reader',
        `select to_regclass('exam_results') is null and to_regclass('attempt_queue') is null as nothing`,
        'analysis',
      )
    ).rows[0].nothing,
    true,
  )
  await t.rejects(run('attempt_refresher', 'drop table attempt_store', 'analysis'), /must be owner/)
  await t.rejects(run('somebody', 'select * from attempt_materialized', 'analysis'), /permission denied/)
  await command('attempt_migrator', ['store', 'disable'], 'analysis')
})
