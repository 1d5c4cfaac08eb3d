/** Students in the order of student_id: a page reads the history of its students only. */
import type { Reader } from '../database/reader.js'
import { aggregateStatement, byStudent, type AggregateQuery } from './aggregates.js'
import { measures, studentMeasures } from '../measures.js'
import { and, type PageRequest, type StatementSequence, statement, Values } from './sql.js'
import { rangeConditions, studentsOfRange, type Range } from './students-of-range.js'

export const studentColumns = [byStudent, ...measures, ...studentMeasures]

export interface StudentsQuery extends Pick<AggregateQuery, 'items' | 'topics' | 'attemptNo' | 'minAttempts'> {
  range: Range
  student?: string
}

export async function* selectStudents(
  reader: Reader,
  { range, student, ...filters }: StudentsQuery,
  ask: PageRequest,
): StatementSequence {
  const query: AggregateQuery = { groups: [byStudent], measures: [...measures, ...studentMeasures], range, ...filters }
  if (student !== undefined || ask.limit === undefined) {
    yield aggregateStatement(
      reader,
      { ...query, students: student === undefined ? await studentsOfRange(reader, range) : [student] },
      ask,
    )
    return
  }
  let left = ask.limit
  let last = ask.after?.[0]
  // Some of a chunk's students may have no row left after the filters: take the next chunk until there are enough.
  for (;;) {
    const students = await nextStudents(reader, range, last, ask.limit)
    if (students.length === 0) return
    left -= yield aggregateStatement(reader, { ...query, students }, { withKey: ask.withKey, limit: left })
    if (left === 0 || students.length < ask.limit) return
    last = students.at(-1)
  }
}

async function nextStudents(reader: Reader, range: Range, after: string | undefined, count: number): Promise<string[]> {
  const values = new Values()
  const conditions = ['student_id is not null', ...rangeConditions(range, values)]
  if (after !== undefined) conditions.push(`student_id > ${values.add(after, 'uuid')}`)
  const rows = await reader.rows(
    statement(
      `select distinct student_id from ${reader.store ? 'attempt_materialized' : 'attempt_exam'} where ${and(conditions)} order by student_id limit ${values.add(count, 'bigint')}`,
      values,
    ),
  )
  return rows.map(([student]) => student as string)
}
