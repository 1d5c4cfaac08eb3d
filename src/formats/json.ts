/** From PostgreSQL's text of a value to JSON, without a JavaScript number or Date in between. */
import type { Column, Kind, Row } from './encoder.js'

/** `2025-05-05 00:25:00.5+00` → `2025-05-05T00:25:00.500000Z`; the session's zone is UTC. */
export function timestamp(text: string): string {
  const fraction = text.length > 22 ? text.slice(20, -3) : ''
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(6, '0')}Z`
}

const writers: Record<Kind, (text: string) => string> = {
  int64: (text) => `"${text}"`,
  count: (text) => text,
  integer: (text) => text,
  number: (text) => text,
  boolean: (text) => (text === 't' ? 'true' : 'false'),
  timestamp: (text) => `"${timestamp(text)}"`,
  date: (text) => `"${text}"`,
  uuid: (text) => `"${text}"`,
  text: (text) => JSON.stringify(text),
}

/** A function that writes a row's first columns as the members of a JSON object, without its braces. */
export function memberWriter(columns: readonly Column[]): (row: Row) => string {
  const names = columns.map((column, index) => `${index === 0 ? '' : ','}${JSON.stringify(column.name)}:`)
  const write = columns.map((column) => writers[column.kind])
  return (row) => {
    let json = ''
    for (let index = 0; index < write.length; index++) {
      const value = row[index]
      json +=
        (names[index] as string) +
        (value === null || value === undefined ? 'null' : (write[index] as (text: string) => string)(value))
    }
    return json
  }
}

/**
 * The first rows as the elements of a JSON array, without its brackets.
 * @param most rows that are read
 * @param length characters after which no further row is written; the first row always is
 * @param isHidden rows that are read and not written
 */
export function jsonRows(
  columns: readonly Column[],
  rows: readonly Row[],
  most = rows.length,
  length = Infinity,
  isHidden: (row: Row) => boolean = () => false,
): { json: string; read: number; written: number } {
  const write = memberWriter(columns)
  let json = ''
  let [read, written] = [0, 0]
  for (; read < most; read++) {
    const row = rows[read] as Row
    if (isHidden(row)) continue
    const members = write(row)
    if (written > 0 && json.length + members.length > length) break
    json += `${written === 0 ? '' : ','}{${members}}`
    written++
  }
  return { json, read, written }
}
