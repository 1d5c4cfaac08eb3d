/**
 * The layouts that write one student at a time. All read rows of COPY's binary format that begin with student_id (uuid)
 * and item_id (bigint), ordered by both; the layouts themselves also read `correct` (boolean), the third field.
 */
import { uuidWriter, widths, writeInt64 } from '../formats/text-writers.js'
import type { Encoder } from '../formats/encoder.js'
import { Output } from '../formats/output.js'
import { ItemIndex } from './item-index.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'

// offsets of the fields of a row: a count of 2 bytes, and a length of 4 before each field
const student = 6
const item = student + 16 + 4
const correct = item + 8 + 4

/** Detects rows of another student than the row before. */
class StudentChange {
  readonly id = Buffer.alloc(16)
  #any = false

  changed(bytes: Buffer, at: number): boolean {
    if (this.#any && bytes.compare(this.id, 0, 16, at + student, at + student + 16) === 0) return false
    bytes.copy(this.id, 0, at + student, at + student + 16)
    this.#any = true
    return true
  }
}

/** Encodes the rows whose student and item are kept. The rows and their order are those of the matrix. */
export function onlyKept(encoder: Encoder, matrix: ResponseMatrix, kept: Kept): Encoder {
  const change = new StudentChange()
  let [ordinal, rows] = [-1, 0]
  return {
    ...encoder,
    row(bytes, at) {
      if (change.changed(bytes, at)) ordinal++
      if (
        kept.students[ordinal] !== 1 ||
        kept.items[matrix.itemAt(bytes.readInt32BE(at + item), bytes.readInt32BE(at + item + 4))] !== 1
      )
        return
      rows++
      encoder.row(bytes, at)
    },
    get rows() {
      return encoder.rows ?? rows
    },
  }
}

const [zero, comma] = [48, 44]
const notAdministered = -1

/**
 * CSV with one row per student and one column per item: 1, 0, or empty if the item was not administered.
 * @param items decimal ids in ascending order: every item of the rows
 */
export function wideEncoder(items: readonly string[]): Encoder {
  const columns = new ItemIndex()
  for (const id of items) columns.index(Number(BigInt(id) >> 32n), Number(BigInt.asIntN(32, BigInt(id))))
  const cells = new Int8Array(items.length).fill(notAdministered)
  const out = new Output(64)
  const writeUuid = uuidWriter()
  const change = new StudentChange()
  const current = Buffer.alloc(16)
  let rows = 0
  const finish = () => {
    let to = out.reserve(out.at, widths.uuid + 2 * cells.length + 2)
    to = writeUuid(out, to, current, 0, 16)
    const bytes = out.bytes
    for (let column = 0; column < cells.length; column++) {
      bytes[to++] = comma
      const cell = cells[column] as number
      if (cell !== notAdministered) bytes[to++] = zero + cell
    }
    bytes[to++] = 13
    bytes[to++] = 10
    out.at = to
    cells.fill(notAdministered)
  }
  return {
    begin: () => Buffer.from(`${['id', ...items.map((id) => `item_${id}`)].join(',')}\r\n`),
    row(bytes, at) {
      if (change.changed(bytes, at)) {
        if (rows > 0) finish()
        rows++
        change.id.copy(current)
      }
      cells[columns.lookup(bytes.readInt32BE(at + item), bytes.readInt32BE(at + item + 4))] = bytes[
        at + correct
      ] as number
    },
    take: () => out.take(),
    end() {
      if (rows > 0) finish()
      return out.take() ?? Buffer.alloc(0)
    },
    get rows() {
      return rows
    },
  }
}

/** NDJSON with one line per student: `{"subject_id": "...", "responses": {"<item>": 0 or 1, ...}}`. */
export function subjectsEncoder(): Encoder {
  const out = new Output(128)
  const writeUuid = uuidWriter()
  const change = new StudentChange()
  let rows = 0
  const text = (to: number, characters: string) => to + out.bytes.write(characters, to, 'latin1')
  return {
    begin: () => Buffer.alloc(0),
    row(bytes, at) {
      let to = out.reserve(out.at, 0)
      if (change.changed(bytes, at)) {
        to = text(
          writeUuid(out, text(to, rows === 0 ? '{"subject_id":"' : '}}\n{"subject_id":"'), bytes, at + student, 16),
          '","responses":{"',
        )
        rows++
      } else to = text(to, ',"')
      to = writeInt64(out, to, bytes, at + item, 8)
      out.at = text(to, bytes[at + correct] === 1 ? '":1' : '":0')
    },
    take: () => out.take(),
    end: () => Buffer.from(rows === 0 ? '' : '}}\n'),
    get rows() {
      return rows
    },
  }
}
