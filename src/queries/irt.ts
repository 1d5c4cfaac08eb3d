/** The responses that an estimator takes: one selection, in the order of student, item and attempt. */
import type { Reader, Statement } from '../database/reader.js'
import type { Column } from '../formats/encoder.js'
import { and, attemptRelation, statement, Values } from './sql.js'
import { rangeConditions, studentsOfRange, type Range } from './students-of-range.js'

export interface ResponsesQuery extends Range {
  items?: string[]
  topics?: string[]
  /** The first attempt of a student at an item only. */
  first: boolean
  /** Leaves out responses with a hint. */
  withoutHints: boolean
  /** Leaves out responses whose correctness the source does not have. */
  explicit: boolean
  /** A share of the students, above 0 to 1. */
  sample?: number
}

export const longColumns: readonly Column[] = [
  { name: 'id', kind: 'uuid', description: 'the student (student_id)' },
  { name: 'item', kind: 'int64', description: 'the item (item_id)' },
  { name: 'resp', kind: 'integer', description: '1 correct, 0 not' },
  {
    name: 'rt',
    kind: 'number',
    nullable: true,
    description: 'response time in seconds; null where it was not recorded',
  },
]
export const waveColumn: Column = {
  name: 'wave',
  kind: 'integer',
  description: 'which attempt of the student at the item (attempt_no)',
}

/** What is read of each response, behind student_id and item_id. */
const fields = {
  long: ['correct::integer', 'case when response_time_ms > 0 then response_time_ms / 1000.0 end::float8'],
  waves: [
    'correct::integer',
    'case when response_time_ms > 0 then response_time_ms / 1000.0 end::float8',
    'attempt_no',
  ],
  correct: ['correct'],
  matrix: ['correct', 'response_time_ms'],
} as const

/** Of 2^32 places that the hash of a student may fall on, those below are in the sample. */
const places = 2 ** 32

function from(reader: Reader, query: ResponsesQuery, students: string[] | undefined, values: Values): string {
  const conditions = rangeConditions(query, values)
  if (students !== undefined) conditions.push(`student_id = any(${values.add(students, 'uuid[]')})`)
  // md5 is the same on every server and machine; a larger share holds every student of a smaller one
  if (query.sample !== undefined)
    conditions.push(
      `('x' || substr(md5(student_id::text), 1, 8))::bit(32)::bigint < ${values.add(Math.max(1, Math.round(query.sample * places)), 'bigint')}`,
    )
  if (query.items !== undefined) conditions.push(`item_id = any(${values.add(query.items, 'bigint[]')})`)
  if (query.topics !== undefined) conditions.push(`topic_id = any(${values.add(query.topics, 'text[]')})`)
  if (query.first) conditions.push('attempt_no = 1')
  if (query.withoutHints) conditions.push('not hint_used')
  if (query.explicit) conditions.push('answered')
  return `from ${attemptRelation(reader)}\nwhere ${and(conditions)}`
}

/** Students whose history is to be read; undefined: everyone's. Asked once, for every statement of the snapshot. */
export const studentsOf = (reader: Reader, query: ResponsesQuery): Promise<string[] | undefined> =>
  studentsOfRange(reader, query)

/** Every response of the selection, in the order in which attempts are numbered, so that no second sort is needed. */
export function responsesStatement(
  reader: Reader,
  query: ResponsesQuery,
  students: string[] | undefined,
  what: keyof typeof fields,
): Statement {
  const values = new Values()
  return statement(
    `select ${['student_id', 'item_id', ...fields[what]].join(', ')}
${from(reader, query, students, values)}
order by student_id, item_id, ${reader.store ? 'attempt_no' : 'completed_at, exam_result_id, position'}`,
    values,
  )
}

/** Which items have a response, in ascending order; `only`: of these. */
export async function administeredItems(
  reader: Reader,
  query: ResponsesQuery,
  students: string[] | undefined,
  only?: readonly string[],
): Promise<string[]> {
  const values = new Values()
  const source = from(reader, query, students, values)
  const restriction = only === undefined ? '' : ` and item_id = any(${values.add(only, 'bigint[]')})`
  const rows = await reader.rows(statement(`select distinct item_id ${source}${restriction} order by item_id`, values))
  return rows.map(([id]) => id as string)
}
