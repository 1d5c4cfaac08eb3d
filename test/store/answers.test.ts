/** Answers from the store: the same as from the view. */
import t from 'tap'
import type { Reader } from '../../src/database/reader.js'
import type { Statement } from '../../src/database/statement.js'
import type { Column } from '../../src/formats/encoder.js'
import { selectAttempts, type AttemptsQuery } from '../../src/queries/attempts.js'
import type { PageRequest } from '../../src/queries/paging.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { disableStore } from '../../src/store/enable.js'
import { get, startApp, walk } from '../helpers/app.js'
import { createCohortDatabase } from '../helpers/cohort-store.js'
import { createDatabase } from '../helpers/database.js'
import { catchUp, differences, enabled, settleDays } from '../helpers/store.js'
import { onPath } from '../helpers/on-path.js'

t.test('the same request gives the same rows from the view and from the store', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  t.strictSame(await differences(db.pool), [])
  // no refresher runs meanwhile
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  const student = studentOfUser('student-3')
  const range = 'since=2026-03-04T00:00:00Z&until=2026-03-09T12:00:00Z'
  for (const path of [
    '/v1/attempts?limit=97',
    '/v1/attempts?limit=200&order=desc',
    `/v1/attempts?${range}&limit=50`,
    `/v1/attempts?${range}&attempt_no=2`,
    '/v1/attempts?user_id=student-3',
    `/v1/attempts?student_id=${student}&item_id=1004`,
    '/v1/attempts?session_id=odd-2',
    '/v1/attempts?item_id=9007199254740993&item_id=1002',
    '/v1/attempts?topic_id=algebra&correct=false',
    '/v1/attempts?fields=topic_id,item_id&limit=500',
    '/v1/attempts?id=1',
    '/v1/students?limit=7',
    `/v1/students?${range}&limit=4`,
    '/v1/students?topic_id=algebra&attempt_no=1',
    '/v1/students?min_attempts=130',
    '/v1/students?user_id=odd',
    `/v1/students?item_id=1003&${range}`,
    '/v1/students/daily?limit=100',
    '/v1/students/daily?since=2026-03-04&until=2026-03-07&tz=Asia/Seoul',
    `/v1/students/daily?student_id=${student}`,
    '/v1/students/daily?topic_id=algebra',
    '/v1/topics',
    `/v1/topics?${range}`,
    '/v1/topics?attempt_no=2',
    '/v1/topics/daily?since=2026-03-01&until=2026-03-13&limit=5',
    '/v1/topics/daily?since=2026-03-01&until=2026-03-13&topic_id=algebra&topic_id=geometry',
    '/v1/topics/daily?since=2026-03-05&until=2026-03-08&tz=Europe/Berlin',
    '/v1/topics/daily',
    '/v1/items?limit=11',
    `/v1/items?${range}&min_attempts=5`,
    '/v1/items?topic_id=geometry',
  ]) {
    const separator = path.includes('?') ? '&' : '?'
    t.strictSame(
      await walk(app, `${path}${separator}source=store`),
      await walk(app, `${path}${separator}source=live`),
      path,
    )
    const [csv, live] = [
      await app.inject(`${path}${separator}source=store&format=csv`),
      await app.inject(`${path}${separator}source=live&format=csv`),
    ]
    t.equal(csv.statusCode, 200)
    t.equal(csv.body, live.body, `${path} as CSV`)
  }
  for (const path of [
    '/v1/irt/responses?',
    '/v1/irt/responses?attempts=all',
    '/v1/irt/responses?layout=wide&min_per_item=30',
    `/v1/irt/responses?layout=subjects&${range}`,
    '/v1/irt/responses?sample=0.5&answered=any',
    '/v1/irt/responses?min_per_student=8&anchor_item_id=1001',
  ]) {
    const [store, live] = [await app.inject(`${path}&source=store`), await app.inject(`${path}&source=live`)]
    t.equal(store.statusCode, 200)
    t.equal(store.body, live.body, path)
  }
  const without = ({ as_of: _, ...rest }: Record<string, unknown>) => rest
  for (const path of ['/v1/irt/readiness?min_per_item=2&', `/v1/students/${student}?`])
    t.strictSame(
      without((await app.inject(`${path}source=store`)).json()),
      without((await app.inject(`${path}source=live`)).json()),
      path,
    )
})

t.test('the KPIs of a stale day are computed from its rows', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  for (const stale of [`date in ('2026-03-05', '2026-03-06', '2026-03-09')`, `date = '2026-03-01'`, 'true']) {
    await db.pool.query('update attempt_day set stale = true')
    const session = await db.pool.connect()
    await settleDays(session)
    session.release()
    await db.pool.query(`update attempt_day set stale = true where ${stale}`)
    // what no answer may show: a topic that is missing, and too few attempts of the others
    await db.pool.query(`delete from attempt_topic_day where (${stale}) and topic_id = 'algebra'`)
    await db.pool.query(`update attempt_topic_day set attempts = 0, topic_id = topic_id || '?' where ${stale}`)
    for (const path of [
      'since=2026-03-01&until=2026-03-13',
      'since=2026-03-01&until=2026-03-13&limit=2',
      'since=2026-03-05&until=2026-03-06&limit=1',
      'since=2026-03-02&until=2026-03-10&topic_id=algebra&topic_id=geometry',
      'since=2026-03-06&until=2026-03-09&topic_id=none',
      'since=2026-04-01',
    ]) {
      t.strictSame(
        await walk(app, `/v1/topics/daily?${path}&source=store`),
        await walk(app, `/v1/topics/daily?${path}&source=live`),
        `${path}, stale: ${stale}`,
      )
    }
    const csv = '/v1/topics/daily?since=2026-03-01&until=2026-03-13&format=csv'
    t.equal((await app.inject(`${csv}&source=store`)).body, (await app.inject(`${csv}&source=live`)).body)
  }
})

t.test('a store in a database of its own gives the same answers', async (t) => {
  const db = await createCohortDatabase(t)
  const apart = await createDatabase(t, { bare: true })
  await enabled(db, apart)
  const app = await startApp(t, db.url, {}, apart.url)
  for (const path of [
    '/v1/attempts?limit=500',
    '/v1/students',
    '/v1/topics/daily?since=2026-03-01&until=2026-03-13',
    '/v1/items',
  ]) {
    const separator = path.includes('?') ? '&' : '?'
    t.strictSame(
      await walk(app, `${path}${separator}source=store`),
      await walk(app, `${path}${separator}source=live`),
      path,
    )
    t.equal(
      (await app.inject(`${path}${separator}source=store&format=csv`)).body,
      (await app.inject(`${path}${separator}source=live&format=csv`)).body,
    )
  }
  await db.pool.query(
    `update exam_results set user_id = 'student-1' where user_id = 'student-2';
    delete from exam_results where user_id = 'odd'`,
  )
  await catchUp(db.url, apart.url)
  t.strictSame(
    await walk(app, '/v1/attempts?source=store&limit=2000'),
    await walk(app, '/v1/attempts?source=live&limit=2000'),
  )
  t.equal((await get(app, '/v1/students?user_id=odd')).data.length, 0)
  await disableStore({ primary: db.pool, store: apart.pool }, () => undefined)
  t.equal(
    (await apart.pool.query(`select count(*)::int as n from pg_class where relname like 'attempt%'`)).rows[0].n,
    0,
  )
})

t.test('a session is looked up by its index, whatever other parameters the request has', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  // fewer than 30,000 rows, all of which ANALYZE samples
  await db.pool.query(`insert into attempt_materialized
    select id, gen_random_uuid(), item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no,
      session_id || ' ' || n, topic_id, exam_result_id, position, answered, version
    from generate_series(1, 8) as n, attempt_materialized;
    analyze attempt_materialized`)
  const columns: Column<'id'>[] = [{ name: 'id', kind: 'int64', description: '' }]
  const plan = async (query: Partial<AttemptsQuery>, page: PageRequest) => {
    const { value } = await selectAttempts(
      { store: true } as Reader,
      { columns, descending: false, session: 'odd-2 7', ...query },
      page,
    ).next()
    const { text, values } = value as Statement
    return (await db.pool.query(`explain (costs off) ${onPath(text)}`, [...values])).rows
      .map((row: Record<string, unknown>) => row['QUERY PLAN'])
      .join('\n')
  }
  for (const [query, page] of [
    [{}, { limit: 101, withKey: true }],
    [{ descending: true }, { limit: 2, withKey: true }],
    [
      { correct: 'true', since: '2026-03-01T00:00:00Z' },
      { limit: 101, withKey: true },
    ],
    [{}, { withKey: false }],
  ] as [Partial<AttemptsQuery>, PageRequest][]) {
    const found = await plan(query, page)
    t.match(found, /attempt_materialized_session_hash_idx/, JSON.stringify([query, page]))
    t.notMatch(found, /Seq Scan/)
  }
  // a session id longer than a page of a B-tree takes
  await db.pool.query(
    `update attempt_materialized
    set session_id = (select string_agg(md5(n::text), '') from generate_series(1, 400) as n)
    where id = (select min(id) from attempt_materialized)`,
  )
  t.ok(((await db.pool.query(`select from attempt_materialized where length(session_id) = 12800`)).rowCount ?? 0) > 0)
})
