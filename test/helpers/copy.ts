/** PostgreSQL's binary COPY, read the simple way: the server sends each row in a message of its own. */
import type pg from 'pg'
import type { Encoder } from '../../src/formats/encoder.js'

/** The rows of a query as the server sends them, each a buffer that begins with its field count. */
export async function copyRows(pool: pg.Pool, select: string): Promise<Buffer[]> {
  const client = await pool.connect()
  const connection = (client as unknown as { connection: NodeJS.EventEmitter }).connection
  const messages: Buffer[] = []
  const listen = (message: { chunk: Buffer }) => {
    messages.push(Buffer.from(message.chunk))
  }
  connection.on('copyData', listen)
  try {
    await client.query(`copy (${select}) to stdout (format binary)`)
  } finally {
    connection.off('copyData', listen)
    client.release()
  }
  const first = messages[0] as Buffer
  if (first.toString('latin1', 0, 11) !== 'PGCOPY\n\xff\r\n\0') throw new Error('no COPY header')
  messages[0] = first.subarray(19 + first.readInt32BE(15))
  // the header and the trailer may stand alone or with a row
  const last = messages.at(-1) as Buffer
  if (last.readInt16BE(last.length - 2) !== -1) throw new Error('no COPY trailer')
  messages[messages.length - 1] = last.subarray(0, -2)
  return messages.filter((message) => message.length > 0)
}

const scratch = Buffer.alloc(64 * 1024)

/** All of an answer. Rows are overwritten as soon as the encoder has seen them, and each take is kept to the end. */
export function encode(encoder: Encoder, rows: readonly Buffer[], takeEvery = 7): Buffer {
  const taken: (Uint8Array | undefined)[] = [encoder.begin()]
  for (const [index, row] of rows.entries()) {
    const at = index % 5
    const buffer = row.length + at > scratch.length ? Buffer.alloc(row.length + at) : scratch
    row.copy(buffer, at)
    encoder.row(buffer, at)
    buffer.fill(0xee, 0, row.length + at)
    if (index % takeEvery === 0) taken.push(encoder.take(false))
  }
  taken.push(encoder.take(true))
  if (encoder.take(true) !== undefined) throw new Error('something is left after take(true)')
  taken.push(encoder.end())
  return Buffer.concat(taken.filter((bytes) => bytes !== undefined))
}
