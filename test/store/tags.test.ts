/** ETags of answers from the store: one ETag is one answer, and headers come from the snapshot of the rows. */
import t from 'tap'
import pg from 'pg'
import type { App } from '../../src/services.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { removeExpired } from '../../src/store/retention.js'
import { startApp } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, enabled } from '../helpers/store.js'
import { until } from '../helpers/until.js'

type Test = { teardown(action: () => unknown): unknown }

/** Pseudo-random numbers from a seed. */
function random(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return ((state >>> 8) * below) >>> 24
  }
}

async function createStore(t: Test): Promise<TestDatabase> {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('first', 'user-0', '{"questions": [{"question_id": 1, "is_correct": true}]}', '2026-03-03T12:00:00Z')`,
  )
  await enabled(db)
  return db
}

const exam = (db: TestDatabase, session: string, user: string, item: number, at: string) =>
  db.pool.query('insert into exam_results (session_id, user_id, result_json, updated_at) values ($1, $2, $3, $4)', [
    session,
    user,
    { questions: [{ question_id: item, is_correct: true, topic: 'algebra' }] },
    at,
  ])

/** The body without as_of, which an unchanged ETag does not cover. */
const rowsOf = (body: string) => body.replace(/"as_of":"[^"]*"/, '')

t.test('one ETag is one answer, amid edits, deletions, expired deletions and midnights', async (t) => {
  const db = await createStore(t)
  const app = await startApp(t, db.url, { storeLagS: 3_600, streamPoolSize: 4 })
  const { student_id: student } = (await db.pool.query(`select student_id from attempt_materialized limit 1`))
    .rows[0] as { student_id: string }
  const paths = [
    `/v1/students/${student}`,
    '/v1/students?user_id=user-0',
    `/v1/students/daily?student_id=${student}`,
    `/v1/students/daily?student_id=${student}&tz=Asia/Seoul`,
    '/v1/students?user_id=user-0&since=2026-03-03T00:00:00Z&until=2026-03-03T12:00:00Z',
    ...['UTC', 'Asia/Seoul', 'America/Los_Angeles'].map(
      (zone) => `/v1/students/daily?student_id=${student}&since=2026-03-03&until=2026-03-04&tz=${zone}`,
    ),
    '/v1/students?since=2026-03-03T00:00:00Z&until=2026-03-04T00:00:00Z',
    '/v1/topics',
    '/v1/topics?since=2026-03-03T05:00:00Z&until=2026-03-03T06:00:00Z',
    '/v1/items?since=2026-03-02T23:00:00Z&until=2026-03-03T01:00:00Z',
    '/v1/irt/readiness',
    '/v1/irt/responses?layout=long',
    ...['UTC', 'Asia/Seoul', 'America/Los_Angeles'].map(
      (zone) => `/v1/topics/daily?since=2026-03-03&until=2026-03-04&tz=${zone}`,
    ),
    '/v1/topics/daily?format=csv&since=2026-03-03&until=2026-03-05',
  ]
  const given = new Map<string, string>()
  let [repeated, distinct] = [0, 0]
  const next = random(20260303)
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release()
  })
  for (let round = 0; round < 60; round++) {
    const hour = String(next(24)).padStart(2, '0')
    const at = `2026-03-0${2 + next(3)}T${hour}:30:00Z`
    const one = `(
      select id from exam_results where user_id = 'user-${next(2)}' order by md5(id::text || '${round}') limit 1
    )`
    const what = next(10)
    if (what < 4) await exam(db, `s-${round}`, `user-${next(2)}`, 1 + next(3), at)
    else if (what < 7) await db.pool.query(`delete from exam_results where id = ${one}`)
    else if (what < 8) await db.pool.query(`update exam_results set updated_at = '${at}' where id = ${one}`)
    else if (what < 9) await removeExpired(client, 0)
    else await db.pool.query(`update exam_results set status = 'seen' where id = ${one}`)
    await catchUp(db.url)
    if (next(3) === 0) await removeExpired(client, 0)
    const answers = await Promise.all(paths.map(async (path) => ({ path, answer: await app.inject(path) })))
    for (const { path, answer } of answers) {
      const { statusCode, headers, body } = answer
      if (statusCode === 404 || statusCode === 422) continue
      if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${body}`)
      const key = `${path} ${String(headers['etag'])}`
      const before = given.get(key)
      if (before === undefined) {
        given.set(key, rowsOf(body))
        distinct++
        continue
      }
      repeated++
      if (before !== rowsOf(body)) t.fail(`round ${round}: ${key} had another answer before`)
    }
  }
  t.equal(repeated > 100 && distinct > 100, true, `${distinct} ETags, ${repeated} repeated`)
})

t.test('without since and until, the default days change at midnight', async (t) => {
  const db = await createStore(t)
  const RealDate = Date
  t.teardown(() => {
    globalThis.Date = RealDate
  })
  // noon of today, and then of tomorrow: no midnight comes between
  const noon = RealDate.now() - (RealDate.now() % 86_400_000) + 43_200_000
  const noonIn = (days: number) => {
    const shift = noon + days * 86_400_000 - RealDate.now()
    globalThis.Date = class extends RealDate {
      constructor(...given: ConstructorParameters<typeof Date> | []) {
        if (given.length === 0) super(RealDate.now() + shift)
        else super(...(given as ConstructorParameters<typeof Date>))
      }
    } as DateConstructor
  }
  const day = (before: number) => new RealDate(noon - before * 86_400_000).toISOString()
  // as many days tomorrow, and the same one changed last
  for (const [item, before] of [-1, 7, 3].entries()) {
    await exam(db, `${before} days ago`, 'user-0', item + 10, `${day(before).slice(0, 10)}T12:00:00Z`)
    await catchUp(db.url)
  }
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  noonIn(0)
  const today = await app.inject('/v1/topics/daily')
  const tag = String(today.headers['etag'])
  t.equal((await app.inject({ path: '/v1/topics/daily', headers: { 'if-none-match': tag } })).statusCode, 304)
  noonIn(1)
  const tomorrow = await app.inject({ path: '/v1/topics/daily', headers: { 'if-none-match': tag } })
  t.equal(tomorrow.statusCode, 200)
  t.not(rowsOf(tomorrow.body), rowsOf(today.body))
})

t.test('a version that is assigned again, to other rows, has another ETag', async (t) => {
  const db = await createStore(t)
  // a copy made from a backup: both assign the next version
  const copy = `${db.name}_copy`
  const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] })
  await admin.connect()
  await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${db.name}'`)
  await admin.query(`create database ${copy} template ${db.name}`)
  t.teardown(async () => {
    await admin.query(`drop database ${copy} with (force)`)
    await admin.end()
  })
  const other = new URL(db.url)
  other.pathname = `/${copy}`
  const pool = new pg.Pool({ connectionString: other.href, max: 2 })
  pool.on('error', () => undefined)
  const restored = { ...db, url: other.href, pool }
  await exam(db, 'one', 'user-0', 2, '2026-03-03T13:00:00Z')
  for (const session of ['two', 'three']) await exam(restored, session, 'user-0', 2, '2026-03-03T13:00:00Z')
  await pool.end()
  const answers: { tag: string; version: string; attempts: string }[] = []
  for (const url of [db.url, restored.url]) {
    await catchUp(url)
    const app = await startApp(t, url, { storeLagS: 3_600 })
    for (const path of [
      '/v1/students?user_id=user-0',
      '/v1/topics',
      '/v1/topics/daily?since=2026-03-03&until=2026-03-04',
    ]) {
      const { headers, body } = await app.inject(path)
      answers.push({
        tag: String(headers['etag']),
        version: String(headers['attempt-version']),
        attempts: JSON.stringify(/"attempts":"?(\d+)/.exec(body)?.[1]),
      })
    }
    await app.close()
  }
  const [first, second] = [answers.slice(0, 3), answers.slice(3)]
  for (const [at, one] of first.entries()) {
    t.equal(second[at]?.version, one.version, 'the same number')
    t.not(second[at]?.attempts, one.attempts)
    t.not(second[at]?.tag, one.tag)
  }
})

t.test('an export after a change token has at least the version of the token', async (t) => {
  const db = await createStore(t)
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  for (let turn = 0; turn < 8; turn++) {
    await app.inject('/v1/attempts?source=store&user_id=user-0')
    await exam(db, `turn-${turn}`, 'user-0', turn, '2026-03-04T00:00:00Z')
    await catchUp(db.url)
    const start = BigInt(String((await app.inject('/v1/changes')).headers['attempt-version']))
    for (const path of [
      '/v1/attempts?source=store&user_id=user-0',
      '/v1/attempts?source=store',
      '/v1/attempts?source=store&format=csv',
      '/v1/topics?source=store',
      '/v1/irt/responses?source=store',
    ]) {
      const { headers } = await app.inject(path)
      t.equal(
        BigInt(String(headers['attempt-version'])) >= start,
        true,
        `${path}: ${String(headers['attempt-version'])} after ${start}`,
      )
    }
  }
})

/** Requests wait while the one connection of each pool is taken; meanwhile the store is emptied. */
async function whileEmptied(db: TestDatabase, app: App, paths: readonly string[]) {
  const holder = await db.pool.connect()
  await holder.query('begin; lock table attempt_day in access exclusive mode')
  const before = [app.inject('/v1/topics?source=store'), app.inject('/v1/irt/readiness?source=store')]
  const waiting = `select from pg_locks where not granted and relation = 'attempt_day'::regclass`
  await until(async () => (await db.pool.query(waiting)).rowCount !== 0, 'a request waits for the lock')
  const answers = paths.map((path) => app.inject(path))
  await new Promise((done) => setTimeout(done, 300))
  await db.pool.query(`update attempt_store set state = 'emptying'; truncate attempt_materialized`)
  await holder.query('commit')
  holder.release()
  await Promise.allSettled(before)
  return Promise.all(answers)
}

t.test('a request that waited while the store was emptied does not return an empty store', async (t) => {
  const db = await createStore(t)
  const { student_id: student } = (await db.pool.query(`select student_id from attempt_materialized limit 1`))
    .rows[0] as { student_id: string }
  const app = await startApp(t, db.url, { storeLagS: 3_600, poolSize: 1 })
  t.equal((await app.inject('/v1/attempts?source=store')).json().data.length, 1)
  const paths = [
    '/v1/attempts',
    '/v1/attempts?user_id=user-0',
    '/v1/topics',
    '/v1/items',
    `/v1/students/${student}`,
    '/v1/topics/daily?since=2026-03-03&until=2026-03-04',
  ]
  const answers = await whileEmptied(db, app, [
    ...paths,
    ...paths.map((path) => `${path}${path.includes('?') ? '&' : '?'}source=store`),
  ])
  for (const [at, answer] of answers.entries()) {
    const path = paths[at]
    if (path === undefined) t.match([answer.statusCode, answer.json().code], [503, 'store_unavailable'])
    else {
      t.match(
        [
          answer.statusCode,
          answer.headers['attempt-source'],
          answer.headers['attempt-version'],
          answer.headers['etag'],
        ],
        [200, 'live', undefined, undefined],
        path,
      )
      t.match(answer.body, /"attempts":1|"attempts":"1"|"correct":true/, `${path}: what the view has`)
    }
  }
})

t.test('If-None-Match is compared weakly, and errors have no ETag', async (t) => {
  const db = await createStore(t)
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  const { student_id: student } = (await db.pool.query(`select student_id from attempt_materialized limit 1`))
    .rows[0] as { student_id: string }
  const get = (path: string, ifNoneMatch?: string) =>
    app.inject({ path, headers: ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch } })
  const [certain, uncertain] = [
    ['/v1/topics', '/v1/topics?format=csv', `/v1/students/${student}`, '/v1/students?user_id=user-0'],
    ['/v1/irt/readiness', '/v1/irt/responses'],
  ]
  for (const path of [...certain, ...uncertain]) {
    const first = await get(path)
    const tag = String(first.headers['etag'])
    for (const ifNoneMatch of [tag, tag.slice(2), `"other",${tag}`, `W/"other" , ${tag.slice(2)}, "more"`]) {
      const answer = await get(path, ifNoneMatch)
      t.match(
        [answer.statusCode, answer.headers['etag'], answer.headers['vary']],
        [304, tag, first.headers['vary']],
        `${path}: ${ifNoneMatch}`,
      )
    }
    for (const ifNoneMatch of ['"other"', tag.slice(0, -2), '"a,*,b"', `"${tag.slice(3, -1)},"`])
      t.equal((await get(path, ifNoneMatch)).statusCode, 200, `${path}: ${ifNoneMatch}`)
    t.equal((await get(path, '*')).statusCode, certain.includes(path) ? 304 : 200, path)
  }
  for (const [path, status] of [
    ['/v1/students/00000000-0000-4000-8000-000000000000', 404],
    ['/v1/irt/readiness?anchor_item_id=7', 422],
    ['/v1/irt/responses?anchor_item_id=7', 422],
    ['/v1/topics?limit=10001', 400],
    ['/v1/topics?cursor=x', 400],
    ['/v1/topics?cursor=x&format=csv', 400],
  ] as const) {
    for (const ifNoneMatch of [undefined, '*']) {
      const answer = await get(path, ifNoneMatch)
      t.match([answer.statusCode, answer.headers['etag']], [status, undefined], path)
    }
  }
})
