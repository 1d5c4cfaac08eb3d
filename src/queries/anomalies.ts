/** Rows of attempt_anomaly in the order of exam result, place and reason. */
import type { Reader, Statement } from '../database/reader.js'
import type { Column } from '../formats/encoder.js'
import { and, type PageRequest, type StatementSequence, statement, Values } from './sql.js'
import { rangeConditions, type Range } from './students-of-range.js'

export const anomalyColumns: readonly Column[] = [
  { name: 'exam_result_id', kind: 'uuid', description: 'the exam result' },
  { name: 'session_id', kind: 'text', description: 'its session' },
  { name: 'user_id', kind: 'text', nullable: true, description: 'its user as the platform has it' },
  {
    name: 'position',
    kind: 'integer',
    nullable: true,
    description: '1-based place in the array; null for a whole exam',
  },
  { name: 'question_id', kind: 'text', nullable: true, description: "the element's question_id as text" },
  { name: 'field', kind: 'text', description: 'the field that is at fault' },
  { name: 'value', kind: 'text', nullable: true, description: 'its text' },
  { name: 'reason', kind: 'text', description: 'what is wrong' },
  { name: 'outcome', kind: 'text', description: 'excluded, defaulted or kept' },
]

export const reasons = [
  'questions_not_array',
  'question_id_missing',
  'question_id_invalid',
  'user_id_missing',
  'completed_at_invalid',
  'correctness_invalid',
  'correctness_missing',
  'time_spent_invalid',
  'used_hints_invalid',
  'time_spent_negative',
  'duplicate_in_exam',
] as const
export const outcomes = ['excluded', 'defaulted', 'kept'] as const

export const anomalyKeyPatterns = [/^[0-9a-f-]{36}$/, /^\d{1,9}$/, /^[a-z_]{1,40}$/]
const key = ['exam_result_id', 'coalesce(position, 0)', 'reason collate "C"']

export interface AnomaliesQuery extends Range {
  reasons?: string[]
  outcome?: string
}

const firstChunk = 256
const largestChunk = 16_384

/** Chunks of whole exams, each twice the one before: a page reads little more than it gives, a stream begins early. */
export async function* selectAnomalies(reader: Reader, query: AnomaliesQuery, ask: PageRequest): StatementSequence {
  let left = ask.limit
  let from = ask.after?.[0]
  let inclusive = true
  for (let size = firstChunk; ; size = Math.min(size * 2, largestChunk)) {
    const exams = await nextExams(reader, query, from, inclusive, size)
    if (exams.length === 0) return
    const found = yield anomaliesOf(exams, query, { ...ask, limit: left })
    if (left !== undefined) left -= found
    if (left === 0 || exams.length < size) return
    from = exams.at(-1)
    inclusive = false
  }
}

async function nextExams(
  reader: Reader,
  range: Range,
  from: string | undefined,
  inclusive: boolean,
  count: number,
): Promise<string[]> {
  const values = new Values()
  const conditions = rangeConditions(range, values)
  if (from !== undefined) conditions.push(`exam_result_id ${inclusive ? '>=' : '>'} ${values.add(from, 'uuid')}`)
  const rows = await reader.rows(
    statement(
      `select exam_result_id from attempt_exam where ${and(conditions)} order by exam_result_id limit ${values.add(count, 'bigint')}`,
      values,
    ),
  )
  return rows.map(([exam]) => exam as string)
}

function anomaliesOf(exams: string[], query: AnomaliesQuery, { limit, after, withKey: keyed }: PageRequest): Statement {
  const values = new Values()
  const conditions = [`exam_result_id = any(${values.add(exams, 'uuid[]')})`]
  if (query.reasons !== undefined) conditions.push(`reason = any(${values.add(query.reasons, 'text[]')})`)
  if (query.outcome !== undefined) conditions.push(`outcome = ${values.add(query.outcome, 'text')}`)
  if (after !== undefined) {
    const [exam, position, reason] = after
    conditions.push(
      `(${key.join(', ')}) > (${values.add(exam, 'uuid')}, ${values.add(position, 'integer')}, ${values.add(reason, 'text')})`,
    )
  }
  return statement(
    `select ${[...anomalyColumns.map((column) => column.name), ...(keyed ? key : [])].join(', ')}
from attempt_anomaly
where ${and(conditions)}
order by ${key.join(', ')}
limit ${values.add(limit ?? null, 'bigint')}`,
    values,
  )
}

/**
 * Anomalies by their reason among the newest exams of the last day: what the platform writes now, at a cost that does
 * not grow with the history. Exams whose time is out of range are not among them.
 */
export async function anomaliesOfNewest(
  reader: Reader,
  most: number,
): Promise<{ exams: number; byReason: Map<string, number> }> {
  const newest = new Values()
  const exams = (
    await reader.rows(
      statement(
        `select exam_result_id from attempt_exam where completed_at >= now() - interval '1 day' and completed_at < now() + interval '1 day' order by completed_at desc limit ${newest.add(most, 'bigint')}`,
        newest,
      ),
    )
  ).map(([exam]) => exam as string)
  const values = new Values()
  const rows = await reader.rows(
    statement(
      `select reason, count(*) from attempt_anomaly where exam_result_id = any(${values.add(exams, 'uuid[]')}) group by reason`,
      values,
    ),
  )
  return { exams: exams.length, byReason: new Map(rows.map(([reason, count]) => [reason as string, Number(count)])) }
}
