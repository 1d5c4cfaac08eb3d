/**
 * `npm run bench [-- EXAMS]`: the figures, each a ratio to its stated limit within one run. EXAMS exams of 50 questions
 * (default 20000: 1,000,000 attempts) on an embedded PostgreSQL.
 */
import { createServer } from 'node:http'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import pg from 'pg'
import { cohort, type CohortOptions } from '../src/database/cohort.js'
import { startEmbedded } from '../src/database/embedded.js'
import { buildIndexes } from '../src/database/indexes.js'
import { loadExamResults } from '../src/database/load.js'
import { migrateUp } from '../src/database/migrator.js'
import { createExamResults } from '../src/database/source.js'
import { studentOfUser } from '../src/queries/student-id.js'
import { startServer } from '../src/server.js'

const exams = Number(process.argv[2] ?? 20_000)
const results: { figure: string; measured: string; ratio: number; limit: string; holds: boolean }[] = []
const report = (figure: string, measured: string, ratio: number, limit: number, most = true) => {
  results.push({ figure, measured, ratio: Math.round(ratio * 1000) / 1000, limit: `${most ? '<=' : '>='} ${limit}`, holds: most ? ratio <= limit : ratio >= limit })
  console.log(`${figure}: ${measured}`)
}
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
async function times(runs: number, action: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    await action()
    taken.push(performance.now() - start)
  }
  return median(taken)
}

// what an engineer would write by hand: the expressions before they were made total
const original = `create view original as
with q as (
  select er.id as exam_result_id, er.user_id as u, er.session_id, coalesce(er.updated_at, er.created_at) as completed_at, jsonb_array_elements(er.result_json -> 'questions') as e
  from exam_results er
), s as (
  select *, case when u ~* '^[0-9a-fA-F-]{36}$' then u::uuid
    else (substr(md5(u), 1, 8) || '-' || substr(md5(u), 9, 4) || '-' || substr(md5(u), 13, 4) || '-' || substr(md5(u), 17, 4) || '-' || substr(md5(u), 21, 12))::uuid end as student_id
  from q
)
select ('x' || substr(md5(exam_result_id::text || '-' || (e ->> 'question_id')), 1, 16))::bit(64)::bigint as id, student_id,
  nullif(e ->> 'question_id', '')::bigint as item_id, coalesce((e ->> 'is_correct')::boolean, (e ->> 'correct')::boolean, false) as correct,
  coalesce(round(nullif(e ->> 'time_spent_sec', '')::numeric * 1000)::int, 0) as response_time_ms, coalesce((e ->> 'used_hints')::int, 0) > 0 as hint_used, completed_at,
  completed_at - make_interval(secs => coalesce(round(nullif(e ->> 'time_spent_sec', '')::numeric), 0)::int) as started_at,
  row_number() over (partition by student_id, nullif(e ->> 'question_id', '')::bigint order by completed_at, exam_result_id)::int as attempt_no,
  session_id, nullif(e ->> 'topic', '') as topic_id
from s where nullif(e ->> 'question_id', '') is not null`

const directory = mkdtempSync(join(tmpdir(), 'attempt-bench-'))
chmodSync(directory, 0o755)
const embedded = await startEmbedded(directory, { settings: ['fsync=off', 'shared_buffers=1GB', 'max_wal_size=4GB', 'work_mem=256MB'] })
const pool = new pg.Pool({ connectionString: embedded.url, max: 4 })
const explain = (view: string) => pool.query(`explain (analyze, timing off) select * from ${view}`)
try {
  console.log(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, PostgreSQL 18; ${exams} exams of 50 questions`)
  const end = new Date('2026-01-01T00:00:00Z')
  const base: CohortOptions = { exams, questions: 50, students: Math.max(10, exams / 10), items: 1000, days: 100, end, seed: 1 }
  const load = (options: CohortOptions, users: string) => loadExamResults(pool, (function* () { for (const exam of cohort(options)) yield JSON.stringify({ ...exam, user_id: `${users}${exam.user_id}` }) })())
  await pool.query(createExamResults)
  // the platform's own index on the documents serves none of these reads and takes most of the loading time
  await pool.query('drop index ix_exam_results_result_json')
  await migrateUp(pool)
  await load(base, '')
  await buildIndexes(pool, () => undefined)
  await pool.query('vacuum analyze exam_results')

  await pool.query(original)
  await pool.query(`alter database postgres set jit = off; alter database postgres set max_parallel_workers_per_gather = 0`)
  const [was, is] = [await times(3, () => explain('original')), await times(3, () => explain('attempt'))]
  report('total view against the original expressions', `${Math.round(is)} ms against ${Math.round(was)} ms`, is / was, 1.3)

  const started = performance.now()
  const config = { databaseUrl: embedded.url, production: true, host: '127.0.0.1', port: 0, logLevel: 'silent', embeddedDirectory: '', poolSize: 10, statementTimeoutMs: 600_000, contractTimeoutMs: 5000, contractIntervalS: 3600 }
  const server = await startServer(config, embedded.url)
  await fetch(`${server.url}/health/live`)
  report('start against a ready database, in this process', `${Math.round(performance.now() - started)} ms`, (performance.now() - started) / 1500, 1)

  const student = studentOfUser('student-7')
  const text = 'select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id from attempt where student_id = $1 order by completed_at, student_id, item_id, attempt_no limit 1001'
  const bare = createServer((request, response) => {
    void pool.query({ name: 'bare', text, values: [new URL(request.url ?? '/', 'http://x').searchParams.get('student_id')] }).then(({ rows }) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: rows }))
    })
  })
  await new Promise<void>((done) => { bare.listen(0, '127.0.0.1', () => { done() }) })
  const bareUrl = `http://127.0.0.1:${(bare.address() as { port: number }).port}/?student_id=${student}`
  const ownUrl = `${server.url}/v1/attempts?student_id=${student}`
  const rate = async (url: string) => (await autocannon({ url, connections: 4, duration: 6 })).requests.average
  await rate(bareUrl)
  await rate(ownUrl)
  const [bareRates, ownRates] = [[await rate(bareUrl)], [await rate(ownUrl)]]
  bareRates.push(await rate(bareUrl))
  ownRates.push(await rate(ownUrl))
  const [bareRate, ownRate] = [Math.max(...bareRates), Math.max(...ownRates)]
  report('one student against node:http + pg', `${Math.round(ownRate)} against ${Math.round(bareRate)} requests/s`, ownRate / bareRate, 1, false)

  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    await response.arrayBuffer()
  }
  const one = () => get(`/v1/attempts?student_id=${student}`)
  const week = () => get('/v1/topics/daily?since=2025-12-20&until=2025-12-27')
  const lock = () => get('/schema-contract')
  const small = { one: await times(40, one), week: await times(5, week), lock: await times(9, lock) }
  const reads = async () => Number((await pool.query(`select pg_stat_clear_snapshot(), coalesce(seq_scan, 0) + coalesce(idx_scan, 0) as n from pg_stat_user_tables where relname = 'exam_results'`)).rows[0].n)
  const before = await reads()
  await lock()
  await new Promise((done) => setTimeout(done, 1500))
  report('/schema-contract', `${Math.round(small.lock)} ms, ${await reads() - before} scans of exam_results`, small.lock / 250, 1)

  console.log('loading nine times as much older history of other students')
  await load({ ...base, exams: exams * 9, students: base.students * 9, days: 900, end: new Date(end.getTime() - base.days * 86_400_000), seed: 2 }, 'older-')
  await pool.query('vacuum analyze exam_results')
  const large = { one: await times(40, one), week: await times(5, week) }
  report('one student at 10 times the history', `${large.one.toFixed(1)} ms against ${small.one.toFixed(1)} ms`, large.one / small.one, 1.3)
  report('/v1/topics/daily, 7 days, at 10 times the history', `${Math.round(large.week)} ms against ${Math.round(small.week)} ms`, large.week / small.week, 1.5)
  await server.close()
  await new Promise((done) => { bare.close(done) })
} finally {
  console.table(results)
  await pool.end()
  await embedded.stop('immediate')
  rmSync(directory, { recursive: true, force: true })
}
if (results.some((result) => !result.holds)) process.exitCode = 1
