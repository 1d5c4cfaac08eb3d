/** What the text formats have in common: a row is a line, and a value is between two fixed texts. */
import { checkFields, int32, literal, writeLiteral, type Writer } from './text-writers.js'
import type { Encoder } from './encoder.js'
import { Output } from './output.js'

export interface LineFormat {
  header: string
  /** Per column: the text before its value, how the value is written, and its most bytes (0 for a text). */
  fields: readonly { before: string; write: Writer; width: number }[]
  null: string
  after: string
}

export function lineEncoder(format: LineFormat): Encoder {
  const before = format.fields.map((field) => literal(field.before))
  const write = format.fields.map((field) => field.write)
  const none = literal(format.null)
  const after = literal(format.after)
  // a writer may write up to three bytes too many
  const margin =
    format.fields.reduce(
      (sum, field, index) => sum + (before[index]?.length ?? 0) + Math.max(field.width, none.length),
      after.length,
    ) + 8
  const out = new Output(margin)
  return {
    begin: () => Buffer.from(format.header),
    row(bytes, at) {
      checkFields(bytes, at, write.length)
      let to = out.reserve(out.at, 0)
      let from = at + 2
      for (let index = 0; index < write.length; index++) {
        const length = int32(bytes, from)
        from += 4
        to = writeLiteral(out, to, before[index] as (typeof before)[number])
        if (length < 0) to = writeLiteral(out, to, none)
        else {
          to = (write[index] as Writer)(out, to, bytes, from, length)
          from += length
        }
      }
      out.at = writeLiteral(out, to, after)
    },
    take: () => out.take(),
    end: () => Buffer.alloc(0),
  }
}
