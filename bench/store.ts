/** The store: the cost of a refresh, and what requests gain. */
import { spawnSync } from 'node:child_process'
import pg from 'pg'
import { cohort } from '../src/development/cohort.js'
import { loadExamResults } from '../src/development/load.js'
import { enableStore } from '../src/store/enable.js'
import { createRefresher } from '../src/store/refresher.js'
import { curl, type Figures, get, median, psql, seconds, type Bench, taken, times } from './harness.js'

const columns = `id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no,
  session_id, topic_id`

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

/** The median of the milliseconds that several runs return. */
const medianOf = async (runs: number, action: () => Promise<number>): Promise<number> => {
  const list: number[] = []
  for (let run = 0; run < runs; run++) list.push(await action())
  return median(list)
}

export async function store(bench: Bench, figures: Figures): Promise<void> {
  const { url, pool, cohort: base, load } = bench
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
    medianOf(3, async () => {
      await newExams()
      return taken(() => catchUp(url))
    })
  await enableStore({ primary: pool, store: pool }, console.log)
  await catchUp(url)
  await pool.query('vacuum analyze attempt_materialized')
  const before = await refresh()
  // the second measurement must not find more exams of the same students than the first
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
    await medianOf(5, () => one('beginner')),
    await medianOf(5, () => one('veteran-student-1')),
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
    `create materialized view attempt_mv as select ${columns} from attempt;
    create unique index on attempt_mv (student_id, item_id, attempt_no)`,
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

  const service = await bench.serve()
  for (;;) {
    const response = await fetch(`${service.url}/v1/topics?source=store`)
    await response.arrayBuffer()
    if (response.ok) break
    await new Promise((again) => setTimeout(again, 200))
  }
  const dayBefore = (days: number) => new Date(base.end.getTime() - days * 86_400_000).toISOString().slice(0, 10)
  const month = `${service.url}/v1/topics/daily?since=${dayBefore(30)}&until=${dayBefore(0)}&source=store`
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
    const select = `select ${columns} from attempt_materialized
    order by completed_at, student_id, item_id, exam_result_id, position`
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

  // one refresher with a queue that is never empty
  await catchUp(url)
  const many = 5_000
  for (let at = 0; at < many; at += 1000) await newExams()
  const perSecond = many / ((await taken(() => catchUp(url))) / 1000)
  report(
    'sustained: exams per second that one refresher takes in',
    `${Math.round(perSecond)} exams/s (${Math.round(perSecond * base.questions)} attempts/s)`,
  )
  const {
    rows: [size],
  } = await pool.query<{ source: string; store: string; rows: string }>(`select
    pg_total_relation_size('exam_results') as source,
    (
      select sum(pg_total_relation_size(oid)) from pg_class
      where relname in ('attempt_materialized', 'attempt_deleted', 'attempt_topic_day', 'attempt_day', 'attempt_store')
    ) as store,
    pg_table_size('attempt_materialized') as rows`)
  const megabytes = (bytes: string | undefined) => `${Math.round(Number(bytes) / 2 ** 20)} MB`
  report(
    "size of the store against exam_results (without the platform's index on result_json)",
    `${megabytes(size?.store)} (rows ${megabytes(size?.rows)}) against ${megabytes(size?.source)}`,
  )
}
