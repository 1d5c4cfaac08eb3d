/**
 * application/x-ndjson: one JSON object per line. 64-bit ids are decimal strings, counts and sums are numbers. Texts
 * are copied as UTF-8, escaped only where JSON requires it.
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

/** The character after the backslash for a byte that must be escaped: `u` for \u00XX; 0 for any other byte. */
const escapes = new Uint8Array(256).fill(117, 0, 32)
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
  [34, '"'],
  [92, '\\'],
] as const)
  escapes[byte] = letter.charCodeAt(0)

/** The longest text for which the worst case is reserved without counting, bytes. */
const short = 4096

/** Bytes of a text, with its escapes. */
function escapedLength(source: Buffer, from: number, end: number): number {
  let length = end - from
  for (let at = from; at < end; at++) {
    const escape = escapes[source[at] as number] as number
    if (escape !== 0) length += escape === 117 ? 5 : 1
  }
  return length
}

const writeText: Writer = (out, to, source, from, length) => {
  const end = from + length
  to = out.reserve(to, 2 + (length <= short ? 6 * length : escapedLength(source, from, end)))
  const target = out.bytes
  target[to++] = 34
  for (let at = from; at < end; at++) {
    const byte = source[at] as number
    const escape = escapes[byte] as number
    if (escape === 0) {
      target[to++] = byte
      continue
    }
    target[to++] = 92
    target[to++] = escape
    if (escape === 117) {
      target[to++] = 48
      target[to++] = 48
      target[to++] = 48 + (byte >> 4)
      target[to++] = (byte & 15) + ((byte & 15) < 10 ? 48 : 87)
    }
  }
  target[to++] = 34
  return to
}

const quoted =
  (write: Writer): Writer =>
  (out, to, source, from, length) => {
    out.bytes[to] = 34
    to = write(out, to + 1, source, from, length)
    out.bytes[to] = 34
    return to + 1
  }

const writers: Record<Kind, () => Writer> = {
  int64: () => quoted(writeInt64),
  count: () => writeInt64,
  integer: () => writeInt32,
  number: () => numberWriter('null'),
  boolean: () => writeBoolean,
  timestamp: () => quoted(timestampWriter()),
  date: () => quoted(dateWriter()),
  uuid: () => quoted(uuidWriter()),
  text: () => writeText,
}

export const ndjsonEncoder = (columns: readonly Column[]): Encoder =>
  lineEncoder({
    header: '',
    fields: columns.map(({ name, kind }, index) => ({
      before: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      write: writers[kind](),
      width: kind === 'text' ? 0 : widths[kind] + 2,
    })),
    null: 'null',
    after: '}\n',
  })
