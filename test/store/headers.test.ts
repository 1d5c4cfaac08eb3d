/** When the store is read, and what the response headers say of it. */
import t from 'tap'
import { studentOfUser } from '../../src/queries/student-id.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp } from '../helpers/app.js'
import { createCohortDatabase, examDocument } from '../helpers/cohort-store.js'
import { catchUp, enabled } from '../helpers/store.js'

t.test('a store that has caught up is read, and the response headers say so', async (t) => {
  const db = await createCohortDatabase(t)
  const bare = await startApp(t, db.url)
  const none = await bare.inject('/v1/topics?source=store')
  t.equal(none.statusCode, 503)
  t.equal(none.json().code, 'store_unavailable')
  t.equal((await bare.inject('/v1/topics')).headers['attempt-source'], 'live')
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const filling = await startApp(t, db.url)
  t.equal(
    (await filling.inject('/v1/topics')).headers['attempt-source'],
    'live',
    'a store that is not complete is not read',
  )
  t.match((await filling.inject('/v1/topics?source=store')).json(), {
    code: 'store_unavailable',
    detail: /being filled/,
  })
  await catchUp(db.url)
  const app = await startApp(t, db.url)
  const taken = await app.inject('/v1/topics')
  t.match(taken.headers, { 'attempt-source': 'store', 'attempt-version': /^\d+$/, 'attempt-as-of': /\.\d{6}Z$/ })
  t.equal(taken.json().as_of, taken.headers['attempt-as-of'])
  t.equal((await app.inject('/v1/topics?source=live')).headers['attempt-source'], 'live')
  t.equal((await app.inject('/v1/topics?source=both')).statusCode, 400)
  t.equal((await app.inject('/v1/anomalies')).headers['attempt-source'], 'live')
  await db.pool.query(`update attempt_store set caught_up_at = now() - interval '1 minute'`)
  const lagging = await startApp(t, db.url, { storeLagS: 10 })
  t.equal((await lagging.inject('/v1/topics')).headers['attempt-source'], 'live')
  t.match((await lagging.inject('/v1/topics?source=store')).json(), {
    code: 'store_unavailable',
    detail: /\d\d+ s behind/,
  })
})

t.test('unchanged days are a 304; a late edit changes the ETags of its two days only', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const days = Array.from({ length: 12 }, (_value, index) =>
    new Date(Date.UTC(2026, 2, 1 + index)).toISOString().slice(0, 10),
  )
  const next = (day: string) => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)
  const path = (day: string) => `/v1/topics/daily?since=${day}&until=${next(day)}`
  const tags = async (of = path) =>
    Object.fromEntries(
      await Promise.all(days.map(async (day) => [day, String((await app.inject(of(day))).headers['etag'])])),
    ) as Record<string, string>
  const first = await tags()
  t.equal(new Set(Object.values(first)).size, 12)
  for (const url of [
    '/v1/topics/daily?since=2026-03-01&until=2026-03-12',
    '/v1/topics',
    '/v1/students',
    '/v1/students?user_id=odd',
    '/v1/students/daily',
    '/v1/items',
    '/v1/irt/readiness',
    '/v1/irt/responses',
    `/v1/students/${studentOfUser('odd')}`,
    '/v1/topics/daily?since=2026-03-01&until=2026-03-12&tz=Asia/Seoul&format=csv',
  ]) {
    const first = await app.inject(url)
    t.match(first.headers['etag'], /^W\//, url)
    const again = await app.inject({ url, headers: { 'if-none-match': String(first.headers['etag']) } })
    t.equal(again.statusCode, 304, url)
    t.equal(again.body, '')
    t.equal((await app.inject({ url, headers: { 'if-none-match': 'W/"0-x"' } })).statusCode, 200)
  }
  t.equal((await app.inject('/v1/topics?source=live')).headers['etag'], undefined)
  // an exam of one day, edited on another: first attempts at items of its own, so that no other number changes
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('edited', 'lonely', $1, '2026-03-03T12:00:00Z')`,
    [examDocument('{"question_id": 77, "is_correct": true}')],
  )
  await catchUp(db.url)
  const made = await tags()
  t.strictSame(
    days.filter((day) => made[day] !== first[day]),
    ['2026-03-03'],
  )
  const lonely = studentOfUser('lonely')
  // a day of another zone lies in two of UTC: noon there is the evening in Seoul and the morning in New York
  const others: [path: (day: string) => string, touched: string[]][] = [
    [(day) => `/v1/students?since=${day}T00:00:00Z&until=${next(day)}T00:00:00Z`, ['2026-03-03', '2026-03-07']],
    [
      (day) => `/v1/students?user_id=lonely&since=${day}T00:00:00Z&until=${next(day)}T00:00:00Z`,
      ['2026-03-03', '2026-03-07'],
    ],
    [(day) => `/v1/students?user_id=odd&since=${day}T00:00:00Z&until=${next(day)}T00:00:00Z`, []],
    [(day) => `/v1/students/daily?student_id=${lonely}&since=${day}&until=${next(day)}`, ['2026-03-03', '2026-03-07']],
    [
      (day) => `/v1/students/daily?student_id=${lonely}&since=${day}&until=${next(day)}&tz=Asia/Seoul`,
      ['2026-03-03', '2026-03-07'],
    ],
    [(day) => `${path(day)}&tz=Asia/Seoul`, ['2026-03-03', '2026-03-04', '2026-03-07', '2026-03-08']],
    [(day) => `${path(day)}&tz=America/New_York`, ['2026-03-02', '2026-03-03', '2026-03-06', '2026-03-07']],
  ]
  const before: Record<string, string>[] = []
  for (const [of] of others) before.push(await tags(of))
  await db.pool.query(`update exam_results set updated_at = '2026-03-07T12:00:00Z' where session_id = 'edited'`)
  await catchUp(db.url)
  const edited = await tags()
  t.strictSame(
    days.filter((day) => edited[day] !== made[day]),
    ['2026-03-03', '2026-03-07'],
  )
  for (const [at, [of, touched]] of others.entries()) {
    const after = await tags(of)
    t.strictSame(
      days.filter((day) => after[day] !== before[at]?.[day]),
      touched,
      of('2026-03-03'),
    )
  }
  await db.pool.query(`delete from exam_results where session_id = 'edited'`)
  await catchUp(db.url)
  const gone = await tags()
  t.strictSame(
    days.filter((day) => gone[day] !== edited[day]),
    ['2026-03-07'],
  )
})
