import t from 'tap'
import { dateWriter, skipRow } from '../../src/formats/text-writers.js'
import { csvEncoder } from '../../src/formats/csv.js'
import type { Column } from '../../src/formats/encoder.js'
import { ndjsonEncoder } from '../../src/formats/ndjson.js'
import { Output } from '../../src/formats/output.js'
import { copyRows, encode } from '../helpers/copy.js'
import { parseFields } from '../helpers/csv.js'
import { createDatabase } from '../helpers/database.js'
import { edgeColumns, edgeRows } from '../helpers/edge-rows.js'

const db = await createDatabase(t, { bare: true })
const { rows, expected } = await edgeRows(db)

/** PostgreSQL's float8 text as JavaScript writes the same double. */
const number = (text: string | null) => (text === null ? null : text === '-0' ? '-0' : String(Number(text)))

t.test('CSV holds what PostgreSQL says, quoted only where needed', (t) => {
  const [header, ...records] = parseFields(encode(csvEncoder(edgeColumns), rows).toString())
  t.strictSame(
    header?.map((field) => field.text),
    edgeColumns.map((column) => column.name),
  )
  t.equal(records.length, expected.length)
  for (const [index, row] of expected.entries()) {
    const wanted = [
      row.int64,
      row.count,
      row.integer,
      number(row.number),
      row.boolean,
      row.timestamp,
      row.date,
      row.uuid,
      row.text,
      row.row,
    ].map((text) => ({ text: text ?? '', quoted: text !== null && (text === '' || /[",\r\n]/.test(text)) }))
    const found = records[index]
    if (JSON.stringify(found) !== JSON.stringify(wanted)) return (t.strictSame(found, wanted, `row ${index}`), t.end())
  }
  t.end()
})

t.test('NDJSON holds what PostgreSQL says, byte for byte', (t) => {
  const text = encode(ndjsonEncoder(edgeColumns), rows).toString()
  t.equal(text.endsWith('}\n'), true)
  const lines = text.slice(0, -1).split('\n')
  t.equal(lines.length, expected.length)
  const names = edgeColumns.map((column) => JSON.stringify(column.name))
  const quote = (value: string | null) => (value === null ? null : `"${value}"`)
  for (const [index, row] of expected.entries()) {
    const values = [
      quote(row.int64),
      row.count,
      row.integer,
      number(row.number),
      row.boolean,
      quote(row.timestamp),
      quote(row.date),
      quote(row.uuid),
      row.json,
      quote(row.row),
    ]
    const wanted = `{${values.map((value, column) => `${names[column]}:${value ?? 'null'}`).join(',')}}`
    if (lines[index] !== wanted) return (t.equal(lines[index], wanted, `row ${index}`), t.end())
    const parsed = JSON.parse(wanted) as Record<string, unknown>
    if (
      parsed['a "text", é'] !== row.text ||
      (row.number !== null && !Object.is(parsed['a_number'], Number(row.number)))
    )
      return (t.fail(`row ${index} reads back differently`), t.end())
  }
  t.end()
})

t.test('texts need no escape that JSON does not demand', async (t) => {
  const all = String.fromCodePoint(...Array.from({ length: 0x2100 }, (_, code) => code + 1), 0x1f600)
  const [row] = await copyRows(
    db.pool,
    `select string_agg(chr(code), '' order by code) from (select generate_series(1, 8448) union all
      select 128512) as c (code)`,
  )
  t.equal(
    encode(ndjsonEncoder([{ name: 't', kind: 'text', description: '' }]), [row!]).toString(),
    `${JSON.stringify({ t: all })}\n`,
  )
})

t.test('every day of the years 1 to 9999 is written', (t) => {
  const write = dateWriter()
  const out = new Output(64)
  const source = Buffer.alloc(4)
  out.reserve(0, 0)
  const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  let day = -730_119
  for (let year = 1; year <= 9999; year++) {
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
    for (let month = 1; month <= 12; month++) {
      const last = (lengths[month - 1] as number) + (month === 2 && leap ? 1 : 0)
      for (let date = 1; date <= last; date++) {
        source.writeInt32BE(day++)
        write(out, 0, source, 0, 4)
        const [a, b, c, d, dash, e, f, dash2, g, h] = out.bytes as unknown as [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ]
        const found =
          (a - 48) * 1e7 +
          (b - 48) * 1e6 +
          (c - 48) * 1e5 +
          (d - 48) * 1e4 +
          (e - 48) * 1000 +
          (f - 48) * 100 +
          (g - 48) * 10 +
          (h - 48)
        if (found !== year * 10_000 + month * 100 + date || dash !== 45 || dash2 !== 45) {
          t.fail(`${year}-${month}-${date} is written ${out.bytes.toString('latin1', 0, 10)}`)
          return t.end()
        }
      }
    }
  }
  t.equal(day, 2_921_940)
  t.end()
})

t.test('what a format cannot say ends the answer', async (t) => {
  const timestamp: Column = { name: 'at', kind: 'timestamp', description: '' }
  const date: Column = { name: 'on', kind: 'date', description: '' }
  const dates = await copyRows(db.pool, `select date '10000-01-01'`)
  for (const encoder of [csvEncoder, ndjsonEncoder]) {
    for (const text of ['infinity', '-infinity', '10000-01-01 00:00:00Z', '0001-12-31 23:59:59.999999Z BC']) {
      const rows = await copyRows(db.pool, `select timestamptz '${text}'`)
      t.throws(() => encode(encoder([timestamp]), rows), /outside the years 1 to 9999/, text)
    }
    t.throws(() => encode(encoder([date]), dates), /outside the years 1 to 9999/)
    t.throws(() => encode(encoder([timestamp, date]), dates), /a row has 1 fields instead of 2/)
    t.throws(() => encode(encoder([]), dates), /a row has 1 fields instead of 0/)
  }
})
t.test('whole rows can be taken after one that failed', async (t) => {
  const columns: Column[] = [
    { name: 't', kind: 'text', description: '' },
    { name: 'at', kind: 'timestamp', description: '' },
  ]
  const [good, bad] = (await copyRows(
    db.pool,
    `select repeat('x', n), at from unnest('{5,500000}'::int[],
      '{2025-01-01T00:00:00Z,infinity}'::timestamptz[]) as u (n, at)`,
  )) as [Buffer, Buffer]
  const encoder = csvEncoder(columns)
  encoder.row(good, 0)
  encoder.take(false)
  encoder.row(good, 0)
  t.throws(() => {
    encoder.row(bad, 0)
  }, RangeError)
  t.equal(Buffer.from(encoder.take(true)!).toString(), 'xxxxx,2025-01-01T00:00:00.000000Z\r\n')
})

t.test('numbers that are none are empty and null', async (t) => {
  const rows = await copyRows(db.pool, `select n from unnest('{NaN,Infinity,-Infinity,1}'::float8[]) as u (n)`)
  const columns: Column[] = [{ name: 'n', kind: 'number', description: '' }]
  t.equal(encode(csvEncoder(columns), rows).toString(), 'n\r\n\r\n\r\n\r\n1\r\n')
  t.equal(encode(ndjsonEncoder(columns), rows).toString(), '{"n":null}\n{"n":null}\n{"n":null}\n{"n":1}\n')
})

t.test('no row is an answer too', (t) => {
  t.equal(encode(csvEncoder(edgeColumns.slice(7, 9)), []).toString(), 'a_uuid,"a ""text"", é"\r\n')
  t.equal(encode(ndjsonEncoder(edgeColumns), []).length, 0)
  t.end()
})

t.test('skipRow finds the rows that the server sent', (t) => {
  const all = Buffer.concat(rows)
  let at = 0
  for (const row of rows) {
    const next = skipRow(all, at)
    if (next !== at + row.length) return (t.equal(next, at + row.length), t.end())
    at = next
  }
  t.equal(at, all.length)
  t.end()
})

t.test('the same bytes come however often they are taken, and no take is written again', (t) => {
  for (const encoder of [csvEncoder, ndjsonEncoder]) {
    const once = encode(encoder(edgeColumns), rows, 1e9)
    t.equal(encode(encoder(edgeColumns), rows, 1).equals(once), true)
    t.equal(encode(encoder(edgeColumns), rows, 100).equals(once), true)
  }
  t.end()
})

t.test('slabs are shared by small takes, sized by large ones and not kept after a huge one', async (t) => {
  const columns: Column[] = [{ name: 't', kind: 'text', description: '' }]
  const [small, huge] = (await copyRows(
    db.pool,
    `select repeat('x', n) from unnest('{100,5000000}'::int[]) as u (n)`,
  )) as [Buffer, Buffer]
  const encoder = ndjsonEncoder(columns)
  const take = (row: Buffer, times = 1) => {
    for (let time = 0; time < times; time++) encoder.row(row, 0)
    return encoder.take(false) as Uint8Array
  }
  const first = take(small)
  t.equal(first.buffer.byteLength, 65_536)
  t.equal(take(small).buffer, first.buffer)
  t.ok(take(small, 2000).buffer.byteLength > 200_000)
  take(small, 2000)
  // the slab after a take of 217 KB holds two of them: the second of these did not have to grow
  const [third, fourth] = [take(small, 2000), take(small, 1500)]
  t.equal(fourth.buffer, third.buffer)
  t.ok(take(huge).length > 5_000_000)
  t.ok(take(small).buffer.byteLength <= 2 * 1024 * 1024)
  t.ok(take(small, 100_000).length > 10_000_000)
  t.ok(take(small).buffer.byteLength <= 2 * 1024 * 1024)
  t.equal(encoder.take(true), undefined)
})

t.test('the columns around a text of 10 MB are whole', async (t) => {
  const columns: Column[] = [
    { name: 'a', kind: 'int64', description: '' },
    { name: 't', kind: 'text', description: '' },
    { name: 'at', kind: 'timestamp', description: '' },
    { name: 'u', kind: 'text', description: '' },
  ]
  const rows = await copyRows(
    db.pool,
    `select -n, repeat(piece, 10000000 / length(piece)), timestamptz '2025-01-01 09:30:00.123456Z', piece
    from unnest('{1,2,3}'::int8[], array['x', E'ab"\\n,', E'\\x01'] ) as u (n, piece)`,
  )
  const pieces = ['x', 'ab"\n,', '\x01']
  const texts = pieces.map((piece) => piece.repeat(10_000_000 / piece.length))
  const lines = encode(ndjsonEncoder(columns), rows, 1e9)
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const [, ...records] = parseFields(encode(csvEncoder(columns), rows, 1e9).toString())
  for (const [index, text] of texts.entries()) {
    t.equal(lines[index]?.['t'] === text, true)
    t.strictSame(
      { ...lines[index], t: '' },
      { a: String(-index - 1), t: '', at: '2025-01-01T09:30:00.123456Z', u: pieces[index] },
    )
    const [a, big, at, u] = records[index]!
    t.equal(big?.text === text, true)
    t.strictSame([a?.text, at?.text, u?.text], [String(-index - 1), '2025-01-01T09:30:00.123456Z', pieces[index]])
  }
})
