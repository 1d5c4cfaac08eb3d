/** Students in pages: the page's students first, then their history only. */
import type { Reader, Row } from '../database/reader.js'
import { byStudent, measures, selectAggregates, studentMeasures, type AggregateQuery } from './aggregates.js'
import { all, statement, Values } from './sql.js'
import { rangeConditions, type Range } from './students-of-range.js'

export const studentColumns = [byStudent, ...measures, ...studentMeasures]

export interface StudentsQuery extends Pick<AggregateQuery, 'items' | 'topics' | 'attemptNo' | 'minAttempts'> {
  range: Range
  limit: number
  after?: string
}

/** At most `limit + 1` students in the order of student_id. */
export async function selectStudents(reader: Reader, { range, limit, after, ...filters }: StudentsQuery): Promise<Row[]> {
  const found: Row[] = []
  let last = after
  // Some of a chunk's students may have no row left after the filters: take the next chunk until the page is full.
  for (;;) {
    const students = await nextStudents(reader, range, last, limit + 1)
    if (students.length === 0) return found
    found.push(...await selectAggregates(reader, { groups: [byStudent], measures: [...measures, ...studentMeasures], students, range, ...filters, limit: limit + 1 - found.length }))
    if (found.length > limit || students.length <= limit) return found
    last = students.at(-1)
  }
}

async function nextStudents(reader: Reader, range: Range, after: string | undefined, count: number): Promise<string[]> {
  const values = new Values()
  const conditions = ['student_id is not null', ...rangeConditions(range, values)]
  if (after !== undefined) conditions.push(`student_id > ${values.add(after, 'uuid')}`)
  const rows = await reader.rows(statement(
    `select distinct student_id from attempt_exam where ${all(conditions)} order by student_id limit ${values.add(count, 'bigint')}`, values))
  return rows.map(([student]) => student as string)
}
