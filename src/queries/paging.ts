/** A request for a page or a whole list, and the statements that read it. */
import type { Reader } from '../database/reader.js'
import type { RowBudget } from '../database/row-budget.js'
import type { Statement } from '../database/statement.js'
import type { Row } from '../formats/encoder.js'

export interface PageRequest {
  /** At most this many rows; undefined: all of them, as a stream. */
  limit?: number | undefined
  /** The key of the last row of the previous page. */
  after?: string[] | undefined
  /** Whether each row ends with its key, after the columns. */
  withKey: boolean
}

/**
 * The statements that together read a list in its order. It is a generator, because a statement may depend on the
 * result of the one before: each `yield` returns the number of rows of its statement.
 */
export type StatementSequence = AsyncGenerator<Statement, void, number>

/** Collects the rows of a page until its budget is full; whole results are streamed instead. */
export async function collectRows(reader: Reader, sequence: StatementSequence, budget: RowBudget): Promise<Row[]> {
  const rows: Row[] = []
  for (let step = await sequence.next(); step.done !== true;) {
    const next = await reader.rows(step.value, budget)
    for (const row of next) rows.push(row)
    if (budget.full) break
    step = await sequence.next(next.length)
  }
  return rows
}

/**
 * The values of the first column.
 * @throws Error if one is null
 */
export const firstColumn = (rows: readonly Row[]): string[] =>
  rows.map(([value]) => {
    if (value === null || value === undefined) throw new Error('The first column has a null')
    return value
  })
