/** Reads students in the order of student_id. A page reads only the history of its own students. */
import { sql } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { measures, studentMeasures } from '../measures.js'
import { columnsOf, relation } from '../relations.js'
import { aggregateStatement, byStudent, type AggregateQuery } from './aggregates.js'
import { and, inRange, type Range } from './filters.js'
import { firstColumn, type PageRequest, type StatementSequence } from './paging.js'
import { studentsOfRange } from './students-of-range.js'

export const studentColumns = [byStudent, ...measures, ...studentMeasures]

export interface StudentsQuery extends Pick<AggregateQuery, 'items' | 'topics' | 'attemptNo' | 'minAttempts'> {
  range: Range
  student?: string
}

export async function* selectStudents(
  reader: Reader,
  { range, student, ...filters }: StudentsQuery,
  request: PageRequest,
): StatementSequence {
  const query: AggregateQuery = {
    groups: [byStudent],
    measures: [...measures, ...studentMeasures],
    range,
    ...filters,
  }
  if (student !== undefined || request.limit === undefined) {
    const students = student === undefined ? await studentsOfRange(reader, range) : [student]
    yield aggregateStatement(reader, { ...query, students }, request)
    return
  }
  let remaining = request.limit
  let last = request.after?.[0]
  // filters may remove students of a chunk, so further chunks are read until the page is full
  for (;;) {
    const students = await nextStudents(reader, range, last, request.limit)
    if (students.length === 0) return
    remaining -= yield aggregateStatement(
      reader,
      { ...query, students },
      { withKey: request.withKey, limit: remaining },
    )
    if (remaining === 0 || students.length < request.limit) return
    last = students.at(-1)
  }
}

const exam = columnsOf<'attempt_exam' | 'attempt_materialized'>()

async function nextStudents(reader: Reader, range: Range, after: string | undefined, count: number): Promise<string[]> {
  const student = exam('student_id')
  const conditions = [sql<boolean>`${student} is not null`, ...inRange(range)]
  if (after !== undefined) conditions.push(sql`${student} > ${after}::uuid`)
  return firstColumn(
    await reader.rows(
      statement(sql`select distinct ${student}
from ${relation(reader.store ? 'attempt_materialized' : 'attempt_exam')}
where ${and(conditions)}
order by ${student}
limit ${count}::bigint`),
    ),
  )
}
