/**
 * Rows about fewer students than a caller may read about. They are left out and counted, in pages and streams, and the
 * cursor goes on after them.
 */
import { sql } from 'kysely'
import type { Column, Encoder, Row } from '../formats/encoder.js'
import type { Measure } from '../measures.js'
import type { Headers } from './answer.js'
import type { SmallestGroup } from './route-config.js'

/** Tells a client that rows may be missing, also where it reads no trailer. */
export const smallestGroupHeaders = (smallest: SmallestGroup | undefined): Headers =>
  smallest === undefined ? {} : { 'attempt-smallest-group': String(smallest.students) }

/** The measures with the day instead of the moment, which is that of one student. */
export const withoutMoments = (
  measures: readonly Measure[],
  smallest: SmallestGroup | undefined,
): readonly Measure[] =>
  smallest === undefined
    ? measures
    : measures.map((measure) =>
        measure.kind === 'timestamp'
          ? { ...measure, sql: sql`date_trunc('day', ${measure.sql}, ${smallest.zone}::text)` }
          : measure,
      )

/** @throws Error if the rows do not have their number of students: then none may be sent */
function studentsColumn(columns: readonly Column[]): number {
  const index = columns.findIndex(({ name }) => name === 'students')
  if (index === -1) throw new Error('a list for aggregates:read has no column `students`')
  return index
}

/** Whether a row of a page is about too few students. */
export function isSmallRow(columns: readonly Column[], { students }: SmallestGroup): (row: Row) => boolean {
  const index = studentsColumn(columns)
  return (row) => Number(row[index]) < students
}

export interface SuppressingEncoder extends Encoder {
  readonly suppressed: number
}

/** Encodes the rows that are about enough students. */
export function withoutSmallRows(
  encoder: Encoder,
  columns: readonly Column[],
  { students }: SmallestGroup,
): SuppressingEncoder {
  const index = studentsColumn(columns)
  let [rows, suppressed] = [0, 0]
  return {
    ...encoder,
    row(bytes, at) {
      // past the count of fields, and the length and bytes of each field before
      let field = at + 2
      for (let before = 0; before < index; before++) field += 4 + Math.max(0, bytes.readInt32BE(field))
      if (bytes.readBigInt64BE(field + 4) < students) suppressed++
      else {
        rows++
        encoder.row(bytes, at)
      }
    },
    get rows() {
      return encoder.rows ?? rows
    },
    get suppressed() {
      return suppressed
    },
  }
}
