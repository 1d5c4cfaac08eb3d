import t from 'tap'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import type { Column } from '../../src/formats/encoder.js'
import type { Reader } from '../../src/database/reader.js'
import type { Statement } from '../../src/database/statement.js'
import { selectAttempts, type AttemptsQuery } from '../../src/queries/attempts.js'
import type { PageRequest } from '../../src/queries/paging.js'
import { disableStore, enableStore } from '../../src/store/enable.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { get, startApp, walk } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, differences, enabled, settleDays } from '../helpers/store.js'

async function filled(t: { teardown(action: () => unknown): unknown }): Promise<TestDatabase> {
  const db = await createDatabase(t)
  const exams = cohort({
    exams: 300,
    questions: 9,
    students: 20,
    items: 30,
    days: 12,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 5,
  })
  await loadExamResults(
    db.pool,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
    select 'odd-' || n, 'odd', '{"questions": [{"question_id": 9007199254740993, "topic": "a,b"}, {"question_id": "Q7"}, {"question_id": 5, "used_hints": true}, {"question_id": 5, "is_correct": true}]}', timestamptz '2026-03-05T23:59:59.999999Z' + n * interval '1 microsecond'
    from generate_series(0, 3) as n`)
  await buildIndexes(db.pool, () => undefined)
  return db
}

const body = (questions: string) => `{"questions": [${questions}]}`

t.test('the same request gives the same rows from the view and from the store', async (t) => {
  const db = await filled(t)
  await enabled(db)
  t.strictSame(await differences(db.pool), [])
  // nobody refreshes meanwhile
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

t.test('the KPIs of days that were just touched are those of the rows', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  for (const stale of [`date in ('2026-03-05', '2026-03-06', '2026-03-09')`, `date = '2026-03-01'`, 'true']) {
    await db.pool.query('update attempt_day set stale = true')
    const session = await db.pool.connect()
    await settleDays(session)
    session.release()
    await db.pool.query(`update attempt_day set stale = true where ${stale}`)
    // what nobody may be told any more: of a topic that is no more, and too little of the others
    await db.pool.query(
      `delete from attempt_topic_day where (${stale}) and topic_id = 'algebra'; update attempt_topic_day set attempts = 0, topic_id = topic_id || '?' where ${stale}`,
    )
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
    t.equal(
      (await app.inject('/v1/topics/daily?since=2026-03-01&until=2026-03-13&source=store&format=csv')).body,
      (await app.inject('/v1/topics/daily?since=2026-03-01&until=2026-03-13&source=live&format=csv')).body,
    )
  }
})

t.test('the store is taken where it is caught up, and the answer says so', async (t) => {
  const db = await filled(t)
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
    'a store that is not whole is invisible',
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

t.test('whatever is written, the store follows exactly', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const follows = async (what: string, sql: string) => {
    await db.pool.query(sql)
    await catchUp(db.url)
    t.strictSame(await differences(db.pool), [], what)
    const days = `select count(*)::int as n from (select * from attempt_topic_day except all select (completed_at at time zone 'UTC')::date, topic_id, count(*), count(*) filter (where correct), count(*) filter (where correct)::float8 / count(*),
      count(*) filter (where attempt_no = 1), count(*) filter (where attempt_no = 1 and correct), count(*) filter (where hint_used), count(*) filter (where response_time_ms > 0), sum(response_time_ms), avg(response_time_ms)::float8,
      percentile_cont(0.5) within group (order by response_time_ms), count(distinct student_id), percentile_cont(0.9) within group (order by response_time_ms) from attempt group by 1, 2) as d`
    t.equal((await db.pool.query(days)).rows[0].n, 0, `${what}: days`)
    t.equal(
      (
        await db.pool.query(
          `select (select count(*) from attempt_topic_day) = (select count(distinct ((completed_at at time zone 'UTC')::date, topic_id)) from attempt) as same`,
        )
      ).rows[0].same,
      true,
      `${what}: no day too many`,
    )
    t.equal((await db.pool.query('select count(*)::int as n from attempt_queue')).rows[0].n, 0)
  }
  const exam = (session: string, user: string, at: string, questions = '{"question_id": 1001, "is_correct": true}') =>
    `insert into exam_results (session_id, user_id, result_json, updated_at) values ('${session}', ${user}, '${body(questions)}', '${at}')`
  await follows('a new exam', exam('new', `'student-1'`, '2026-03-12T10:00:00Z'))
  await follows('a late one, which renumbers the later ones', exam('late', `'student-1'`, '2026-02-01T10:00:00Z'))
  await follows(
    'an edit',
    `update exam_results set result_json = '${body('{"question_id": 1001}, {"question_id": 1002, "time_spent_sec": 7}')}', updated_at = '2026-03-13T00:00:00Z' where session_id = 'late'`,
  )
  await follows(
    'a move to another user',
    `update exam_results set user_id = 'student-2' where session_id in ('late', 'new')`,
  )
  await follows('a move to nobody', `update exam_results set user_id = null where session_id = 'late'`)
  await follows(
    'many at once',
    `update exam_results set user_id = 'everybody' where user_id in ('student-4', 'student-5', 'odd')`,
  )
  await follows('a deletion', `delete from exam_results where session_id = 'new' or user_id = 'student-6'`)
  await follows(
    'two spellings of a student',
    `${exam('upper', `'ABCDEFAB-0000-4000-8000-00000000000A'`, '2026-03-01Z')}; ${exam('lower', `'abcdefab-0000-4000-8000-00000000000a'`, '2026-03-02Z')}`,
  )
  await follows(
    'an upsert',
    `insert into exam_results (session_id, user_id, result_json) values ('upper', 'student-9', '${body('{"question_id": 3}')}'), ('more', 'student-9', '${body('{"question_id": 3}')}')
    on conflict (session_id) do update set user_id = excluded.user_id, result_json = excluded.result_json`,
  )
  await follows(
    'an emptied table that is filled again',
    `truncate exam_results; ${exam('first', `'student-1'`, '2026-03-01Z')}`,
  )
  const before = (await db.pool.query('select version from attempt_store')).rows[0].version
  await follows('a write that changes nothing', `update exam_results set status = 'seen'`)
  t.equal((await db.pool.query('select version from attempt_store')).rows[0].version, before, 'raises no version')
})

t.test('unchanged days are a 304; a late edit changes the tags of its two days only', async (t) => {
  const db = await filled(t)
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
    const whole = await app.inject(url)
    t.match(whole.headers['etag'], /^W\//, url)
    const again = await app.inject({ url, headers: { 'if-none-match': String(whole.headers['etag']) } })
    t.equal(again.statusCode, 304, url)
    t.equal(again.body, '')
    t.equal((await app.inject({ url, headers: { 'if-none-match': 'W/"0-x"' } })).statusCode, 200)
  }
  t.equal((await app.inject('/v1/topics?source=live')).headers['etag'], undefined)
  // an exam of one day, edited on another: first attempts at items of its own, so that nobody else's number moves
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at) values ('edited', 'lonely', '${body('{"question_id": 77, "is_correct": true}')}', '2026-03-03T12:00:00Z')`,
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

t.test('writers need no right on the queue and wait for nobody; disabling leaves nothing', async (t) => {
  const db = await filled(t)
  const things = async () =>
    (
      await db.pool
        .query(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
    union all select 'trigger ' || tgname from pg_trigger where not tgisinternal union all select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace order by 1`)
    ).rows
  const before = await things()
  await enabled(db)
  const role = `writer_${db.name}`
  await db.pool.query(`create role ${role}; grant insert, update, delete, select on exam_results to ${role}`)
  const writer = await db.pool.connect()
  await writer.query(`set role ${role}; set search_path = pg_catalog`)
  await writer.query(
    `insert into public.exam_results (session_id, user_id, result_json) values ('by role', 'role', '${body('{"question_id": 1}')}')`,
  )
  await t.rejects(writer.query('select * from public.attempt_queue'), /permission denied/)
  await writer.query('reset role; reset search_path')
  // an open transaction that touched the queue and the student, and another writer of the same student beside it
  await writer.query(`begin; update exam_results set status = 'x' where session_id = 'by role'`)
  const other = await db.pool.connect()
  await other.query(`set statement_timeout = '20s'`)
  await other.query(
    `insert into exam_results (session_id, user_id, result_json) values ('beside', 'role', '${body('{"question_id": 1}')}')`,
  )
  await catchUp(db.url)
  t.strictSame(await differences(db.pool), [], 'what is not committed is not in the store')
  await writer.query('commit')
  await catchUp(db.url)
  t.strictSame(await differences(db.pool), [])
  writer.release()
  other.release(true)
  await db.pool.query(`drop owned by ${role}; drop role ${role}`)
  await disableStore({ primary: db.pool, store: db.pool }, () => undefined)
  t.strictSame(await things(), before)
})

t.test('disabling and a reader do not wait for each other', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const reader = await db.pool.connect()
  t.teardown(() => {
    reader.release()
  })
  await reader.query('begin')
  // as every answer begins
  await reader.query('select version from attempt_store')
  const disabling = disableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const waiting = async () =>
    (
      await db.pool.query(
        `select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`,
      )
    ).rows.length > 0
  while (!(await waiting())) await new Promise((again) => setTimeout(again, 20))
  for (const table of ['attempt_materialized', 'attempt_day', 'attempt_topic_day', 'attempt_deleted', 'attempt_epoch'])
    await reader.query(`lock table ${table} in access share mode nowait`)
  await reader.query('commit')
  await disabling
  t.strictSame((await db.pool.query(`select to_regclass('attempt_store') as store`)).rows, [{ store: null }])
})

t.test('a store in a database of its own is the same', async (t) => {
  const db = await filled(t)
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
    `update exam_results set user_id = 'student-1' where user_id = 'student-2'; delete from exam_results where user_id = 'odd'`,
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

t.test('a session is looked up in the store, whatever else is asked of it', async (t) => {
  const db = await filled(t)
  await enabled(db)
  // below 30,000 rows, all of which analyze takes for its sample
  await db.pool
    .query(`insert into attempt_materialized select id, gen_random_uuid(), item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id || ' ' || n, topic_id, exam_result_id, position, answered, version
    from generate_series(1, 8) as n, attempt_materialized; analyze attempt_materialized`)
  const columns: Column<'id'>[] = [{ name: 'id', kind: 'int64', description: '' }]
  const plan = async (query: Partial<AttemptsQuery>, ask: PageRequest) => {
    const { value } = await selectAttempts(
      { store: true } as Reader,
      { columns, descending: false, session: 'odd-2 7', ...query },
      ask,
    ).next()
    const { text, values } = value as Statement
    return (await db.pool.query(`explain (costs off) ${text}`, [...values])).rows
      .map((row: Record<string, unknown>) => row['QUERY PLAN'])
      .join('\n')
  }
  for (const [query, ask] of [
    [{}, { limit: 101, withKey: true }],
    [{ descending: true }, { limit: 2, withKey: true }],
    [
      { correct: 'true', since: '2026-03-01T00:00:00Z' },
      { limit: 101, withKey: true },
    ],
    [{}, { withKey: false }],
  ] as [Partial<AttemptsQuery>, PageRequest][]) {
    const found = await plan(query, ask)
    t.match(found, /attempt_materialized_session_idx/, JSON.stringify([query, ask]))
    t.notMatch(found, /Seq Scan/)
  }
  // a name longer than what the page of a tree takes
  await db.pool.query(
    `update attempt_materialized set session_id = (select string_agg(md5(n::text), '') from generate_series(1, 400) as n) where id = (select min(id) from attempt_materialized)`,
  )
  t.ok(((await db.pool.query(`select from attempt_materialized where length(session_id) = 12800`)).rowCount ?? 0) > 0)
})
