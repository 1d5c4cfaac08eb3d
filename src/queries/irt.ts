/** Reads responses for an IRT estimator, in the order of student, item and attempt. */
import { sql, type RawBuilder } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement, type Statement } from '../database/statement.js'
import type { Column } from '../formats/encoder.js'
import { columnsOf, relation } from '../relations.js'
import { and, attemptConditions, attemptRelation, type AttemptFilters } from './filters.js'
import { firstColumn } from './paging.js'
import { studentsOfRange } from './students-of-range.js'

export interface ResponsesQuery extends Pick<
  AttemptFilters,
  'since' | 'until' | 'items' | 'topics' | 'first' | 'withoutHints' | 'explicit' | 'sample'
> {
  first: boolean
  withoutHints: boolean
  explicit: boolean
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

const attempt = columnsOf<'attempt_numbered'>()
const student = attempt('student_id')
const item = attempt('item_id')
const responseTime = attempt('response_time_ms')
const response = sql`${attempt('correct')}::integer`
const seconds = sql`case when ${responseTime} > 0 then ${responseTime} / 1000.0 end::float8`

/** The columns of each response after student_id and item_id, by use. */
const fields = {
  long: [response, seconds],
  waves: [response, seconds, attempt('attempt_no')],
  correct: [attempt('correct')],
  matrix: [attempt('correct'), responseTime],
} satisfies Record<string, RawBuilder<unknown>[]>

/** The students whose history is read; undefined: all. Read once, and used by every statement of a snapshot. */
export const studentsOf = (reader: Reader, query: ResponsesQuery): Promise<string[] | undefined> =>
  studentsOfRange(reader, query)

/** Every response of the selection, in the order in which attempts are numbered, which avoids a second sort. */
export function responsesStatement(
  reader: Reader,
  query: ResponsesQuery,
  students: string[] | undefined,
  fieldSet: keyof typeof fields,
): Statement {
  const order = reader.store
    ? [attempt('attempt_no')]
    : [attempt('completed_at'), attempt('exam_result_id'), attempt('position')]
  return statement(sql`select ${sql.join([student, item, ...fields[fieldSet]])}
from ${relation(attemptRelation(reader))}
where ${and(attemptConditions({ ...query, students }))}
order by ${sql.join([student, item, ...order])}`)
}

/** The items that have a response, in ascending order. @param only restricts the result to these items */
export async function administeredItems(
  reader: Reader,
  query: ResponsesQuery,
  students: string[] | undefined,
  only?: readonly string[],
): Promise<string[]> {
  const conditions = attemptConditions({ ...query, students })
  if (only !== undefined) conditions.push(...attemptConditions({ items: only }))
  return firstColumn(
    await reader.rows(
      statement(sql`select distinct ${item}
from ${relation(attemptRelation(reader))}
where ${and(conditions)}
order by ${item}`),
    ),
  )
}
