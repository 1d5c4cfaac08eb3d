/** Reads rows of attempt_anomaly in the order of exam result, position and reason. */
import { sql } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement, type Statement } from '../database/statement.js'
import type { Column } from '../formats/encoder.js'
import { columnsOf, db, relation, type ColumnName } from '../relations.js'
import { and, inRange, type Range } from './filters.js'
import { integerForm, isAfter, keyList, uuidForm, type KeyColumn } from './keyset.js'
import { firstColumn, type PageRequest, type StatementSequence } from './paging.js'

export const anomalyColumns: readonly Column<ColumnName<'attempt_anomaly'>>[] = [
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

const anomaly = columnsOf<'attempt_anomaly'>()
const key: readonly KeyColumn[] = [
  { sql: anomaly('exam_result_id'), type: 'uuid', form: uuidForm },
  { sql: sql`coalesce(${anomaly('position')}, 0)`, type: 'integer', form: integerForm },
  { sql: sql`${anomaly('reason')} collate "C"`, type: 'text', form: /^[a-z_]{1,40}$/ },
]
export const anomalyKeyPatterns = key.map(({ form }) => form)

export interface AnomaliesQuery extends Range {
  reasons?: string[]
  outcome?: string
}

const firstChunk = 256
const largestChunk = 16_384

/** Reads whole exams in chunks that double in size, so that a page reads little more than it returns. */
export async function* selectAnomalies(reader: Reader, query: AnomaliesQuery, request: PageRequest): StatementSequence {
  let remaining = request.limit
  let from = request.after?.[0]
  let inclusive = true
  for (let size = firstChunk; ; size = Math.min(size * 2, largestChunk)) {
    const exams = await nextExams(reader, query, from, inclusive, size)
    if (exams.length === 0) return
    const rows = yield anomaliesOf(exams, query, { ...request, limit: remaining })
    if (remaining !== undefined) remaining -= rows
    if (remaining === 0 || exams.length < size) return
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
  const exams = db
    .selectFrom('attempt_exam')
    .select('exam_result_id')
    .where(and(inRange(range)))
    .orderBy('exam_result_id')
    .limit(sql<number>`${count}::bigint`)
  return firstColumn(
    await reader.rows(
      statement(
        from === undefined ? exams : exams.where('exam_result_id', inclusive ? '>=' : '>', sql<string>`${from}::uuid`),
      ),
    ),
  )
}

const ofExams = (exams: string[]) => sql<boolean>`${anomaly('exam_result_id')} = any(${exams}::uuid[])`

function anomaliesOf(exams: string[], query: AnomaliesQuery, { limit, after, withKey }: PageRequest): Statement {
  const conditions = [ofExams(exams)]
  if (query.reasons !== undefined) conditions.push(sql`${anomaly('reason')} = any(${query.reasons}::text[])`)
  if (query.outcome !== undefined) conditions.push(sql`${anomaly('outcome')} = ${query.outcome}::text`)
  const columns = anomalyColumns.map(({ name }) => anomaly(name))
  return statement(sql`select ${sql.join([...columns, ...(withKey ? [keyList(key)] : [])])}
from ${relation('attempt_anomaly')}
where ${and([...conditions, ...(after === undefined ? [] : [isAfter(key, after)])])}
order by ${keyList(key)}
limit ${limit ?? null}::bigint`)
}

/**
 * Counts anomalies by reason among the newest exams of the last day. This shows what the platform writes now, at a cost
 * that does not grow with the history. Exams whose time is invalid or out of range are not counted.
 */
export async function anomaliesOfNewest(
  reader: Reader,
  maxExams: number,
): Promise<{ exams: number; byReason: Map<string, number> }> {
  const exams = firstColumn(
    await reader.rows(
      statement(
        db
          .selectFrom('attempt_exam')
          .select('exam_result_id')
          .where('completed_at', '>=', sql<string>`now() - interval '1 day'`)
          .where('completed_at', '<', sql<string>`now() + interval '1 day'`)
          .orderBy('completed_at', 'desc')
          .limit(sql<number>`${maxExams}::bigint`),
      ),
    ),
  )
  const counts = await reader.rows(
    statement(
      db
        .selectFrom('attempt_anomaly')
        .select(['reason', sql`count(*)`.as('count')])
        .where(ofExams(exams))
        .groupBy('reason'),
    ),
  )
  return { exams: exams.length, byReason: new Map(counts.map(([reason, count]) => [reason ?? '', Number(count)])) }
}
