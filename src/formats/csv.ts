/**
 * text/csv as in RFC 4180: CRLF, a header with the names of the columns, quotes only where they are needed. Null is an
 * empty field, and an empty text is `""`, so they differ (except for a single column).
 */
import {
  dateWriter,
  numberWriter,
  timestampWriter,
  uuidWriter,
  widths,
  writeBoolean,
  writeInt32,
  writeInt64,
  type Writer,
} from './text-writers.js'
import type { Column, Encoder, Kind } from './encoder.js'
import { lineEncoder } from './lines.js'

/** 1 for the bytes that need quotes: LF, CR, quote, comma. */
const special = new Uint8Array(256)
for (const byte of [10, 13, 34, 44]) special[byte] = 1

const writeText: Writer = (out, to, source, from, length) => {
  to = out.reserve(to, 2 * length + 2)
  const target = out.bytes
  const end = from + length
  const start = to
  let at = from
  for (; at < end; at++) {
    const byte = source[at] as number
    if (special[byte] !== 0) break
    target[to++] = byte
  }
  if (at === end && length > 0) return to
  // again, in quotes
  to = start
  target[to++] = 34
  for (at = from; at < end; at++) {
    const byte = source[at] as number
    if (byte === 34) target[to++] = 34
    target[to++] = byte
  }
  target[to++] = 34
  return to
}

const writers: Record<Kind, () => Writer> = {
  int64: () => writeInt64,
  count: () => writeInt64,
  integer: () => writeInt32,
  number: () => numberWriter(''),
  boolean: () => writeBoolean,
  timestamp: timestampWriter,
  date: dateWriter,
  uuid: uuidWriter,
  text: () => writeText,
}

const quoteWhereNeeded = (text: string): string => (/^$|[\n\r",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

export const csvEncoder = (columns: readonly Column[]): Encoder =>
  lineEncoder({
    header: `${columns.map((column) => quoteWhereNeeded(column.name)).join(',')}\r\n`,
    fields: columns.map(({ kind }, index) => ({
      before: index === 0 ? '' : ',',
      write: writers[kind](),
      width: kind === 'text' ? 0 : widths[kind],
    })),
    // readers skip an empty line, so a row whose only field is null has quotes
    null: columns.length === 1 ? '""' : '',
    after: '\r\n',
  })
