/** The store: what a refresh costs, what writers pay, what readers gain. */
import { spawnSync } from 'node:child_process'
import pg from 'pg'
import { cohort } from '../src/development/cohort.js'
import { loadExamResults } from '../src/development/load.js'
import { enableStore } from '../src/store/enable.js'
import { createRefresher } from '../src/store/refresher.js'
import { curl, type Figures, get, median, psql, seconds, type Stand, taken, times } from './harness.js'

const columns =
  'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'

async function catchUp(url: string, quiet = true): Promise<void> {
  const log = {
    info: (object: object, message: string) => {
      if (!quiet) console.log(message, JSON.stringify(object))
    },
    warn: console.warn,
    error: console.error,
  }
  const refresher = createRefresher({ primaryUrl: url, storeUrl: url, log, once: true })
  await refresher.run()
  await refresher.stop()
}

const manyTimes = async (runs: number, action: () => Promise<number>): Promise<number> => {
  const list: number[] = []
  for (let run = 0; run < runs; run++) list.push(await action())
  return median(list)
}

export async function store(stand: Stand, figures: Figures): Promise<void> {
  const { url, pool, cohort: base, load } = stand
  const { report } = figures
  let seed = 1000
  /** A thousand exams of as many students of the first tenth, a minute apart, at the end. */
  const newExams = async () => {
    const exams = cohort({
      ...base,
      exams: 1000,
      days: 1,
      end: new Date(base.end.getTime() + 86_400_000),
      seed: seed++,
    })
    await loadExamResults(
      pool,
      (function* () {
        for (const exam of exams) yield JSON.stringify(exam)
      })(),
    )
  }
  const refresh = () =>
    manyTimes(3, async () => {
      await newExams()
      return taken(() => catchUp(url))
    })
  await enableStore({ primary: pool, store: pool }, console.log)
  await catchUp(url)
  await pool.query('vacuum analyze attempt_materialized')
  const before = await refresh()
  // the second measurement must not find more of the same students than the first
  await pool.query('delete from exam_results where updated_at >= $1', [base.end.toISOString()])
  await catchUp(url)

  await load(
    {
      ...base,
      exams: base.exams * 9,
      students: base.students * 9,
      days: 90,
      end: new Date(base.end.getTime() - base.days * 86_400_000),
      seed: 2,
    },
    'older-',
  )
  const filled = await taken(() => catchUp(url, false))
  await pool.query('vacuum analyze attempt_materialized')
  const rows = Number((await pool.query('select count(*) as n from attempt_materialized')).rows[0].n)
  report('taking in nine times as much history of other students', `${rows} rows in the store after ${seconds(filled)}`)
  const after = await refresh()
  report(
    'refresh after 1,000 new exams, at 10 times the history of others',
    `${seconds(after)} against ${seconds(before)}`,
    after / before,
    1.5,
  )

  const one = async (user: string) => {
    const exams = [
      ...cohort({ ...base, exams: 1, end: new Date(base.end.getTime() - 86_400_000 * 95), days: 1, seed: seed++ }),
    ].map((exam) => ({ ...exam, user_id: user }))
    await loadExamResults(
      pool,
      (function* () {
        for (const exam of exams) yield JSON.stringify(exam)
      })(),
    )
    return taken(() => catchUp(url))
  }
  await load(
    {
      ...base,
      exams: 2000,
      students: 1,
      days: 90,
      end: new Date(base.end.getTime() - base.days * 86_400_000),
      seed: 3,
    },
    'veteran-',
  )
  await catchUp(url)
  const [beginner, veteran] = [
    await manyTimes(5, () => one('beginner')),
    await manyTimes(5, () => one('veteran-student-1')),
  ]
  report(
    'refresh after one exam of a student with 2,000 others against one with few',
    `${Math.round(veteran)} ms against ${Math.round(beginner)} ms`,
    veteran / beginner,
    1.5,
  )

  const mv = new pg.Client({ connectionString: url })
  await mv.connect()
  await mv.query(
    `create materialized view attempt_mv as select ${columns} from attempt; create unique index on attempt_mv (student_id, item_id, attempt_no)`,
  )
  await mv.query('vacuum analyze attempt_mv')
  await newExams()
  const whole = await taken(() => mv.query('refresh materialized view concurrently attempt_mv'))
  await mv.query('drop materialized view attempt_mv')
  await mv.end()
  await catchUp(url)
  report(
    'refresh after 1,000 new exams against REFRESH MATERIALIZED VIEW CONCURRENTLY',
    `${seconds(after)} against ${seconds(whole)}`,
    whole / after,
    50,
    false,
  )

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
  const unchanged = median(
    await times(400, async () => {
      const response = await fetch(month, { headers: { 'if-none-match': tag } })
      if (response.status !== 304) throw new Error(String(response.status))
    }),
  )
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
    report("psql, COPY of the store's rows as CSV", bests.map(seconds).join(', '))
    report(
      'CSV from the store against CSV through the view',
      `${seconds(csv)} against ${seconds(live)}`,
      live / csv,
      4,
      false,
    )
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
  report(
    'sustained: exams a second that one refresher takes in',
    `${Math.round(many / (drained / 1000))} exams/s (${Math.round((many * base.questions) / (drained / 1000))} attempts/s)`,
  )
  const {
    rows: [size],
  } =
    await pool.query(`select pg_total_relation_size('exam_results') as source, (select sum(pg_total_relation_size(c.oid)) from pg_class c where relname in ('attempt_materialized', 'attempt_deleted', 'attempt_topic_day', 'attempt_day', 'attempt_store')) as store,
    pg_table_size('attempt_materialized') as rows`)
  report(
    "size of store against source (without the platform's index on documents)",
    `${Math.round(Number(size.store) / 2 ** 20)} MB (rows ${Math.round(Number(size.rows) / 2 ** 20)} MB) against ${Math.round(Number(size.source) / 2 ** 20)} MB`,
  )
}
