/**
 * The window function of attempt_no stops a date filter above exam_results, a filter on the student passes. So a
 * query over a range takes the students of the range first and numbers their whole history.
 */
import type { Reader } from '../database/reader.js'
import { and, statement, Values } from './sql.js'

export interface Range {
  since?: string
  until?: string
}

/** More students than this are no smaller than the whole: one pass over everything is cheaper then. */
const most = 20_000

/** Conditions on completed_at for a range of timestamps. */
export function rangeConditions({ since, until }: Range, values: Values): string[] {
  const conditions: string[] = []
  if (since !== undefined) conditions.push(`completed_at >= ${values.add(since, 'timestamptz')}`)
  if (until !== undefined) conditions.push(`completed_at < ${values.add(until, 'timestamptz')}`)
  return conditions
}

/** The students with an exam in the range; undefined where nobody needs them, there is no range, or too many to name. */
export async function studentsOfRange(reader: Reader, range: Range): Promise<string[] | undefined> {
  // the store's rows are numbered
  if (reader.store || (range.since === undefined && range.until === undefined)) return undefined
  const values = new Values()
  const rows = await reader.rows(
    statement(
      `select distinct student_id from attempt_exam where student_id is not null and ${and(rangeConditions(range, values))} limit ${most + 1}`,
      values,
    ),
  )
  return rows.length > most ? undefined : rows.map(([student]) => student as string)
}
