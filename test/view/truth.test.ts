/** Compares the views with real responses, whose expected rows were computed from their source without SQL. */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { createDatabase } from '../helpers/database.js'
import { instant, instantText } from '../../src/contract/reference/instants.js'
import { type Exam, expectedRows } from '../../src/contract/reference/expected-rows.js'
import { anomaliesOf, attemptsOf, difference, loadExams } from './rows.js'
import { studentId } from '../../src/contract/reference/texts.js'

// beside the repository and not in it: the terms of the sources do not allow to distribute the data
const folder = '../shared/data'
const absent = existsSync(folder) ? false : 'the folder ../shared/data with the real response data does not exist'

const text = (name: string) => readFileSync(`${folder}/${name}`)
const unzipped = (name: string) => gunzipSync(text(name)).toString('utf8')

/** The exams of an NDJSON file; `result_json` is cut out as it is, so that every number keeps its spelling. */
function examsOf(ndjson: string): Exam[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as {
        id: string
        session_id: string
        user_id: string | null
        created_at?: string
        updated_at?: string
      }
      const start = line.indexOf('"result_json":') + '"result_json":'.length
      const end = [',"created_at":', ',"updated_at":', ',"score_raw":']
        .map((name) => line.lastIndexOf(name))
        .filter((at) => at > start)
      const utc = (time: string | undefined) =>
        time === undefined ? null : instantText(instant(new Date(time).toISOString()))
      return {
        id: row.id,
        sessionId: row.session_id,
        userId: row.user_id,
        resultJson: line.slice(start, end.length > 0 ? Math.min(...end) : -1),
        createdAt: utc(row.created_at),
        updatedAt: utc(row.updated_at),
      }
    })
}

/** Rows of a CSV by column name; quotes as RFC 4180 has them. */
function csv(content: string): Record<string, string>[] {
  const lines: string[][] = [[]]
  for (const [, separator = '', quoted, plain = ''] of content.matchAll(
    /(^|,|\r?\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g,
  )) {
    if (separator.endsWith('\n')) lines.push([])
    lines.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
  }
  const [header = [], ...rows] = lines
  return rows
    .filter((row) => row.length === header.length)
    .map((row) => Object.fromEntries(header.map((name, at) => [name, row[at] ?? ''])))
}

t.test('gives the rows of the statistics practice as its source has them', { skip: absent }, async (t) => {
  const { pool } = await createDatabase(t)
  const exams = examsOf(unzipped('lkt.exam_results.ndjson.gz'))
  await loadExams(pool, exams)
  const attempts = await attemptsOf(pool)

  const truth = csv(unzipped('lkt.truth.csv.gz')).map((row) => ({
    student_id: studentId(row['user_id'] ?? ''),
    item_id: row['item_id'],
    correct: row['correct'],
    response_time_ms: row['response_time_ms'],
    hint_used: row['hint_used'],
    completed_at: instantText(instant(row['completed_at'] ?? '')),
    attempt_no: row['attempt_no'],
    session_id: row['session_id'],
    topic_id: row['topic'] === '' ? null : row['topic'],
  }))
  t.equal(truth.length, 55_122)
  t.equal(attempts.length, 55_122)
  const known = attempts.map(({ id: _id, started_at: _startedAt, ...row }) => row)
  const { missing, unexpected } = difference<object>(known, truth)
  t.strictSame(
    [missing.slice(0, 3), unexpected.slice(0, 3)],
    [[], []],
    'the nine columns that the truth has, both ways',
  )

  const expected = expectedRows(exams)
  const all = difference(attempts, expected.attempts)
  t.strictSame([all.missing.slice(0, 3), all.unexpected.slice(0, 3)], [[], []], 'id and started_at as in the reference')
  const anomalies = difference(await anomaliesOf(pool), expected.anomalies)
  t.strictSame(
    [anomalies.missing.slice(0, 3), anomalies.unexpected.slice(0, 3)],
    [[], []],
    'the anomalies as in the reference',
  )
})

t.test('counts verbal aggression as its calibration did', { skip: absent }, async (t) => {
  const { pool } = await createDatabase(t)
  await loadExams(pool, examsOf(unzipped('verbagg.exam_results.ndjson.gz')))
  const { rows } = await pool.query(`
    select item_id::text, count(*)::text as n, (count(*) filter (where correct))::text as n_correct
    from attempt group by attempt.item_id order by attempt.item_id`)
  const rasch = csv(text('verbagg.rasch.csv').toString('utf8')).map(({ item_id, n, n_correct }) => ({
    item_id,
    n,
    n_correct,
  }))
  t.equal(rasch.length, 24)
  t.strictSame(
    rows.map((row) => ({ ...row })),
    rasch,
  )
  t.strictSame(await anomaliesOf(pool), [])
})
