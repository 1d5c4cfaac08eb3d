/** The table that contracts read, and the values that golden exams have in columns that no golden case sets. */

/** Belongs to the exam platform. The check puts golden exams in its place. */
export const sourceTable = 'exam_results'

/** The columns by which the check recognises the table. */
export const sourceColumns = ['id', 'session_id', 'user_id', 'result_json', 'created_at', 'updated_at']

// Columns that a contract names and does not read, and columns that it does not know, vary from exam to exam: a filter
// on any of them then changes the rows.
const byName: Record<string, (string | null)[]> = {
  exam_id: ['1', null, '0', '7', '-3', '2147483647'],
  org_id: ['1', '2', null, '0', '900'],
  status: ['ready', 'completed', 'in_progress', 'deleted', 'abandoned', 'test', ''],
  score_raw: ['0', '12', null, '-1'],
  score_scaled: [null, '0', '100', '500'],
  standard_error: ['0', null, '0.3'],
  percentile: [null, '0', '50', '100'],
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
