/** A database with 300 generated exams and some unusual ones, for tests of answers from the store. */
import { cohort } from '../../src/development/cohort.js'
import { loadExamResults } from '../../src/development/load.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { createDatabase, type TestDatabase } from './database.js'

const unusualExam = JSON.stringify({
  questions: [
    // beyond what a JavaScript number holds: written into the text below
    { question_id: '<large>', topic: 'a,b' },
    { question_id: 'Q7' },
    { question_id: 5, used_hints: true },
    { question_id: 5, is_correct: true },
  ],
}).replace('"<large>"', '9007199254740993')

/** Twelve days, 20 students and 30 items; user `odd` has exams around a midnight. No store yet. */
export async function createCohortDatabase(t: { teardown(action: () => unknown): unknown }): Promise<TestDatabase> {
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
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select 'odd-' || n, 'odd', $1, timestamptz '2026-03-05T23:59:59.999999Z' + n * interval '1 microsecond'
    from generate_series(0, 3) as n`,
    [unusualExam],
  )
  await buildIndexes(db.pool, () => undefined)
  return db
}

/** The document of an exam with these questions. */
export const examDocument = (questions: string): string => `{"questions": [${questions}]}`
