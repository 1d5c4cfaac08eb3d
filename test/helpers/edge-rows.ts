/** Rows with every kind at its edges, as PostgreSQL sends them and as PostgreSQL itself writes them. */
import { randomBytes } from 'node:crypto'
import type { Column } from '../../src/formats/encoder.js'
import { copyRows } from './copy.js'
import type { TestDatabase } from './database.js'

export const edgeColumns: readonly Column[] = [
  { name: 'an_int64', kind: 'int64', nullable: true, description: '' },
  { name: 'a_count', kind: 'count', nullable: true, description: '' },
  { name: 'an_integer', kind: 'integer', nullable: true, description: '' },
  { name: 'a_number', kind: 'number', nullable: true, description: '' },
  { name: 'a_boolean', kind: 'boolean', nullable: true, description: '' },
  { name: 'a_timestamp', kind: 'timestamp', nullable: true, description: '' },
  { name: 'a_date', kind: 'date', nullable: true, description: '' },
  { name: 'a_uuid', kind: 'uuid', nullable: true, description: '' },
  { name: 'a "text", é', kind: 'text', nullable: true, description: '' },
  { name: 'number', kind: 'int64', description: '' },
]

/** A row as PostgreSQL writes it; `micros` since 1970 and `days` since 1970 are what Arrow holds. */
export interface Expected {
  int64: string | null
  count: string | null
  integer: string | null
  number: string | null
  boolean: string | null
  timestamp: string | null
  micros: string | null
  date: string | null
  days: string | null
  uuid: string | null
  text: string | null
  json: string | null
  row: string
}

const powers = Array.from({ length: 19 }, (_, exponent) => 10n ** BigInt(exponent))
const int64s = [
  0n,
  -1n,
  1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  ...[31n, 32n, 51n, 52n, 53n, 54n, 62n].flatMap((bits) =>
    [-1n, 0n, 1n].flatMap((by) => [2n ** bits + by, -(2n ** bits) + by]),
  ),
  ...powers.flatMap((power) => [power - 1n, power, -power, 1n - power, power * 9n > 2n ** 63n ? power : power * 9n]),
]
const integers = [
  0,
  1,
  -1,
  2147483647,
  -2147483648,
  -2147483647,
  ...Array.from({ length: 10 }, (_, exponent) => [10 ** exponent, 10 ** exponent - 1, -(10 ** exponent)]).flat(),
]
const numbers = [
  '1e21',
  '1e-7',
  '-0',
  '0',
  '0.1',
  '5e-324',
  '1.7976931348623157e308',
  '-1.7976931348623157e-308',
  '123456789012345680000',
  '1e20',
  '0.000001',
  '-2.5',
  '3',
  '9007199254740993',
  '33.333333333333336',
  '1e100',
]
const timestamps = [
  '0001-01-01 00:00:00Z',
  '0001-01-01 00:00:00.000001Z',
  '0004-02-29 12:00:00.5Z',
  '1582-10-15 00:00:00Z',
  '1899-12-31 23:59:59.999999Z',
  '1900-03-01 00:00:00Z',
  '1969-12-31 23:59:59.999999Z',
  '1970-01-01 00:00:00Z',
  '1999-12-31 23:59:59.999999Z',
  '2000-01-01 00:00:00Z',
  '2000-01-01 00:00:00.000001Z',
  '2000-02-29 23:59:59.999999Z',
  '2024-02-29 00:00:00.1Z',
  '2025-01-01 09:30:00.123456Z',
  '2025-01-01 09:30:00.123456Z',
  '2025-01-01 09:30:00.123457Z',
  '2100-02-28 23:59:59.999999Z',
  '2100-03-01 00:00:00Z',
  '2285-06-05 23:47:34.740992Z',
  '2285-06-05 23:47:34.740993Z',
  '2285-06-05 23:47:34.740991Z',
  '9999-12-31 00:00:00Z',
  '9999-12-31 23:59:59.999999Z',
]
const dates = [
  '0001-01-01',
  '0001-12-31',
  '0004-02-29',
  '0100-03-01',
  '1600-02-29',
  '1969-12-31',
  '1970-01-01',
  '1999-12-31',
  '2000-01-01',
  '2000-02-29',
  '2000-03-01',
  '2024-12-31',
  '2100-02-28',
  '9999-12-31',
]
const texts = [
  '',
  ' ',
  'plain',
  'a,b',
  'say "so"',
  '"',
  '""',
  ',',
  '\r',
  '\n',
  '\r\n',
  'line\r\nline',
  ' spaces ',
  'null',
  '\\N',
  '\\',
  '\\.',
  '\t',
  '\x7f',
  'a\u2028b\u2029c',
  'Ä é 漢字',
  '👩‍👩‍👧 emoji',
  'end"',
  '=1+1',
  '{"a": 1}',
  "it's",
  '/',
  '\ufeff',
  ...Array.from({ length: 31 }, (_, code) => `<${String.fromCharCode(code + 1)}>`),
  String.fromCharCode(...Array.from({ length: 31 }, (_, code) => code + 1)),
  'x'.repeat(100_000),
  `${'y'.repeat(50_000)}"\n,${'\x01é'.repeat(20_000)}`,
  '"'.repeat(5000),
  'z'.repeat(63),
  'z'.repeat(64),
  'z'.repeat(65),
  '\x1f'.repeat(4096),
  '\x1f'.repeat(4097),
]
const uuids = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '01234567-89ab-cdef-fedc-ba9876543210',
  '01234567-89ab-cdef-fedc-ba9876543211',
  '01234567-89ab-cdee-fedc-ba9876543211',
  '01234567-89ac-cdee-fedc-ba9876543211',
  '11234567-89ac-cdee-fedc-ba9876543211',
  '11234567-89ac-cdee-fedd-ba9876543211',
]

const below = (value: number) => Math.floor(Math.random() * value)

/** Each column cycles its edges by a stride of its own, so that many combinations occur. The last rows are random. */
export async function edgeRows(
  db: TestDatabase,
  { random = 3000 } = {},
): Promise<{ rows: Buffer[]; expected: Expected[] }> {
  const edges: unknown[][] = [int64s, int64s, integers, numbers, [true, false], timestamps, dates, uuids, texts]
  const count = 250
  const columns = edges.map((values, column) => [
    ...Array.from({ length: count }, (_, row) =>
      row % (17 + column) === 16 ? null : String(values[row % values.length]),
    ),
    ...values.map(String),
    ...Array.from({ length: 100 - values.length }, () => null),
  ])
  for (let row = 0; row < random; row++) {
    const int64 = randomBytes(8).readBigInt64BE() >> BigInt(below(64))
    const values = [
      int64,
      randomBytes(8).readBigInt64BE(),
      randomBytes(4).readInt32BE() >> below(32),
      (Math.random() - 0.5) * 10 ** (below(600) - 300),
      Math.random() < 0.5,
      `${String(1 + below(9999)).padStart(4, '0')}-${1 + below(12)}-${1 + below(28)} ` +
        `${below(24)}:${below(60)}:${below(60)}.${String(below(1e6)).padStart(6, '0')}Z`,
      `${String(1 + below(9999)).padStart(4, '0')}-${1 + below(12)}-${1 + below(28)}`,
      randomBytes(16).toString('hex'),
      randomBytes(below(40)).toString('base64').replaceAll('+', '"').replaceAll('/', '\n'),
    ]
    for (const [column, value] of values.entries())
      (columns[column] as unknown[]).push(Math.random() < 0.05 ? null : String(value))
  }
  await db.pool.query('drop table if exists edge')
  await db.pool.query(
    `create table edge (number bigint, int64 bigint, count bigint, integer integer, float float8, boolean boolean,
    timestamp timestamptz, date date, uuid uuid, text text)`,
  )
  await db.pool.query(
    `insert into edge select number, a, b, c, d, e, f, g, h, i
    from unnest($1::int8[], $2::int8[], $3::int4[], $4::float8[], $5::bool[], $6::timestamptz[], $7::date[], $8::uuid[],
      $9::text[]) with ordinality as u (a, b, c, d, e, f, g, h, i, number)`,
    columns,
  )
  const { rows: expected } = await db.pool
    .query<Expected>(`select int64::text as int64, count::text as count, integer::text as integer,
      float::text as number, boolean::text as boolean,
      to_char(timestamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as timestamp,
      (extract(epoch from timestamp) * 1000000)::bigint::text as micros,
      date::text as date, (date - date '1970-01-01')::text as days, uuid::text as uuid,
      text, to_json(text)::text as json, number::text as row
    from edge order by edge.number`)
  const rows = await copyRows(
    db.pool,
    'select int64, count, integer, float, boolean, timestamp, date, uuid, text, number from edge order by number',
  )
  return { rows, expected }
}
