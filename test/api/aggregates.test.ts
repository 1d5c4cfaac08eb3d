import t from 'tap'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { createDatabase } from '../helpers/database.js'
import { get, startApp, walk } from '../helpers/app.js'

const db = await createDatabase(t)
const exams = cohort({
  exams: 250,
  questions: 8,
  students: 17,
  items: 30,
  days: 12,
  end: new Date('2026-03-12T00:00:00Z'),
  seed: 3,
})
await loadExamResults(
  db.pool,
  (function* () {
    for (const exam of exams) yield JSON.stringify(exam)
  })(),
)
// around the change to summer time in Berlin, the repeated midnight of Havana, and a topic that is missing
await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
  select 'edge-' || n, 'edge', '{"questions": [{"question_id": 5, "is_correct": true, "time_spent_sec": 3},
  {"question_id": 6, "topic": "Ä"}]}', at
  from unnest('{2026-03-28T22:59:59.999999Z, 2026-03-28T23:00:00Z, 2026-03-29T21:59:59.999999Z, 2026-03-29T22:00:00Z,
    2026-11-01T04:00:00Z, 2026-11-01T04:30:00Z, 2026-11-01T05:00:00Z, 2026-11-01T05:30:00Z}'::timestamptz[])
    with ordinality as u (at, n)`)
await buildIndexes(db.pool, () => undefined)
const app = await startApp(t, db.url)

const aggregate = `count(*)::int as attempts,
  (count(*) filter (where correct))::int as correct,
  avg(correct::int)::float8 as accuracy,
  (count(*) filter (where attempt_no = 1))::int as first_attempts,
  (count(*) filter (where attempt_no = 1 and correct))::int as first_attempts_correct,
  (count(*) filter (where hint_used))::int as hints,
  (count(*) filter (where response_time_ms > 0))::int as timed_attempts,
  sum(response_time_ms)::int as sum_response_time_ms, avg(response_time_ms)::float8 as avg_response_time_ms,
  percentile_cont(0.5) within group (order by response_time_ms) as median_response_time_ms`
const stamp = (sql: string) => `to_char(${sql} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
const query = async (text: string) => (await db.pool.query<Record<string, unknown>>(text)).rows
const students = (where: string) =>
  query(`select student_id::text, ${aggregate}, count(distinct item_id)::int as items,
    count(distinct topic_id)::int as topics,
  count(distinct session_id)::int as sessions, ${stamp('min(completed_at)')} as first_completed_at,
  ${stamp('max(completed_at)')} as last_completed_at
  from attempt where ${where} group by student_id order by attempt.student_id`)
const topics = (where: string) =>
  query(
    `select topic_id, ${aggregate}, count(distinct student_id)::int as students from attempt where ${where}
      group by topic_id order by topic_id collate "C" nulls last`,
  )
const days = (where: string, zone: string) =>
  query(`select ((completed_at at time zone '${zone}')::date)::text as date, topic_id, ${aggregate},
    count(distinct student_id)::int as students,
  percentile_cont(0.9) within group (order by response_time_ms) as p90_response_time_ms
  from attempt where ${where} group by 1, 2 order by 1, topic_id collate "C" nulls last`)

t.test('students say what the plain view says', async (t) => {
  t.strictSame(await walk(app, '/v1/students?limit=5'), await students('true'))
  t.strictSame(
    await walk(app, '/v1/students?limit=4&since=2026-03-05T00:00:00Z&until=2026-03-08T00:00:00Z'),
    await students(`completed_at >= '2026-03-05Z' and completed_at < '2026-03-08Z'`),
  )
  t.strictSame(
    await walk(app, '/v1/students?topic_id=algebra&attempt_no=1'),
    await students(`topic_id = 'algebra' and attempt_no = 1`),
  )
  t.strictSame(await walk(app, '/v1/students?item_id=1001&item_id=5&limit=3'), await students('item_id in (1001, 5)'))
  t.strictSame(await walk(app, '/v1/students?user_id=edge'), await students(`student_id = attempt_student_id('edge')`))
  const many = (await students('true')).filter((row) => Number(row['attempts']) >= 120)
  t.equal(many.length > 0 && many.length < 17, true)
  t.strictSame(await walk(app, '/v1/students?min_attempts=120&limit=2'), many)
})

t.test('one student comes with the topics', async (t) => {
  const [whole] = await students(`student_id = attempt_student_id('edge')`)
  const byTopic = (await topics(`student_id = attempt_student_id('edge')`)).map(({ students: _, ...rest }) => rest)
  const { as_of, ...answer } = (await app.inject(`/v1/students/${studentOfUser('edge')}`)).json()
  t.match(as_of, /\.\d{6}Z$/)
  t.strictSame(answer, { ...whole, topics: byTopic })
  const none = await app.inject(`/v1/students/${studentOfUser('nobody')}`)
  t.equal(none.statusCode, 404)
  t.equal(none.json().code, 'student_not_found')
  t.equal((await app.inject('/v1/students/alice')).statusCode, 400)
})

t.test('topics and items say what the plain view says', async (t) => {
  t.strictSame(await walk(app, '/v1/topics?limit=2'), await topics('true'))
  t.strictSame(
    await walk(app, '/v1/topics?attempt_no=2&since=2026-03-03T00:00:00Z'),
    await topics(`attempt_no = 2 and completed_at >= '2026-03-03Z'`),
  )
  const items = (where: string, having = 'true') =>
    query(`select item_id::text, ${aggregate}, count(distinct student_id)::int as students,
    (count(*) filter (where attempt_no = 1 and correct))::float8
      / nullif(count(*) filter (where attempt_no = 1), 0) as p_value,
    ${stamp('min(completed_at)')} as first_completed_at, ${stamp('max(completed_at)')} as last_completed_at
    from attempt
    where ${where}
    group by item_id
    having ${having}
    order by attempt.item_id`)
  t.strictSame(await walk(app, '/v1/items?limit=7'), await items('true'))
  const late = await items(`completed_at >= '2026-03-11Z'`, 'count(*) >= 3')
  t.equal(
    late.some((row) => row['p_value'] === null),
    true,
    'an item without a first attempt in the range has no p-value',
  )
  t.strictSame(await walk(app, '/v1/items?since=2026-03-11T00:00:00Z&min_attempts=3'), late)
})

t.test('days are those of the zone, whatever its clock does', async (t) => {
  for (const [zone, since, until] of [
    ['UTC', '2026-03-01', '2026-04-01'],
    ['Europe/Berlin', '2026-03-29', '2026-03-30'],
    ['America/Havana', '2026-11-01', '2026-11-02'],
    ['America/Havana', '2026-10-31', '2026-11-01'],
    ['Asia/Seoul', '2026-03-04', '2026-03-06'],
    ['Pacific/Kiritimati', '2026-03-29', '2026-03-30'],
  ]) {
    const day = `(completed_at at time zone '${zone}')::date`
    const where = `${day} >= '${since}' and ${day} < '${until}'`
    const expected = await days(where, zone!)
    const path = `/v1/topics/daily?since=${since}&until=${until}&tz=${zone}`
    t.strictSame(await walk(app, `${path}&limit=3`), expected, `${zone} ${since}`)
    t.equal((await get(app, path)).tz, zone)
  }
  const berlin = await walk(app, '/v1/topics/daily?since=2026-03-29&until=2026-03-30&tz=Europe/Berlin')
  t.strictSame(
    berlin.map((row) => row['attempts']),
    [2, 2],
    'a day of 23 hours holds its first and its last microsecond',
  )
  t.equal(
    (await walk(app, '/v1/topics/daily?since=2026-11-01&until=2026-11-02&tz=America/Havana'))[0]?.['attempts'],
    4,
    'both midnights are on the day',
  )
  t.strictSame(
    await walk(app, '/v1/students/daily?since=2026-03-04&until=2026-03-07&tz=Asia/Seoul&limit=11'),
    await query(
      `select ((completed_at at time zone 'Asia/Seoul')::date)::text as date, student_id::text, topic_id, ${aggregate}
        from attempt
     where (completed_at at time zone 'Asia/Seoul')::date >= '2026-03-04'
       and (completed_at at time zone 'Asia/Seoul')::date < '2026-03-07'
     group by 1, attempt.student_id, 3 order by 1, attempt.student_id, topic_id collate "C" nulls last`,
    ),
  )
  t.strictSame((await get(app, '/v1/topics/daily')).data.length >= 0, true)
  for (const bad of [
    'tz=Mars/Olympus',
    'tz=FOO3',
    'since=2026-02-29',
    'since=2026-01-02&until=2026-01-01',
    'since=2026-01-01T00:00:00Z',
  ])
    t.equal((await app.inject(`/v1/topics/daily?${bad}`)).statusCode, 400, bad)
})

t.test('an empty database gives empty lists', async (t) => {
  const empty = await startApp(t, (await createDatabase(t)).url)
  for (const path of ['attempts', 'anomalies', 'students', 'students/daily', 'topics', 'topics/daily', 'items'])
    t.strictSame((await get(empty, `/v1/${path}`)).data, [], path)
})

t.test('anomalies come in pages and by reason', async (t) => {
  const odd = await createDatabase(t)
  await odd.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at) select 'odd-' || n,
      case when n % 5 > 0 then 'u' end,
    case when n % 7 = 0 then '{"questions": {}}' else '{"questions": [{"question_id": "Q7"}, {"question_id": 1}, 5,
      {"question_id": 1, "is_correct": "maybe"}, {"question_id": 1, "correct": true, "used_hints": true}]}' end::jsonb,
      timestamptz '2026-01-01Z' + n * interval '1 hour'
    from generate_series(1, 40) as n`)
  const served = await startApp(t, odd.url)
  const rows = async (where: string) =>
    (
      await odd.pool.query(
        `select a.* from attempt_anomaly a join exam_results r on r.id = a.exam_result_id where ${where}
          order by a.exam_result_id, coalesce(a.position, 0), a.reason collate "C"`,
      )
    ).rows
  t.strictSame(await walk(served, '/v1/anomalies?limit=13'), await rows('true'))
  t.strictSame(await walk(served, '/v1/anomalies?outcome=excluded&limit=9'), await rows(`outcome = 'excluded'`))
  t.strictSame(
    await walk(served, '/v1/anomalies?reason=questions_not_array&reason=user_id_missing'),
    await rows(`reason in ('questions_not_array', 'user_id_missing')`),
  )
  t.strictSame(
    await walk(served, '/v1/anomalies?since=2026-01-01T05:00:00Z&until=2026-01-01T09:00:00Z'),
    await rows(`updated_at >= '2026-01-01T05:00:00Z' and updated_at < '2026-01-01T09:00:00Z'`),
  )
  t.equal((await served.inject('/v1/anomalies?reason=none')).statusCode, 400)
})
