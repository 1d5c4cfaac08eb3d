/** Prepares the embedded database: the table of the exam platform, the view, sample data, the indexes and the store. */
import pg from 'pg'
import { buildIndexes } from '../migrate/indexes.js'
import { migrateUp } from '../migrate/runner.js'
import { enableStore } from '../store/enable.js'
import { cohort } from './cohort.js'
import { createExamResults } from './exam-results.js'
import { loadExamResults } from './load.js'

const sample = { exams: 1999, questions: 20, students: 200, items: 300, days: 30, seed: 1 }
const sampleExams = sample.exams + 1

/** An exam of which /v1/anomalies lists something: an answer without a question, without correctness, a wrong time. */
const oddExam = () => ({
  session_id: 'session-odd',
  user_id: 'student-1',
  exam_id: 1,
  org_id: 1,
  status: 'ready',
  result_json: {
    questions: [
      { question_id: 'Q7', is_correct: true, time_spent_sec: 12, topic: 'algebra' },
      { question_id: 1001, time_spent_sec: 8.5, topic: 'algebra' },
      { question_id: 1002, is_correct: true, time_spent_sec: -3, topic: 'geometry' },
    ],
  },
})

interface Progress {
  /** Begins a step. */
  step(text: string): void
  /** Reports on the step that runs. */
  update(text: string): void
}

/** Loads a synthetic cohort if exam_results is empty. */
async function loadSample(pool: pg.Pool, { update }: Progress): Promise<void> {
  const { rows } = await pool.query('select 1 from exam_results limit 1')
  if (rows.length > 0) return
  const lines = function* () {
    for (const exam of cohort({ ...sample, end: new Date() })) yield JSON.stringify(exam)
    yield JSON.stringify(oddExam())
  }
  const report = (read: number) => {
    update(`Loading sample data: ${read} of ${sampleExams} exams`)
  }
  report(0)
  await loadExamResults(pool, lines(), report)
}

/** Safe to repeat: does what is missing. */
export async function prepareSampleDatabase(url: string, progress: Progress): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  // Ctrl-C may stop the server while a statement runs: the statement fails; without listeners the process would end
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  try {
    progress.step('Applying migrations')
    await pool.query(createExamResults)
    await migrateUp(pool)
    await loadSample(pool, progress)
    progress.step('Building indexes')
    await buildIndexes(pool, () => undefined)
    progress.step('Enabling the store')
    await enableStore({ primary: pool, store: pool }, () => undefined)
  } finally {
    await pool.end()
  }
}
