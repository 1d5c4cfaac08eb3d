/**
 * application/vnd.apache.arrow.stream: rows are collected by column and written as record batches. The machine is
 * little-endian, as the stream is, so whole columns are copied as they are in memory.
 */
import { checkFields, int32, putUuid } from './text-writers.js'
import { align, endOfStream, recordBatchMessage, schemaMessage } from './arrow-messages.js'
import type { Column, Encoder, Kind } from './encoder.js'

/** Rows after which a batch ends, a multiple of 8. */
const batchRows = 16_384
/** Bytes from PostgreSQL after which a batch ends. */
const batchBytes = 4 * 1024 * 1024

/** One column of the batch that is being filled. Its arrays are used again for the next batch. */
interface Vector {
  /** Takes the value of row `row`, at `source[from ... from + length - 1]`. */
  append(source: Buffer, from: number, length: number, row: number): void
  /** Fills the position of a null. */
  skip(row: number): void
  /** The buffers of the column after `rows` rows, without the validity bitmap. */
  buffers(rows: number): Uint8Array[]
  /** Prepares it for the next batch. */
  clear(): void
}

const bytesOf = (array: Int32Array, length: number): Uint8Array => new Uint8Array(array.buffer, 0, 4 * length)
const nothing = (): void => undefined

/** int8 and float8: eight bytes in reverse order. */
function eightBytes(): Vector {
  const words = new Int32Array(2 * batchRows)
  return {
    append(source, from, _length, row) {
      words[2 * row] = int32(source, from + 4)
      words[2 * row + 1] = int32(source, from)
    },
    skip(row) {
      words[2 * row] = words[2 * row + 1] = 0
    },
    buffers: (rows) => [bytesOf(words, 2 * rows)],
    clear: nothing,
  }
}

/** Microseconds from 1970 to 2000: 946684800000000, as the words of an int8. */
const epochHigh = Math.floor(946_684_800_000_000 / 0x1_0000_0000)
const epochLow = 946_684_800_000_000 % 0x1_0000_0000
/** The upper words, since 2000, of the first and the last hour of the years 1 to 9999. */
const firstHigh = Math.floor(-63_082_281_600_000_000 / 0x1_0000_0000)
const lastHigh = Math.floor(252_455_615_999_999_999 / 0x1_0000_0000)

function timestamps(): Vector {
  const words = new Int32Array(2 * batchRows)
  return {
    append(source, from, _length, row) {
      const high = int32(source, from)
      // infinity would become a moment
      if (high < firstHigh || high > lastHigh) throw new RangeError('a timestamp is outside the years 1 to 9999')
      const low = (int32(source, from + 4) >>> 0) + epochLow
      words[2 * row] = low
      words[2 * row + 1] = high + epochHigh + (low >= 0x1_0000_0000 ? 1 : 0)
    },
    skip(row) {
      words[2 * row] = words[2 * row + 1] = 0
    },
    buffers: (rows) => [bytesOf(words, 2 * rows)],
    clear: nothing,
  }
}

/** int4, plus a constant: Arrow's days begin 10957 days before PostgreSQL's. */
function fourBytes(add: number): Vector {
  const words = new Int32Array(batchRows)
  return {
    append(source, from, _length, row) {
      words[row] = int32(source, from) + add
    },
    skip(row) {
      words[row] = 0
    },
    buffers: (rows) => [bytesOf(words, rows)],
    clear: nothing,
  }
}

function booleans(): Vector {
  const bits = new Uint8Array(batchRows / 8)
  return {
    append(source, from, _length, row) {
      if (source[from] === 1) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7))
    },
    skip: nothing,
    buffers: (rows) => [bits.subarray(0, Math.ceil(rows / 8))],
    clear() {
      bits.fill(0)
    },
  }
}

const textBytesAtFirst = 256 * 1024

function texts(): Vector {
  const ends = new Int32Array(batchRows + 1)
  let text = Buffer.allocUnsafeSlow(textBytesAtFirst)
  let end = 0
  const grow = (length: number): void => {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * text.length, end + length))
    text.copy(grown, 0, 0, end)
    text = grown
  }
  return {
    append(source, from, length, row) {
      if (end + length > text.length) grow(length)
      // for a short text a call costs more than the copy
      if (length <= 64) for (let index = 0; index < length; index++) text[end + index] = source[from + index] as number
      else source.copy(text, end, from, from + length)
      end += length
      ends[row + 1] = end
    },
    skip(row) {
      ends[row + 1] = end
    },
    buffers: (rows) => [bytesOf(ends, rows + 1), text.subarray(0, end)],
    clear() {
      end = 0
      // the memory of a huge text is not kept
      if (text.length > 2 * batchBytes) text = Buffer.allocUnsafeSlow(textBytesAtFirst)
    },
  }
}

/** As text, which every reader can compare and join by. */
function uuids(): Vector {
  const ends = new Int32Array(batchRows + 1)
  const text = Buffer.allocUnsafeSlow(36 * batchRows)
  const view = new DataView(text.buffer)
  let end = 0
  return {
    append(source, from, _length, row) {
      putUuid(view, end, source, from)
      ends[row + 1] = end += 36
    },
    skip(row) {
      ends[row + 1] = end
    },
    buffers: (rows) => [bytesOf(ends, rows + 1), text.subarray(0, end)],
    clear() {
      end = 0
    },
  }
}

const vectors: Record<Kind, () => Vector> = {
  int64: eightBytes,
  count: eightBytes,
  number: eightBytes,
  integer: () => fourBytes(0),
  boolean: booleans,
  timestamp: timestamps,
  date: () => fourBytes(10_957),
  uuid: uuids,
  text: texts,
}

/**
 * Encodes rows as an Arrow stream. A null in a column that is not nullable is an error: readers rely on the schema.
 * @param metadata of the schema
 */
export function arrowEncoder(columns: readonly Column[], metadata: Readonly<Record<string, string>>): Encoder {
  const filled = columns.map(({ kind }) => vectors[kind]())
  const valid = columns.map(() => new Uint8Array(batchRows / 8).fill(255))
  const nulls = columns.map(() => 0)
  let rows = 0
  let received = 0
  /** Full batches that were not taken yet. */
  let full: Uint8Array[] = []

  const setNull = (index: number, row: number): void => {
    const column = columns[index] as Column
    if (column.nullable !== true) throw new Error(`the column ${column.name} is not nullable, but has a null`)
    const bitmap = valid[index] as Uint8Array
    bitmap[row >> 3] = (bitmap[row >> 3] as number) & ~(1 << (row & 7))
    nulls[index] = (nulls[index] as number) + 1
    ;(filled[index] as Vector).skip(row)
  }

  const flush = (): void => {
    const buffers = filled.flatMap((vector, index) => {
      // without nulls the bitmap can be empty
      const bitmap = (valid[index] as Uint8Array).subarray(0, nulls[index] === 0 ? 0 : Math.ceil(rows / 8))
      return [bitmap, ...vector.buffers(rows)]
    })
    const { message, body } = recordBatchMessage(
      rows,
      nulls,
      buffers.map((buffer) => buffer.length),
    )
    let at = body
    for (const buffer of buffers) {
      message.set(buffer, at)
      const end = at + buffer.length
      at += align(buffer.length)
      message.fill(0, end, at)
    }
    full.push(message)
    for (const [index, vector] of filled.entries()) {
      vector.clear()
      if (nulls[index] !== 0) (valid[index] as Uint8Array).fill(255)
      nulls[index] = 0
    }
    rows = received = 0
  }

  return {
    begin: () => schemaMessage(columns, metadata),
    row(bytes, at) {
      checkFields(bytes, at, filled.length)
      let from = at + 2
      for (let index = 0; index < filled.length; index++) {
        const length = int32(bytes, from)
        from += 4
        if (length < 0) setNull(index, rows)
        else {
          ;(filled[index] as Vector).append(bytes, from, length, rows)
          from += length
        }
      }
      rows++
      received += from - at
      if (rows === batchRows || received >= batchBytes) flush()
    },
    take(all) {
      if (all && rows > 0) flush()
      const taken = full.length > 1 ? Buffer.concat(full) : full[0]
      full = []
      return taken
    },
    end: endOfStream,
  }
}
