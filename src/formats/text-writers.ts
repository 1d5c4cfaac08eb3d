/**
 * From PostgreSQL's binary values to text, byte by byte, without BigInt, Date or string, and with every digit. The
 * caller of a writer has reserved the width of the widest value (`widths`); a writer of texts reserves by itself.
 */
import type { Kind } from './encoder.js'
import type { Output } from './output.js'

/** Writes the value `source[from ... from + length - 1]` at `out.bytes[to]` and returns the position after it. */
export type Writer = (out: Output, to: number, source: Buffer, from: number, length: number) => number

/** The most bytes of a value's text. A writer may overwrite four more bytes after it. */
export const widths: Record<Exclude<Kind, 'text'>, number> = {
  int64: 20,
  count: 20,
  integer: 11,
  number: 25,
  boolean: 5,
  timestamp: 27,
  date: 10,
  uuid: 36,
}

export const int32 = (source: Buffer, from: number): number =>
  ((source[from] as number) << 24) |
  ((source[from + 1] as number) << 16) |
  ((source[from + 2] as number) << 8) |
  (source[from + 3] as number)

/** The position after the complete row at `bytes[at]`, where the next row begins. */
export function skipRow(bytes: Buffer, at: number): number {
  const fields = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  at += 2
  for (let field = 0; field < fields; field++) {
    const length = int32(bytes, at)
    at += length > 0 ? 4 + length : 4
  }
  return at
}

/** Checks that the row at `bytes[at]` has one field per column. @throws Error */
export function checkFields(bytes: Buffer, at: number, columns: number): void {
  const fields = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  if (fields !== columns) throw new Error(`a row has ${fields} fields instead of ${columns}`)
}

/** '0000' ... '9999', with the first digit in the lowest byte: one store writes four digits. */
const quads = Int32Array.from(
  { length: 10_000 },
  (_, n) =>
    0x30303030 +
    (Math.floor(n / 1000) | ((Math.floor(n / 100) % 10) << 8) | ((Math.floor(n / 10) % 10) << 16) | ((n % 10) << 24)),
)

/** '00' ... 'ff', in the same way. */
const hex = Uint16Array.from({ length: 256 }, (_, n) => {
  const text = n.toString(16).padStart(2, '0')
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8)
})

/** Bytes that are written four at a time, so up to three too many. */
export interface Literal {
  words: Int32Array
  length: number
}

export function literal(text: string): Literal {
  const bytes = Buffer.from(text)
  const words = new Int32Array(Math.ceil(bytes.length / 4))
  for (let index = 0; index < bytes.length; index++)
    words[index >> 2] = (words[index >> 2] as number) | ((bytes[index] as number) << (8 * (index & 3)))
  return { words, length: bytes.length }
}

export function writeLiteral(out: Output, to: number, { words, length }: Literal): number {
  const view = out.view
  for (let index = 0; index < words.length; index++) view.setInt32(to + 4 * index, words[index] as number, true)
  return to + length
}

/** Nine digits with their leading zeros; 0 <= value < 1e9. */
function writeNine(out: Output, to: number, value: number): number {
  const high = (value / 10_000) | 0
  const first = (high / 10_000) | 0
  out.bytes[to] = 48 + first
  out.view.setInt32(to + 1, quads[high - first * 10_000] as number, true)
  out.view.setInt32(to + 5, quads[value - high * 10_000] as number, true)
  return to + 9
}

/** 0 <= value < 1e9, without leading zeros. */
function writeShort(out: Output, to: number, value: number): number {
  if (value < 10) {
    out.bytes[to] = 48 + value
    return to + 1
  }
  if (value < 10_000) {
    const zeros = value < 100 ? 2 : value < 1000 ? 1 : 0
    out.view.setInt32(to, (quads[value] as number) >>> (8 * zeros), true)
    return to + 4 - zeros
  }
  const high = (value / 10_000) | 0
  to = writeShort(out, to, high)
  out.view.setInt32(to, quads[value - high * 10_000] as number, true)
  return to + 4
}

/** A whole number below 2 ** 53. */
function writeWhole(out: Output, to: number, value: number): number {
  if (value < 1e9) return writeShort(out, to, value | 0)
  const high = Math.floor(value / 1e9)
  return writeNine(out, writeShort(out, to, high), value - high * 1e9)
}

/** int8, exact over its whole range. */
export const writeInt64: Writer = (out, to, source, from) => {
  let high = int32(source, from)
  let low = int32(source, from + 4)
  if (high < 0) {
    out.bytes[to++] = 45
    low = -low | 0
    high = low === 0 ? -high | 0 : ~high
  }
  // unsigned from here: the lowest int8 has no positive counterpart
  high >>>= 0
  low >>>= 0
  if (high < 0x10_0000) return writeWhole(out, to, high * 0x1_0000_0000 + low)
  // long division by 1e9 in limbs of 32, 16 and 16 bits: no product passes 2 ** 53
  const first = Math.floor(high / 1e9)
  const middle = (high - first * 1e9) * 0x1_0000 + (low >>> 16)
  const second = Math.floor(middle / 1e9)
  const rest = (middle - second * 1e9) * 0x1_0000 + (low & 0xffff)
  const third = Math.floor(rest / 1e9)
  to = writeWhole(out, to, first * 0x1_0000_0000 + second * 0x1_0000 + third)
  return writeNine(out, to, rest - third * 1e9)
}

export const writeInt32: Writer = (out, to, source, from) => {
  const value = int32(source, from)
  if (value >= 0) return writeWhole(out, to, value)
  out.bytes[to] = 45
  return writeWhole(out, to + 1, -value)
}

export const writeBoolean: Writer = (out, to, source, from) => {
  if (source[from] === 1) {
    out.view.setInt32(to, 0x65757274, true) // true
    return to + 4
  }
  out.view.setInt32(to, 0x736c6166, true) // fals
  out.bytes[to + 4] = 101
  return to + 5
}

/** float8 as JavaScript prints it, the shortest text that reads back; NaN and infinity are `otherwise`. */
export function numberWriter(otherwise: string): Writer {
  return (out, to, source, from) => {
    const value = source.readDoubleBE(from)
    // String drops the sign of -0, which readers of the other formats get
    const text = Number.isFinite(value) ? (value === 0 && Object.is(value, -0) ? '-0' : String(value)) : otherwise
    for (let index = 0; index < text.length; index++) out.bytes[to + index] = text.charCodeAt(index)
    return to + text.length
  }
}

/** Days from 2000-01-01 to 0001-01-01 and to 9999-12-31. */
const firstDay = -730_119
const lastDay = 2_921_939

/** Writes `YYYY-MM-DD` into `text`. @throws RangeError for a date that RFC 3339 cannot express */
function putDate(text: DataView, day: number): void {
  if (!(day >= firstDay && day <= lastDay)) throw new RangeError('a date or timestamp is outside the years 1 to 9999')
  // from 0000-03-01 on, years end with the leap day (Howard Hinnant, "chrono-compatible low-level date algorithms")
  const days = day + 730_425
  const era = Math.floor(days / 146_097)
  const dayOfEra = days - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  text.setInt32(0, quads[era * 400 + yearOfEra + (month <= 2 ? 1 : 0)] as number, true)
  text.setUint8(4, 45)
  putPair(text, 5, month)
  text.setUint8(7, 45)
  putPair(text, 8, dayOfMonth)
}

const putPair = (text: DataView, at: number, value: number): void => {
  text.setUint16(at, (quads[value] as number) >>> 16, true)
}

/** date, int4 days since 2000-01-01. Rows are mostly ordered by date, so the text of the last one is kept. */
export function dateWriter(): Writer {
  const words = new Int32Array(3)
  const text = new DataView(words.buffer)
  let last = 0
  putDate(text, last)
  return (out, to, source, from) => {
    const day = int32(source, from)
    if (day !== last) {
      putDate(text, day)
      last = day
    }
    for (let index = 0; index < 3; index++) out.view.setInt32(to + 4 * index, words[index] as number, true)
    return to + 10
  }
}

/**
 * timestamptz, int8 microseconds since 2000-01-01 00:00 UTC, as `2025-01-01T09:30:00.123456Z`.
 * The questions of an exam share a timestamp, so the text of the last one is kept.
 */
export function timestampWriter(): Writer {
  const words = new Int32Array(7)
  const text = new DataView(words.buffer)
  const epoch = '2000-01-01T00:00:00.000000Z'
  for (let index = 0; index < epoch.length; index++) text.setUint8(index, epoch.charCodeAt(index))
  let lastHigh = 0
  let lastLow = 0
  let lastDay = 0
  return (out, to, source, from) => {
    const high = int32(source, from)
    const low = int32(source, from + 4)
    if (high !== lastHigh || low !== lastLow) {
      // a day is 10546875 * 2 ** 13 microseconds: without the 13 low bits all int8 are exact doubles
      const upper = high * 0x8_0000 + (low >>> 13)
      const day = Math.floor(upper / 10_546_875)
      const micros = (upper - day * 10_546_875) * 8192 + (low & 8191)
      const seconds = Math.floor(micros / 1e6)
      const fraction = (micros - seconds * 1e6) | 0
      const minutes = (seconds / 60) | 0
      const hours = (minutes / 60) | 0
      if (day !== lastDay) {
        putDate(text, day)
        lastDay = day
      }
      putPair(text, 11, hours)
      putPair(text, 14, minutes - hours * 60)
      putPair(text, 17, seconds - minutes * 60)
      const hundreds = (fraction / 100) | 0
      text.setInt32(20, quads[hundreds] as number, true)
      putPair(text, 24, fraction - hundreds * 100)
      lastHigh = high
      lastLow = low
    }
    const view = out.view
    for (let index = 0; index < 7; index++) view.setInt32(to + 4 * index, words[index] as number, true)
    return to + 27
  }
}

/** Writes 16 bytes as the 36 characters of a UUID, in lower case. */
export function putUuid(view: DataView, to: number, source: Buffer, from: number): void {
  for (let index = 0; index < 16; index++) {
    view.setUint16(to, hex[source[from + index] as number] as number, true)
    to += 2
    if (index === 3 || index === 5 || index === 7 || index === 9) view.setUint8(to++, 45)
  }
}

/** uuid. The questions of an exam share a student, so the text of the last one is kept. */
export function uuidWriter(): Writer {
  const words = new Int32Array(9)
  const text = new DataView(words.buffer)
  putUuid(text, 0, Buffer.alloc(16), 0)
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  return (out, to, source, from) => {
    const first = int32(source, from)
    const second = int32(source, from + 4)
    const third = int32(source, from + 8)
    const fourth = int32(source, from + 12)
    if (first !== a || second !== b || third !== c || fourth !== d) {
      putUuid(text, 0, source, from)
      a = first
      b = second
      c = third
      d = fourth
    }
    const view = out.view
    for (let index = 0; index < 9; index++) view.setInt32(to + 4 * index, words[index] as number, true)
    return to + 36
  }
}
