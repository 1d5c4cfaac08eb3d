import t from 'tap'
import { arrowEncoder } from '../../src/formats/arrow.js'
import { csvEncoder } from '../../src/formats/csv.js'
import type { Column } from '../../src/formats/encoder.js'
import { ndjsonEncoder } from '../../src/formats/ndjson.js'
import { readByJavaScript, readByRust, throughParquet, type ArrowContent } from '../helpers/arrow.js'
import { copyRows, encode } from '../helpers/copy.js'
import { createDatabase } from '../helpers/database.js'
import { edgeColumns, edgeRows } from '../helpers/edge-rows.js'

const db = await createDatabase(t, { bare: true })
const { rows, expected } = await edgeRows(db)
const metadata = { contract: '1.0.0', 'as of': '2025-01-01T09:30:00.123456Z', empty: '', é: '漢' }
const readers: Record<string, (stream: Uint8Array) => ArrowContent> = {
  'apache-arrow': readByJavaScript,
  'arrow-rs': readByRust,
}
const schema = [
  { name: 'an_int64', type: 'Int64', nullable: true },
  { name: 'a_count', type: 'Int64', nullable: true },
  { name: 'an_integer', type: 'Int32', nullable: true },
  { name: 'a_number', type: 'Float64', nullable: true },
  { name: 'a_boolean', type: 'Bool', nullable: true },
  { name: 'a_timestamp', type: 'Timestamp<MICROSECOND, UTC>', nullable: true },
  { name: 'a_date', type: 'Date32<DAY>', nullable: true },
  { name: 'a_uuid', type: 'Utf8', nullable: true },
  { name: 'a "text", é', type: 'Utf8', nullable: true },
  { name: 'number', type: 'Int64', nullable: false },
]
const wanted: ArrowContent['columns'] = [
  expected.map((row) => row.int64),
  expected.map((row) => row.count),
  expected.map((row) => (row.integer === null ? null : Number(row.integer))),
  expected.map((row) => (row.number === null ? null : Number(row.number))),
  expected.map((row) => (row.boolean === null ? null : row.boolean === 'true')),
  expected.map((row) => row.micros),
  expected.map((row) => row.days),
  expected.map((row) => row.uuid),
  expected.map((row) => row.text),
  expected.map((row) => row.row),
]

for (const [name, read] of Object.entries({ ...readers, Parquet: throughParquet })) {
  t.test(`${name} reads what PostgreSQL says`, (t) => {
    const stream = encode(arrowEncoder(edgeColumns, metadata), rows)
    const content = read(stream)
    t.strictSame(content.schema, schema)
    t.match(content.metadata, name === 'Parquet' ? {} : metadata)
    for (const [index, column] of wanted.entries()) {
      const found = content.columns[index] as typeof column
      t.equal(found.length, column.length)
      const wrong = column.findIndex((value, row) => !Object.is(value, found[row]))
      t.equal(
        wrong,
        -1,
        `${schema[index]?.name}: row ${wrong} is ${String(found[wrong]).slice(0, 100)}, ` +
          `wanted ${String(column[wrong]).slice(0, 100)}`,
      )
      t.equal(column.includes(null), index !== 9)
    }
    t.end()
  })
}

const few: Column[] = [
  { name: 'n', kind: 'int64', description: '' },
  { name: 'even', kind: 'boolean', nullable: true, description: '' },
  { name: 't', kind: 'text', nullable: true, description: '' },
]
const series = (count: number) =>
  copyRows(
    db.pool,
    `select n::int8, case when n % 3 > 0 then n % 2 = 0 end, case when n % 5 > 0 then n::text end
      from generate_series(1, ${count}) as n`,
  )

t.test('batches are full, and none is empty', async (t) => {
  for (const [count, batches] of [
    [0, []],
    [1, [1]],
    [16_383, [16_383]],
    [16_384, [16_384]],
    [16_385, [16_384, 1]],
    [40_000, [16_384, 16_384, 7232]],
  ] as const) {
    const rows = await series(count)
    if (count === 0) t.equal(arrowEncoder(few, {}).take(true), undefined)
    for (const every of [1, 1e9]) {
      const stream = encode(arrowEncoder(few, {}), rows, every)
      t.equal(stream.length % 8, 0)
      for (const [name, read] of Object.entries(readers)) {
        const content = read(stream)
        t.strictSame(
          content.schema.map((field) => [field.name, field.nullable]),
          [
            ['n', false],
            ['even', true],
            ['t', true],
          ],
          `${count} by ${name}`,
        )
        // arrow-rs hands its batches on as they came
        t.strictSame(content.batches, batches, `${count} by ${name}`)
        const [numbers, even, texts] = content.columns as [string[], (boolean | null)[], (string | null)[]]
        t.equal(numbers.length, count)
        t.equal(
          numbers.findIndex((value, row) => value !== String(row + 1)),
          -1,
        )
        t.equal(
          even.findIndex((value, row) => value !== ((row + 1) % 3 > 0 ? row % 2 === 1 : null)),
          -1,
        )
        t.equal(
          texts.findIndex((value, row) => value !== ((row + 1) % 5 > 0 ? String(row + 1) : null)),
          -1,
        )
      }
    }
  }
})

t.test('take holds a batch back until it is full, unless all are asked for', async (t) => {
  const rows = await series(16_384)
  const encoder = arrowEncoder(few, {})
  encoder.begin()
  for (const row of rows.slice(0, -1)) encoder.row(row, 0)
  t.equal(encoder.take(false), undefined)
  encoder.row(rows.at(-1)!, 0)
  const full = encoder.take(false)
  t.ok(full!.length > 16_384 * 8)
  t.equal(encoder.take(true), undefined)
  encoder.row(rows[0]!, 0)
  t.equal(encoder.take(false), undefined)
  const one = encoder.take(true)
  t.ok(one!.length < 1000)
  t.not(one!.buffer, full!.buffer)
})

t.test('a batch holds nothing of the one before it', (t) => {
  const filler = rows.filter((_, index) => index >= 350)
  const nulls = rows.filter(
    (_, index) =>
      index < 350 && [expected[index]!.int64, expected[index]!.boolean, expected[index]!.text].includes(null),
  )
  t.ok(nulls.length > 20)
  const used = arrowEncoder(edgeColumns, {})
  for (const row of filler) used.row(row, 0)
  used.take(true)
  const fresh = arrowEncoder(edgeColumns, {})
  for (const encoder of [used, fresh]) for (const row of nulls) encoder.row(row, 0)
  t.strictSame(used.take(true), fresh.take(true))
  t.end()
})

t.test('the bitmap of a column without nulls is left out', async (t) => {
  const size = async (sql: string) => {
    const encoder = arrowEncoder([{ name: 'n', kind: 'int64', nullable: true, description: '' }], {})
    for (const row of await copyRows(db.pool, `select ${sql} from generate_series(1, 8000) as n`)) encoder.row(row, 0)
    return encoder.take(true)!.length
  }
  t.equal((await size('nullif(n, 77)::int8')) - (await size('n::int8')), 1000)
})

t.test('large texts make small batches, a huge one passes', async (t) => {
  const columns: Column[] = [
    { name: 'n', kind: 'integer', description: '' },
    { name: 't', kind: 'text', description: '' },
    { name: 'u', kind: 'text', description: '' },
  ]
  const rows = await copyRows(
    db.pool,
    `select n, repeat('é', case n when 50 then 5000000 else 50000 end), n::text from generate_series(1, 100) as n`,
  )
  const encoder = arrowEncoder(columns, {})
  const taken: Uint8Array[] = [encoder.begin()]
  for (const row of rows) {
    encoder.row(row, 0)
    const batch = encoder.take(false)
    if (batch !== undefined) taken.push(batch)
  }
  for (const batch of taken) t.ok(batch.length < 4.5 * 1024 * 1024 + 10_000_000)
  t.ok(taken.length >= 4)
  const last = encoder.take(true)
  const stream = Buffer.concat([...taken, ...(last === undefined ? [] : [last]), encoder.end()])
  for (const read of Object.values(readers)) {
    const [numbers, texts, more] = read(stream).columns as [number[], string[], string[]]
    t.strictSame(
      numbers,
      Array.from({ length: 100 }, (_, n) => n + 1),
    )
    t.strictSame(more, numbers.map(String))
    t.equal(
      texts.every((text, index) => text === 'é'.repeat(index === 49 ? 5_000_000 : 50_000)),
      true,
    )
  }
})

t.test('only a whole stream has its end', async (t) => {
  const stream = encode(arrowEncoder(few, {}), await series(10))
  t.strictSame(stream.subarray(-8), Buffer.from('ffffffff00000000', 'hex'))
})

t.test('what the schema cannot say ends the answer', async (t) => {
  const [row] = await copyRows(db.pool, 'select null::int8')
  t.throws(
    () => encode(arrowEncoder([{ name: 'n', kind: 'int64', description: '' }], {}), [row!]),
    /the column n is not nullable, but has a null/,
  )
  t.throws(() => encode(arrowEncoder(few, {}), [row!]), /a row has 1 fields instead of 3/)
  for (const text of ['infinity', '-infinity']) {
    const [row] = await copyRows(db.pool, `select timestamptz '${text}'`)
    t.throws(
      () => encode(arrowEncoder([{ name: 'at', kind: 'timestamp', description: '' }], {}), [row!]),
      /outside the years 1 to 9999/,
    )
  }
})

t.test('all formats say the same', (t) => {
  const columns = edgeColumns.map((column) => ({ ...column, name: column.name.replaceAll(/[^a-z0-9_]/g, '') }))
  const arrow = readByRust(encode(arrowEncoder(columns, {}), rows))
  const objects = encode(ndjsonEncoder(columns), rows)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string | number | boolean | null>)
  // numbers, days and ids have no comma, quote or line end; the text column is left out
  const plain = columns.filter((column) => column.kind !== 'text')
  const withoutText = rows.map((row) => withoutField(row, 8))
  const records = encode(csvEncoder(plain), withoutText)
    .toString()
    .split('\r\n')
    .slice(1, -1)
    .map((line) => line.split(','))
  t.equal(records.length, rows.length)
  const millis = (text: string) => BigInt(Date.parse(text.replace(/\d{3}Z$/, 'Z'))) * 1000n + BigInt(text.slice(-4, -1))
  let wrong = 0
  for (const [index, object] of objects.entries()) {
    for (const [place, { name, kind }] of columns.entries()) {
      const json = object[name] as string | number | boolean | null
      const value = arrow.columns[place]?.[index]
      if (
        json === null
          ? value !== null
          : kind === 'timestamp'
            ? String(millis(json as string)) !== value
            : kind === 'date'
              ? String(Date.parse(json as string) / 86_400_000) !== value
              : kind === 'count'
                ? BigInt.asIntN(64, BigInt(value as string)) !== BigInt(value as string) || Number(value) !== json
                : value !== json
      )
        wrong++
      const column = plain.findIndex((one) => one.name === name)
      if (
        column !== -1 &&
        records[index]?.[column] !==
          (json === null
            ? ''
            : kind === 'count'
              ? value
              : kind === 'number' && Object.is(json, -0)
                ? '-0'
                : String(json))
      )
        wrong++
    }
  }
  t.equal(wrong, 0)
  t.end()
})

function withoutField(row: Buffer, field: number): Buffer {
  let at = 2
  for (let index = 0; index < field; index++) at += 4 + Math.max(0, row.readInt32BE(at))
  const result = Buffer.concat([row.subarray(0, at), row.subarray(at + 4 + Math.max(0, row.readInt32BE(at)))])
  result.writeInt16BE(row.readInt16BE(0) - 1, 0)
  return result
}
