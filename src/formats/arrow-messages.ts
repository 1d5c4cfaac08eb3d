/**
 * The metadata of an Arrow IPC stream: schema and record batch as FlatBuffers, framed.
 * Slot numbers come from Arrow's Schema.fbs and Message.fbs; they are part of the format and never change.
 */
import { Builder } from 'flatbuffers'
import type { Column, Kind } from './encoder.js'

/** MetadataVersion.V5, the version since Arrow 1.0. */
const version = 4
/** MessageHeader: which kind of message. */
const header = { schema: 1, recordBatch: 3 } as const

/** Type: the union's number and a function that writes the table. */
const types: Record<Kind, { union: number; write(builder: Builder): number }> = {
  int64: int(64),
  count: int(64),
  integer: int(32),
  number: {
    union: 3,
    write: (builder) => {
      builder.startObject(1)
      builder.addFieldInt16(0, 2, 0) // Precision.DOUBLE
      return builder.endObject()
    },
  },
  boolean: empty(6),
  timestamp: {
    union: 10,
    write: (builder) => {
      const zone = builder.createString('UTC')
      builder.startObject(2)
      builder.addFieldInt16(0, 2, 0) // TimeUnit.MICROSECOND
      builder.addFieldOffset(1, zone, 0)
      return builder.endObject()
    },
  },
  date: {
    union: 8,
    write: (builder) => {
      builder.startObject(1)
      builder.addFieldInt16(0, 0, 1) // DateUnit.DAY, not the default
      return builder.endObject()
    },
  },
  uuid: empty(5),
  text: empty(5),
}

function int(bits: number) {
  return {
    union: 2,
    write: (builder: Builder) => {
      builder.startObject(2)
      builder.addFieldInt32(0, bits, 0)
      builder.addFieldInt8(1, 1, 0) // is_signed
      return builder.endObject()
    },
  }
}

function empty(union: number) {
  return {
    union,
    write: (builder: Builder) => {
      builder.startObject(0)
      return builder.endObject()
    },
  }
}

function offsets(builder: Builder, items: readonly number[]): number {
  builder.startVector(4, items.length, 4)
  for (const item of [...items].reverse()) builder.addOffset(item)
  return builder.endVector()
}

function field(builder: Builder, { name, kind, nullable = false }: Column): number {
  const nameOffset = builder.createString(name)
  const type = types[kind].write(builder)
  // some readers require the vector although it is empty
  const children = offsets(builder, [])
  builder.startObject(7)
  builder.addFieldOffset(0, nameOffset, 0)
  builder.addFieldInt8(1, nullable ? 1 : 0, 0)
  builder.addFieldInt8(2, types[kind].union, 0)
  builder.addFieldOffset(3, type, 0)
  builder.addFieldOffset(5, children, 0)
  return builder.endObject()
}

function keyValue(builder: Builder, key: string, value: string): number {
  const keyOffset = builder.createString(key)
  const valueOffset = builder.createString(value)
  builder.startObject(2)
  builder.addFieldOffset(0, keyOffset, 0)
  builder.addFieldOffset(1, valueOffset, 0)
  return builder.endObject()
}

/**
 * Continuation marker, length, metadata, and room for a body of `bodyLength` bytes, a multiple of 8. The body begins at
 * `result.length - bodyLength` and is not cleared.
 */
function message(builder: Builder, type: number, headerOffset: number, bodyLength: number): Buffer {
  builder.startObject(5)
  builder.addFieldInt16(0, version, 0)
  builder.addFieldInt8(1, type, 0)
  builder.addFieldOffset(2, headerOffset, 0)
  builder.addFieldInt64(3, BigInt(bodyLength), 0n)
  builder.finish(builder.endObject())
  const metadata = builder.asUint8Array()
  const length = align(metadata.length)
  const framed = Buffer.allocUnsafeSlow(8 + length + bodyLength)
  framed.writeUInt32LE(0xffffffff, 0)
  framed.writeInt32LE(length, 4)
  framed.set(metadata, 8)
  framed.fill(0, 8 + metadata.length, 8 + length)
  return framed
}

/** The next multiple of 8: where the next buffer may begin. */
export const align = (length: number): number => Math.ceil(length / 8) * 8

/** The first message of a stream. */
export function schemaMessage(columns: readonly Column[], metadata: Readonly<Record<string, string>>): Buffer {
  const builder = new Builder(1024)
  const fields = offsets(
    builder,
    columns.map((column) => field(builder, column)),
  )
  const pairs = offsets(
    builder,
    Object.entries(metadata).map(([key, value]) => keyValue(builder, key, value)),
  )
  builder.startObject(4)
  builder.addFieldInt16(0, 0, 0) // Endianness.Little
  builder.addFieldOffset(1, fields, 0)
  builder.addFieldOffset(2, pairs, 0)
  return message(builder, header.schema, builder.endObject(), 0)
}

/**
 * A record batch without the bytes of its body, whose buffers follow each other, each at a multiple of 8.
 * @param nulls number of nulls per column
 * @param lengths bytes of each buffer of the body, in the order of the columns
 */
export function recordBatchMessage(
  rows: number,
  nulls: readonly number[],
  lengths: readonly number[],
): { message: Buffer; body: number } {
  const builder = new Builder(1024)
  // vectors of structs are written from their end
  builder.startVector(16, nulls.length, 8)
  for (const count of [...nulls].reverse()) {
    builder.writeInt64(BigInt(count))
    builder.writeInt64(BigInt(rows))
  }
  const nodes = builder.endVector()
  const bodyLength = lengths.reduce((sum, length) => sum + align(length), 0)
  let end = bodyLength
  builder.startVector(16, lengths.length, 8)
  for (const length of [...lengths].reverse()) {
    end -= align(length)
    builder.writeInt64(BigInt(length))
    builder.writeInt64(BigInt(end))
  }
  const buffers = builder.endVector()
  builder.startObject(4)
  builder.addFieldInt64(0, BigInt(rows), 0n)
  builder.addFieldOffset(1, nodes, 0)
  builder.addFieldOffset(2, buffers, 0)
  const framed = message(builder, header.recordBatch, builder.endObject(), bodyLength)
  return { message: framed, body: framed.length - bodyLength }
}

/** The end of a stream: a message of length 0. A stream without it is incomplete. */
export const endOfStream = (): Buffer => Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
