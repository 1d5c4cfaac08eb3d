/** What the store's triggers cost the writers of exams. */
import pg from 'pg'
import { cohort, type ExamResult } from '../src/development/cohort.js'
import { buildIndexes } from '../src/migrate/indexes.js'
import { migrateUp } from '../src/migrate/runner.js'
import { createExamResults } from '../src/development/exam-results.js'
import { enableStore } from '../src/store/enable.js'
import { type Figures, median, type Bench, taken } from './harness.js'

/**
 * Exams per second that one writer inserts, one per statement or all in one, with the triggers and without, in turn.
 * The median of the rounds' ratios counts: other load on the machine weighs on both sides of a ratio alike.
 */
export async function writers({ url, size }: Bench, { report }: Figures): Promise<void> {
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query('create database writers')
  const writersUrl = new URL(url)
  writersUrl.pathname = '/writers'
  // PostgreSQL's default: beyond it, the rows of a statement are written to disk for the trigger
  const pool = new pg.Pool({ connectionString: writersUrl.href, max: 3, options: '-c work_mem=4MB' })
  pool.on('error', () => undefined)
  await pool.query(createExamResults)
  await migrateUp(pool)
  await buildIndexes(pool, () => undefined)
  await enableStore({ primary: pool, store: pool }, () => undefined)
  let seed = 100
  const exams = (count: number): ExamResult[] => [
    ...cohort({
      exams: count,
      questions: 50,
      students: 500,
      items: 1000,
      days: 10,
      end: new Date('2026-01-01T00:00:00Z'),
      seed: seed++,
    }),
  ]
  const insert = (exam: ExamResult) =>
    pool.query({
      name: 'insert',
      text: 'insert into exam_results (id, session_id, user_id, result_json, updated_at) values ($1, $2, $3, $4, $5)',
      values: [exam.id, exam.session_id, exam.user_id, JSON.stringify(exam.result_json), exam.updated_at],
    })
  const bulk = (many: ExamResult[]) =>
    pool.query(
      `insert into exam_results (id, session_id, user_id, result_json, updated_at)
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[])`,
      [
        many.map((exam) => exam.id),
        many.map((exam) => exam.session_id),
        many.map((exam) => exam.user_id),
        many.map((exam) => JSON.stringify(exam.result_json)),
        many.map((exam) => exam.updated_at),
      ],
    )
  const none = { with: 0, without: 0 }
  const rounds: { single: typeof none; bulk: typeof none }[] = []
  for (let round = 0; round <= size; round++) {
    const rates = { single: { ...none }, bulk: { ...none } }
    for (const state of round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      for (const trigger of ['insert', 'update', 'delete', 'truncate'])
        await pool.query(
          `alter table exam_results ${state === 'with' ? 'enable always' : 'disable'} trigger attempt_queue_${trigger}`,
        )
      await pool.query('checkpoint')
      const [single, many] = [exams(1000), exams(2000)]
      rates.single[state] =
        1_000_000 /
        (await taken(async () => {
          for (const exam of single) await insert(exam)
        }))
      rates.bulk[state] = 2_000_000 / (await taken(() => bulk(many)))
    }
    // the first round warms up
    if (round > 0) rounds.push(rates)
  }
  for (const [kind, title, limit] of [
    ['single', 'single-row inserts', 0.9],
    ['bulk', 'bulk inserts', 0.95],
  ] as const) {
    const ratios = rounds.map((rates) => rates[kind].with / rates[kind].without).sort((a, b) => a - b)
    const rate = (state: 'with' | 'without') => Math.round(median(rounds.map((rates) => rates[kind][state])))
    report(
      `${title} with the triggers against without`,
      `${rate('with')} against ${rate('without')} exams/s; ` +
        `${ratios.length} rounds from ${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)}`,
      median(ratios),
      limit,
      false,
    )
  }
  await pool.end()
  await admin.query('drop database writers with (force)')
  await admin.end()
}
