/** A statement under construction: text with its values beside it. Nothing from a request ever becomes text. */
import { createHash } from 'node:crypto'
import type { Reader, Statement } from '../database/reader.js'
import type { Row } from '../formats/encoder.js'

export class Values {
  readonly list: unknown[] = []

  /** Adds a value and gives its placeholder. */
  add(value: unknown, type: string): string {
    return `$${this.list.push(value)}::${type}`
  }
}

const names = new Map<string, string>()

/**
 * A statement that each connection prepares once. The texts are few: `fresh: true` is for those that are not
 * (a free choice of columns), which would fill the server's memory.
 */
export function statement(text: string, values: Values, { fresh = false } = {}): Statement {
  if (fresh) return { name: '', text, values: values.list }
  let name = names.get(text)
  if (name === undefined) {
    name = `attempt_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
    names.set(text, name)
  }
  return { name, text, values: values.list }
}

/** Conditions joined by `and`; nothing to say is `true`. */
export const and = (conditions: string[]): string => (conditions.length === 0 ? 'true' : conditions.join(' and '))

/** The rows of attempt with what stands behind them: exam_result_id, position, answered. */
export const attemptRelation = (reader: Reader): string => (reader.store ? 'attempt_materialized' : 'attempt_numbered')

/** How much of a list is asked for. */
export interface PageRequest {
  /** At most so many rows; undefined: all of them, as a stream. */
  limit?: number | undefined
  /** The key of the row before the first. */
  after?: string[] | undefined
  /** Whether each row carries its key behind the columns. */
  withKey: boolean
}

/**
 * The statements that together give a list in its order. A generator, because the next one may depend on what the
 * last one found: each `yield` gives back how many rows its statement had.
 */
export type StatementSequence = AsyncGenerator<Statement, void, number>

/** Every row of a selection: for pages. Whole results are streamed. */
export async function collect(reader: Reader, selection: StatementSequence): Promise<Row[]> {
  const rows: Row[] = []
  for (let step = await selection.next(); step.done !== true;) {
    const found = await reader.rows(step.value)
    for (const row of found) rows.push(row)
    step = await selection.next(found.length)
  }
  return rows
}

/** What a value of a cursor's key must look like: a pattern, or more than a pattern can say. */
export type KeyForm = Pick<RegExp, 'test'>
