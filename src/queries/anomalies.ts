/** Rows of attempt_anomaly in the order of exam result, place and reason. */
import type { Reader, Row } from '../database/reader.js'
import type { Column } from '../formats/encoder.js'
import { all, statement, Values } from './sql.js'
import { rangeConditions, type Range } from './students-of-range.js'

export const anomalyColumns: readonly Column[] = [
  { name: 'exam_result_id', kind: 'uuid', description: 'the exam result' },
  { name: 'session_id', kind: 'text', description: 'its session' },
  { name: 'user_id', kind: 'text', nullable: true, description: 'its user as the platform has it' },
  { name: 'position', kind: 'integer', nullable: true, description: '1-based place in the array; null for a whole exam' },
  { name: 'question_id', kind: 'text', nullable: true, description: 'the element\'s question_id as text' },
  { name: 'field', kind: 'text', description: 'the field that is at fault' },
  { name: 'value', kind: 'text', nullable: true, description: 'its text' },
  { name: 'reason', kind: 'text', description: 'what is wrong' },
  { name: 'outcome', kind: 'text', description: 'excluded, defaulted or kept' },
]

export const reasons = [
  'questions_not_array', 'question_id_missing', 'question_id_invalid', 'user_id_missing', 'completed_at_invalid',
  'correctness_invalid', 'correctness_missing', 'time_spent_invalid', 'used_hints_invalid', 'time_spent_negative', 'duplicate_in_exam',
] as const
export const outcomes = ['excluded', 'defaulted', 'kept'] as const

export const anomalyKeyPatterns = [/^[0-9a-f-]{36}$/, /^\d{1,9}$/, /^[a-z_]{1,40}$/]
const key = ['exam_result_id', 'coalesce(position, 0)', 'reason collate "C"']

export interface AnomaliesQuery extends Range { reasons?: string[]; outcome?: string; limit: number; after?: string[] }

const firstChunk = 256
const largestChunk = 16_384

/** At most `limit + 1` rows, each with its key behind. */
export async function selectAnomalies(reader: Reader, query: AnomaliesQuery): Promise<Row[]> {
  const found: Row[] = []
  let from = query.after?.[0]
  let inclusive = true
  for (let size = firstChunk; ; size = Math.min(size * 2, largestChunk)) {
    const exams = await nextExams(reader, query, from, inclusive, size)
    if (exams.length === 0) return found
    found.push(...await selectRows(reader, query, exams, query.limit + 1 - found.length))
    if (found.length > query.limit || exams.length < size) return found
    from = exams.at(-1)
    inclusive = false
  }
}

async function nextExams(reader: Reader, range: Range, from: string | undefined, inclusive: boolean, count: number): Promise<string[]> {
  const values = new Values()
  const conditions = rangeConditions(range, values)
  if (from !== undefined) conditions.push(`exam_result_id ${inclusive ? '>=' : '>'} ${values.add(from, 'uuid')}`)
  const rows = await reader.rows(statement(
    `select exam_result_id from attempt_exam where ${all(conditions)} order by exam_result_id limit ${values.add(count, 'bigint')}`, values))
  return rows.map(([exam]) => exam as string)
}

function selectRows(reader: Reader, query: AnomaliesQuery, exams: string[], limit: number): Promise<Row[]> {
  const values = new Values()
  const conditions = [`exam_result_id = any(${values.add(exams, 'uuid[]')})`]
  if (query.reasons !== undefined) conditions.push(`reason = any(${values.add(query.reasons, 'text[]')})`)
  if (query.outcome !== undefined) conditions.push(`outcome = ${values.add(query.outcome, 'text')}`)
  if (query.after !== undefined) {
    const [exam, position, reason] = query.after
    conditions.push(`(${key.join(', ')}) > (${values.add(exam, 'uuid')}, ${values.add(position, 'integer')}, ${values.add(reason, 'text')})`)
  }
  return reader.rows(statement(`select ${[...anomalyColumns.map((column) => column.name), ...key].join(', ')}
from attempt_anomaly
where ${all(conditions)}
order by ${key.join(', ')}
limit ${values.add(limit, 'bigint')}`, values))
}
