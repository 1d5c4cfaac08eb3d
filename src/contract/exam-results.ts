/** The table that contracts read, and the values that golden exams have in columns that no golden case sets. */

/** Belongs to the exam platform. The check puts golden exams in its place. */
export const sourceTable = 'exam_results'

/** The columns that views of it read, and by which the check recognises it. Views follow a column that is renamed. */
export const sourceColumns = [
  { name: 'id', type: 'uuid' },
  { name: 'session_id', type: 'text' },
  { name: 'user_id', type: 'text' },
  { name: 'result_json', type: 'jsonb' },
  { name: 'created_at', type: 'timestamp with time zone' },
  { name: 'updated_at', type: 'timestamp with time zone' },
] as const

// Columns that a contract names and does not read, and columns that it does not know, vary from exam to exam: a filter
// on any of them then changes the rows.
// prettier-ignore
const integers = [
  '1', null, '0', '7', '-3', '2', '3', '4', '5', '8', '10', '12', '15', '20', '25', '31', '42', '50', '64', '77',
  '99', '100', '101', '128', '150', '200', '250', '300', '365', '400', '500', '512', '600', '750', '900', '999',
  '1000', '1001', '1024', '1500', '2000', '2024', '2026', '3000', '4000', '5000', '7500', '9999', '10000', '12345',
  '20000', '32767', '32768', '40000', '65536', '80000', '99999', '100000', '123456', '250000', '500000', '999999',
  '1000000', '1234567', '5000000', '10000000', '123456789', '1000000000', '2147483647', '-1', '-2', '-10', '-42',
  '-99', '-100', '-500', '-1000', '-10000', '-100000', '-2147483648',
]
// prettier-ignore
const scores = [
  '0', null, '12', '-1', '1', '0.3', '2', '3', '5', '7.5', '10', '15', '20', '25', '30', '33.33', '40', '45', '50',
  '55', '60', '65', '66.67', '70', '75', '80', '85', '90', '95', '99', '99.5', '100', '101', '120', '150', '200',
  '250', '300', '400', '500', '600', '750', '800', '900', '999', '-0.5', '-2', '-10', '-50', '-60', '-100',
]
/** With a null after every second value. */
const withNulls = (values: (string | null)[]) => values.flatMap((value, at) => (at % 2 === 1 ? [value, null] : [value]))

const byName: Record<string, (string | null)[]> = {
  exam_id: withNulls(integers),
  // in another order, so that each is met with many of the others
  org_id: withNulls([...integers].reverse().slice(3)),
  status: ['ready', 'completed', 'in_progress', 'deleted', 'abandoned', 'test', ''],
  score_raw: withNulls(scores),
  score_scaled: withNulls([...scores].reverse().slice(2)),
  standard_error: [
    '0',
    null,
    '0.3',
    '0.01',
    '0.05',
    '0.1',
    '0.2',
    '0.25',
    '0.4',
    '0.5',
    '0.6',
    '0.75',
    '0.9',
    '1',
    '1.5',
    '3',
  ],
  percentile: withNulls(scores.filter((score) => Math.abs(Number(score)) <= 100).slice(1)),
}
const byType: Record<string, (string | null)[]> = {
  uuid: [null, '00000000-0000-4000-8000-000000000001'],
  json: [null, '{}', '[]'],
  jsonb: [null, '{}', '[]'],
  'time without time zone': [null, '01:02:03'],
  'time with time zone': [null, '01:02:03+00'],
}
/** By `pg_type.typcategory`. */
const byCategory: Record<string, (string | null)[]> = {
  N: [null, '0', '1'],
  B: [null, 'true', 'false'],
  S: [null, '', 'x'],
  D: [null, '2001-02-03', '2031-02-03'],
  A: [null, '{}'],
  U: [null],
  T: [null, '0', '1'],
}

/** Whether the exam platform's table has a column of this name, so that it is not another column renamed. */
export const isKnownColumn = (name: string): boolean =>
  Object.hasOwn(byName, name) || sourceColumns.some((column) => column.name === name)

/**
 * Values of a column of the deployed table, as text, of which each golden exam takes one.
 * @param column its type without length, its `kind` (see CatalogColumn) and the labels of an enumerated type
 */
export function sampleValues(column: {
  name: string
  type: string
  kind: string
  labels: string[]
}): (string | null)[] {
  return (
    byName[column.name] ??
    byType[column.type.replace(/\(\d+\)/, '')] ??
    (column.kind === 'e' ? [null, ...column.labels] : byCategory[column.kind]) ?? [null]
  )
}
