/**
 * PostgreSQL cannot apply a filter on dates before the window function of attempt_no, but it can apply a filter on
 * students. So a query over a range first reads the students of the range, and then numbers only their histories.
 */
import { sql } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { db } from '../relations.js'
import { and, inRange, type Range } from './filters.js'
import { firstColumn } from './paging.js'

/** With more students than this, one pass over all attempts is cheaper. */
const maxStudents = 20_000

/** The students with an exam in the range; undefined without a range, with too many students, or in the store. */
export async function studentsOfRange(reader: Reader, range: Range): Promise<string[] | undefined> {
  // the store's rows are already numbered
  if (reader.store || (range.since === undefined && range.until === undefined)) return undefined
  const students = await reader.rows(
    statement(
      db
        .selectFrom('attempt_exam')
        .distinct()
        .select('student_id')
        .where('student_id', 'is not', null)
        .where(and(inRange(range)))
        .limit(sql.lit(maxStudents + 1)),
    ),
  )
  return students.length > maxStudents ? undefined : firstColumn(students)
}
