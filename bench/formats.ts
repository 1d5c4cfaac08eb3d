/**
 * `npx tsx bench/formats.ts [ROWS]`: rows per second that one core encodes, by format. ROWS (default 1,000,000)
 * synthetic attempts, of which 50,000 are different, in PostgreSQL's binary format and in chunks of 64 KB as from a
 * socket.
 */
import { randomBytes } from 'node:crypto'
import { arrowEncoder } from '../src/formats/arrow.js'
import { csvEncoder } from '../src/formats/csv.js'
import { skipRow } from '../src/formats/text-writers.js'
import type { Encoder } from '../src/formats/encoder.js'
import { ndjsonEncoder } from '../src/formats/ndjson.js'
import { attemptColumns } from '../src/schemas/attempts.js'

const total = Number(process.argv[2] ?? 1_000_000)
const field = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
const int8 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return field(bytes)
}
const int4 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return field(bytes)
}
const bool = (value: boolean): Buffer => field(Buffer.from([value ? 1 : 0]))

/** Ten rows each share their student, session and time, as the questions of an exam. */
function attempts(count: number): Buffer {
  const rows: Buffer[] = []
  let moment = 790_000_000_000_000n
  for (let row = 0; row < count;) {
    const student = field(randomBytes(16))
    const session = field(Buffer.from(`session-${row}`))
    moment += BigInt(Math.floor(Math.random() * 1e8))
    for (let question = 0; question < 10 && row < count; question++, row++) {
      const time = Math.floor(Math.random() * 60_000)
      rows.push(
        Buffer.from([0, 11]),
        field(randomBytes(8)),
        student,
        int8(BigInt(1000 + Math.floor(Math.random() * 9000))),
        bool(row % 3 > 0),
        int4(time),
        bool(row % 7 === 0),
        int8(moment),
        int8(moment - BigInt(Math.round(time / 1000)) * 1_000_000n),
        int4(1 + (row % 4)),
        session,
        row % 20 === 0
          ? Buffer.from([255, 255, 255, 255])
          : field(Buffer.from(['algebra', 'geometry', 'statistics and probability'][row % 3] as string)),
      )
    }
  }
  return Buffer.concat(rows)
}

const source = attempts(50_000)
// as from a socket: complete rows, about 64 KB together
const chunks: Buffer[] = []
for (let at = 0, begun = 0; at < source.length;) {
  at = skipRow(source, at)
  if (at - begun < 65_536 && at < source.length) continue
  chunks.push(source.subarray(begun, at))
  begun = at
}

function measure(encoder: Encoder): { seconds: number; bytes: number } {
  let bytes = encoder.begin().length
  const start = process.cpuUsage()
  for (let rows = 0; rows < total;) {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; rows++) {
        encoder.row(chunk, at)
        at = skipRow(chunk, at)
      }
      bytes += encoder.take(false)?.length ?? 0
    }
  }
  bytes += encoder.take(true)?.length ?? 0
  const { user, system } = process.cpuUsage(start)
  return { seconds: (user + system) / 1e6, bytes }
}

const formats: Record<string, () => Encoder> = {
  csv: () => csvEncoder(attemptColumns),
  ndjson: () => ndjsonEncoder(attemptColumns),
  arrow: () => arrowEncoder(attemptColumns, {}),
}
for (const [name, make] of Object.entries(formats)) {
  for (let run = 0; run < 3; run++) {
    const { seconds, bytes } = measure(make())
    const [rows, megabytes] = [(total / seconds / 1e6).toFixed(2), (bytes / seconds / 1e6).toFixed(0)]
    console.log(
      `${name}: ${rows} million rows and ${megabytes} MB per CPU second, ${(bytes / total).toFixed(0)} bytes per row`,
    )
  }
}
