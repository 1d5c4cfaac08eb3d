/**
 * The window function of attempt_no keeps a filter on dates above exam_results; a filter on students is pushed down.
 * So a query over a range reads the students of the range first, and then numbers their whole history.
 */
import { sql } from 'kysely'
import type { Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { db } from '../relations.js'
import { and, inRange, type Range } from './filters.js'
import { firstColumn } from './paging.js'

/** Beyond so many students one pass over everything is cheaper. */
const mostStudents = 20_000

/** The students with an exam in the range; undefined if there is no range, they are too many, or the store is read. */
export async function studentsOfRange(reader: Reader, range: Range): Promise<string[] | undefined> {
  // the store's rows are numbered
  if (reader.store || (range.since === undefined && range.until === undefined)) return undefined
  const students = await reader.rows(
    statement(
      db
        .selectFrom('attempt_exam')
        .distinct()
        .select('student_id')
        .where('student_id', 'is not', null)
        .where(and(inRange(range)))
        .limit(sql.lit(mostStudents + 1)),
    ),
  )
  return students.length > mostStudents ? undefined : firstColumn(students)
}
