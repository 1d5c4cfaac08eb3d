/** The view, one student, a week of topics and the contract check. */
import { createServer } from 'node:http'
import autocannon from 'autocannon'
import pg from 'pg'
import { studentOfUser } from '../src/queries/student-id.js'
import { type Figures, get, median, type Bench, times } from './harness.js'

/** What an engineer would write by hand: without the view's handling of malformed values. */
const original = `create view original as
with q as (
  select
    er.id as exam_result_id,
    er.user_id as u,
    er.session_id,
    coalesce(er.updated_at, er.created_at) as completed_at,
    jsonb_array_elements(er.result_json -> 'questions') as e
  from exam_results er
), s as (
  select
    *,
    case
      when u ~* '^[0-9a-fA-F-]{36}$' then u::uuid
      else (
        substr(md5(u), 1, 8) || '-' || substr(md5(u), 9, 4) || '-' || substr(md5(u), 13, 4) || '-' ||
        substr(md5(u), 17, 4) || '-' || substr(md5(u), 21, 12)
      )::uuid
    end as student_id
  from q
)
select
  ('x' || substr(md5(exam_result_id::text || '-' || (e ->> 'question_id')), 1, 16))::bit(64)::bigint as id,
  student_id,
  nullif(e ->> 'question_id', '')::bigint as item_id,
  coalesce((e ->> 'is_correct')::boolean, (e ->> 'correct')::boolean, false) as correct,
  coalesce(round(nullif(e ->> 'time_spent_sec', '')::numeric * 1000)::int, 0) as response_time_ms,
  coalesce((e ->> 'used_hints')::int, 0) > 0 as hint_used,
  completed_at,
  completed_at
    - make_interval(secs => coalesce(round(nullif(e ->> 'time_spent_sec', '')::numeric), 0)::int) as started_at,
  row_number() over (
    partition by student_id, nullif(e ->> 'question_id', '')::bigint
    order by completed_at, exam_result_id
  )::int as attempt_no,
  session_id,
  nullif(e ->> 'topic', '') as topic_id
from s
where nullif(e ->> 'question_id', '') is not null`

export async function view({ url, pool, cohort, load, serve }: Bench, { report }: Figures): Promise<void> {
  const explain = async (name: string) =>
    median(await times(3, () => pool.query(`explain (analyze, timing off) select * from ${name}`)))
  await pool.query(original)
  await pool.query(
    'alter database postgres set jit = off; alter database postgres set max_parallel_workers_per_gather = 0',
  )
  const [was, is] = [await explain('original'), await explain('attempt')]
  report(
    'total view against the original expressions',
    `${Math.round(is)} ms against ${Math.round(was)} ms`,
    is / was,
    1.3,
  )

  const service = await serve()
  report(
    'start against a ready database, from spawn to ready',
    `${Math.round(service.startedMs)} ms`,
    service.startedMs / 1500,
    1,
  )

  const student = studentOfUser('student-7')
  const text = `select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
    attempt_no, session_id, topic_id
  from attempt
  where student_id = $1
  order by completed_at, student_id, item_id, attempt_no
  limit 1001`
  const ownPool = new pg.Pool({ connectionString: url, max: 10 }).on('error', () => undefined)
  const bare = createServer((request, response) => {
    void ownPool
      .query({ name: 'bare', text, values: [new URL(request.url ?? '/', 'http://x').searchParams.get('student_id')] })
      .then(({ rows }) => {
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: rows }))
      })
  })
  await new Promise<void>((done) => {
    bare.listen(0, '127.0.0.1', () => {
      done()
    })
  })
  const bareUrl = `http://127.0.0.1:${(bare.address() as { port: number }).port}/?student_id=${student}`
  const ownUrl = `${service.url}/v1/attempts?student_id=${student}`
  const rate = async (target: string) =>
    (await autocannon({ url: target, connections: 4, duration: 6 })).requests.average
  await rate(bareUrl)
  await rate(ownUrl)
  const bareRate = Math.max(await rate(bareUrl), await rate(bareUrl))
  const ownRate = Math.max(await rate(ownUrl), await rate(ownUrl))
  report(
    'one student against node:http + pg',
    `${Math.round(ownRate)} against ${Math.round(bareRate)} requests/s`,
    ownRate / bareRate,
    1,
    false,
  )

  const one = () => get(ownUrl)
  const week = () => get(`${service.url}/v1/topics/daily?since=2025-12-20&until=2025-12-27`)
  const contract = () => get(`${service.url}/schema-contract`)
  const small = {
    one: median(await times(40, one)),
    week: median(await times(5, week)),
    contract: median(await times(9, contract)),
  }
  const reads = async () =>
    Number(
      (
        await pool.query(
          `select pg_stat_clear_snapshot(), coalesce(seq_scan, 0) + coalesce(idx_scan, 0) as n
          from pg_stat_user_tables
          where relname = 'exam_results'`,
        )
      ).rows[0].n,
    )
  const before = await reads()
  await contract()
  await new Promise((done) => setTimeout(done, 1500))
  report(
    '/schema-contract',
    `${Math.round(small.contract)} ms, ${(await reads()) - before} scans of exam_results`,
    small.contract / 250,
    1,
  )

  console.log('loading nine times as much older history of other students')
  await load(
    {
      ...cohort,
      exams: cohort.exams * 9,
      students: cohort.students * 9,
      days: 900,
      end: new Date(cohort.end.getTime() - cohort.days * 86_400_000),
      seed: 2,
    },
    'older-',
  )
  const large = { one: median(await times(40, one)), week: median(await times(5, week)) }
  report(
    'one student at 10 times the history',
    `${large.one.toFixed(1)} ms against ${small.one.toFixed(1)} ms`,
    large.one / small.one,
    1.3,
  )
  report(
    '/v1/topics/daily, 7 days, at 10 times the history',
    `${Math.round(large.week)} ms against ${Math.round(small.week)} ms`,
    large.week / small.week,
    1.5,
  )
  await service.stop()
  await ownPool.end()
  await new Promise((done) => {
    bare.close(done)
  })
}
