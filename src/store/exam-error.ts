/** Which errors are those of one exam or student, so that the others can be taken without it. */
import pg from 'pg'

/** The texts of a row in a store in another database, in bytes: the process holds some copies of a row at a time. */
export const largestStoredRow = 16 * 1024 * 1024

/** The rows of an exam or of a student exceed what the refresher can move. */
export class CannotTake extends Error {}

/**
 * SQLSTATEs that data can cause: a value that an expression of the view or a constraint of the store rejects (21, 22,
 * 23, 0A), a limit of PostgreSQL (54), not enough memory (53200) or temporary space (53400), a statement that takes too
 * long (57014), a page that cannot be read (XX).
 */
const causedByData = /^(21|22|23|54|XX)|^(0A000|53200|53400|57014)$/

const isDatabaseError = (error: unknown): error is pg.DatabaseError & { code: string } =>
  error instanceof pg.DatabaseError && error.code !== undefined

export const isExamError = (error: unknown): boolean =>
  error instanceof CannotTake || (isDatabaseError(error) && causedByData.test(error.code))

/** A sentence without values of exams: only some of PostgreSQL's messages have none. */
export function describeExamError(error: unknown): string {
  if (error instanceof CannotTake) return error.message
  if (!isDatabaseError(error)) return 'unknown'
  return /^(53|54|57)/.test(error.code) ? `${error.code} ${error.message}` : error.code
}
