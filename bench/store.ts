/** The store: what a refresh costs, what writers pay, what readers gain. */
import { spawnSync } from 'node:child_process'
import pg from 'pg'
import { cohort, type ExamResult } from '../src/database/cohort.js'
import { loadExamResults } from '../src/database/load.js'
import { buildIndexes } from '../src/database/indexes.js'
import { migrateUp } from '../src/database/migrator.js'
import { createExamResults } from '../src/database/source.js'
import { enableStore } from '../src/store/enable.js'
import { createRefresher } from '../src/store/refresher.js'
import { curl, type Figures, get, median, psql, seconds, type Stand, taken, times } from './stand.js'

const columns = 'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'

async function catchUp(url: string, quiet = true): Promise<void> {
  const log = { info: (object: object, message: string) => { if (!quiet) console.log(message, JSON.stringify(object)) }, warn: console.warn, error: console.error }
  const refresher = createRefresher({ sourceUrl: url, storeUrl: url, log, once: true })
  await refresher.run()
  await refresher.stop()
}

/** Exams a second that one writer inserts, one statement each or all in one, on a table as the platform has it. */
async function writers(url: string, { report }: Figures): Promise<void> {
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query('create database writers')
  const place = new URL(url)
  place.pathname = '/writers'
  const pool = new pg.Pool({ connectionString: place.href, max: 3 })
  pool.on('error', () => undefined)
  await pool.query(createExamResults)
  await migrateUp(pool)
  await buildIndexes(pool, () => undefined)
  await enableStore({ source: pool, store: pool }, () => undefined)
  let seed = 100
  const exams = (count: number): ExamResult[] => [...cohort({ exams: count, questions: 50, students: 500, items: 1000, days: 10, end: new Date('2026-01-01T00:00:00Z'), seed: seed++ })]
  const insert = (exam: ExamResult) => pool.query({ name: 'insert', text: 'insert into exam_results (id, session_id, user_id, result_json, updated_at) values ($1, $2, $3, $4, $5)', values: [exam.id, exam.session_id, exam.user_id, JSON.stringify(exam.result_json), exam.updated_at] })
  const rates: Record<string, number[]> = { with: [], without: [], bulkWith: [], bulkWithout: [] }
  for (let round = 0; round < 5; round++) {
    for (const state of round % 2 === 0 ? ['with', 'without'] : ['without', 'with']) {
      for (const trigger of ['insert', 'update', 'delete', 'truncate']) await pool.query(`alter table exam_results ${state === 'with' ? 'enable always' : 'disable'} trigger attempt_queue_${trigger}`)
      const [single, many] = [exams(1000), exams(2000)]
      rates[state]?.push(1000 / await taken(async () => { for (const exam of single) await insert(exam) }))
      rates[state === 'with' ? 'bulkWith' : 'bulkWithout']?.push(2000 / await taken(() => pool.query(
        `insert into exam_results (id, session_id, user_id, result_json, updated_at) select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])`,
        [many.map((exam) => exam.id), many.map((exam) => exam.session_id), many.map((exam) => exam.user_id), many.map((exam) => JSON.stringify(exam.result_json)), many.map((exam) => exam.updated_at)])))
    }
  }
  const rate = (name: string) => median(rates[name] ?? []) * 1000
  report('single-row inserts with the triggers against without', `${Math.round(rate('with'))} against ${Math.round(rate('without'))} exams/s`, rate('with') / rate('without'), 0.9, false)
  report('bulk inserts with the triggers against without', `${Math.round(rate('bulkWith'))} against ${Math.round(rate('bulkWithout'))} exams/s`, rate('bulkWith') / rate('bulkWithout'), 0.95, false)
  await pool.end()
  await admin.query('drop database writers with (force)')
  await admin.end()
}

export async function store(stand: Stand, figures: Figures): Promise<void> {
  const { url, pool, cohort: base, load } = stand
  const { report } = figures
  await writers(url, figures)

  let seed = 1000
  /** A thousand exams of as many students of the first tenth, a minute apart, at the end. */
  const newExams = async () => {
    const exams = cohort({ ...base, exams: 1000, days: 1, end: new Date(base.end.getTime() + 86_400_000), seed: seed++ })
    await loadExamResults(pool, (function* () { for (const exam of exams) yield JSON.stringify(exam) })())
  }
  const refresh = async () => {
    const list: number[] = []
    for (let run = 0; run < 3; run++) {
      await newExams()
      list.push(await taken(() => catchUp(url)))
    }
    return median(list)
  }
  await enableStore({ source: pool, store: pool }, console.log)
  await catchUp(url)
  await pool.query('vacuum analyze attempt_materialized')
  const before = await refresh()

  await load({ ...base, exams: base.exams * 9, students: base.students * 9, days: 90, end: new Date(base.end.getTime() - base.days * 86_400_000), seed: 2 }, 'older-')
  const filled = await taken(() => catchUp(url, false))
  await pool.query('vacuum analyze attempt_materialized')
  const rows = Number((await pool.query('select count(*) as n from attempt_materialized')).rows[0].n)
  report('taking in nine times as much history of other students', `${rows} rows in the store after ${seconds(filled)}`)
  const after = await refresh()
  report('refresh after 1,000 new exams, at 10 times the history of others', `${seconds(after)} against ${seconds(before)}`, after / before, 1.5)

  const mv = new pg.Client({ connectionString: url })
  await mv.connect()
  await mv.query(`create materialized view attempt_mv as select ${columns} from attempt; create unique index on attempt_mv (student_id, item_id, attempt_no)`)
  await mv.query('vacuum analyze attempt_mv')
  await newExams()
  const whole = await taken(() => mv.query('refresh materialized view concurrently attempt_mv'))
  await mv.query('drop materialized view attempt_mv')
  await mv.end()
  await catchUp(url)
  report('refresh after 1,000 new exams against REFRESH MATERIALIZED VIEW CONCURRENTLY', `${seconds(after)} against ${seconds(whole)}`, whole / after, 50, false)

  const service = await stand.serve()
  for (;;) {
    const response = await fetch(`${service.url}/v1/topics?source=store`)
    await response.arrayBuffer()
    if (response.ok) break
    await new Promise((again) => setTimeout(again, 200))
  }
  const month = `${service.url}/v1/topics/daily?since=${new Date(base.end.getTime() - 30 * 86_400_000).toISOString().slice(0, 10)}&until=${base.end.toISOString().slice(0, 10)}&source=store`
  const tag = (await fetch(month)).headers.get('etag') ?? ''
  const daily = median(await times(200, () => get(month)))
  report('/v1/topics/daily, 30 days, all topics, p50', `${daily.toFixed(2)} ms`, daily / 10, 1)
  const unchanged = median(await times(400, async () => { const response = await fetch(month, { headers: { 'if-none-match': tag } }); if (response.status !== 304) throw new Error(String(response.status)) }))
  report('a 304 of it, p50', `${unchanged.toFixed(2)} ms`, unchanged / 2, 1)

  if (spawnSync('psql', ['--version']).status === 0) {
    const select = `select ${columns} from attempt_materialized order by completed_at, student_id, item_id, exam_result_id, position`
    const all = (format: string, source = 'store') => `${service.url}/v1/attempts?format=${format}&source=${source}`
    const settings = '-c jit=off -c max_parallel_workers_per_gather=0'
    const bests = [await psql(url, select), await psql(url, select, settings)]
    const csv = await taken(() => curl(all('csv')))
    const arrow = await taken(() => curl(all('arrow')))
    const ndjson = await taken(() => curl(all('ndjson')))
    bests.push(await psql(url, select, settings))
    const best = Math.min(...bests)
    const live = await taken(() => curl(all('csv', 'live')))
    report('psql, COPY of the store\'s rows as CSV', bests.map(seconds).join(', '))
    report('CSV from the store against CSV through the view', `${seconds(csv)} against ${seconds(live)}`, live / csv, 4, false)
    report('CSV from the store against psql', seconds(csv), csv / best, 1.1)
    report('Arrow from the store against CSV', seconds(arrow), arrow / csv, 1)
    report('NDJSON from the store against psql', seconds(ndjson), ndjson / best, 2.4)
  }
  await service.stop()

  // one refresher beside writers who always have more
  await catchUp(url)
  const many = 5_000
  for (let at = 0; at < many; at += 1000) await newExams()
  const drained = await taken(() => catchUp(url))
  report('sustained: exams a second that one refresher takes in', `${Math.round(many / (drained / 1000))} exams/s (${Math.round(many * base.questions / (drained / 1000))} attempts/s)`)
  const { rows: [size] } = await pool.query(`select pg_total_relation_size('exam_results') as source, (select sum(pg_total_relation_size(c.oid)) from pg_class c where relname in ('attempt_materialized', 'attempt_deleted', 'attempt_topic_day', 'attempt_day', 'attempt_store')) as store,
    pg_table_size('attempt_materialized') as rows`)
  report('size of store against source (without the platform\'s index on documents)', `${Math.round(Number(size.store) / 2 ** 20)} MB (rows ${Math.round(Number(size.rows) / 2 ** 20)} MB) against ${Math.round(Number(size.source) / 2 ** 20)} MB`)
}
