/** How much of a list is requested, and the statements that give it. */
import type { Reader } from '../database/reader.js'
import type { Statement } from '../database/statement.js'
import type { Row } from '../formats/encoder.js'

export interface PageRequest {
  /** At most this many rows; undefined: all of them, as a stream. */
  limit?: number | undefined
  /** The key of the row before the first. */
  after?: string[] | undefined
  /** Whether each row has its key behind the columns. */
  withKey: boolean
}

/**
 * The statements that together give a list in its order. A generator, because the next statement may depend on what the
 * last one found: each `yield` returns how many rows its statement had.
 */
export type StatementSequence = AsyncGenerator<Statement, void, number>

/** Every row of a sequence: for pages. Whole results are streamed. */
export async function collectRows(reader: Reader, sequence: StatementSequence): Promise<Row[]> {
  const rows: Row[] = []
  for (let step = await sequence.next(); step.done !== true;) {
    const found = await reader.rows(step.value)
    for (const row of found) rows.push(row)
    step = await sequence.next(found.length)
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
