/** Runs the deployed definition on the golden rows: CTEs take the place of the table and of the helper views. */
import type pg from 'pg'
import type { CatalogColumn, Relation } from './catalog.js'
import { lockedColumns } from './columns.js'
import { type GoldenCase, goldenCases, type GoldenExam } from './golden/cases.js'
import { type Check, found } from './report.js'
import { is, isName, tokenize } from './tokens.js'

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`

// What can follow a relation in FROM and is no alias; pg_get_viewdef quotes an alias of such a name.
const noAlias = [
  'join',
  'cross',
  'left',
  'right',
  'full',
  'inner',
  'natural',
  'on',
  'using',
  'where',
  'group',
  'having',
  'window',
  'union',
  'intersect',
  'except',
  'order',
  'limit',
  'offset',
  'fetch',
  'for',
  'tablesample',
]

/** A definition with every relation of the closure replaced by its CTE, under the name that the text knows it by. */
function shadowed(definition: string, relations: Map<string, string>): string {
  const tokens = tokenize(definition)
  let text = ''
  let from = 0
  tokens.forEach((schema, at) => {
    const name = tokens[at + 2]
    if (!isName(schema) || !is(tokens[at + 1], '.') || !isName(name) || is(tokens[at - 1], '.', '::')) return
    const cte = relations.get(`${schema.text}\0${name.text}`)
    if (cte === undefined) return
    const next = tokens[at + 3]
    const aliased = isName(next) && (next.kind === 'quoted' || !noAlias.includes(next.text))
    text += definition.slice(from, schema.start) + cte + (aliased ? '' : ` ${quote(name.text)}`)
    from = name.end
  })
  return (text + definition.slice(from)).trim().replace(/;$/, '')
}

/** Views with what they read before them. */
function innerFirst(views: Relation[], root: Relation): Relation[] {
  const ordered: Relation[] = []
  const visit = (view: Relation): void => {
    if (ordered.includes(view)) return
    for (const inner of views) if (view.reads.includes(inner.oid)) visit(inner)
    ordered.push(view)
  }
  visit(root)
  return ordered
}

// Columns that the law names and does not read, and columns that it does not know, differ from exam to exam, so that a
// filter on any of them shows.
const samples: Record<string, (string | null)[]> = {
  exam_id: ['1', null, '0', '7', '-3', '2147483647'],
  org_id: ['1', '2', null, '0', '900'],
  status: ['ready', 'completed', 'in_progress', 'deleted', 'abandoned', 'test', ''],
  score_raw: ['0', '12', null, '-1'],
  score_scaled: [null, '0', '100', '500'],
  standard_error: ['0', null, '0.3'],
  percentile: [null, '0', '50', '100'],
}
const samplesByKind: Record<string, (string | null)[]> = {
  N: [null, '0', '1'],
  B: [null, 'true', 'false'],
  S: [null, '', 'x'],
  D: [null, '2001-02-03', '2031-02-03'],
  A: [null, '{}'],
  U: [null],
  T: [null, '0', '1'],
}
const samplesByType: Record<string, (string | null)[]> = {
  uuid: [null, '00000000-0000-4000-8000-000000000001'],
  json: [null, '{}', '[]'],
  jsonb: [null, '{}', '[]'],
  'time without time zone': [null, '01:02:03'],
  'time with time zone': [null, '01:02:03+00'],
}

function value(column: CatalogColumn, exam: GoldenExam, row: number, place: number): string | null {
  const known = (exam as unknown as Record<string, unknown>)[column.name]
  if (known !== undefined) return known === null ? null : String(known)
  const list = samples[column.name] ??
    samplesByType[column.type.replace(/\(\d+\)/, '')] ??
    (column.kind === 'e' ? [null, ...column.labels] : samplesByKind[column.kind]) ?? [null]
  return list[(row + place) % list.length] ?? null
}

const time = (name: string) => `case when isfinite(a.${name}::timestamptz)
  then to_char(a.${name}::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else a.${name}::text end`

/** A statement over golden exams ($1, as JSON): the deployed definition, or only the rows that it would read. */
export function goldenStatement(
  relations: Relation[],
  root: Relation,
  table: Relation | undefined,
  columns: CatalogColumn[],
): { rows: string; source: string } {
  const names = new Map(relations.map((one, at) => [`${one.schema}\0${one.name}`, `contract_relation_${at}`]))
  const nameOf = (one: Relation) => names.get(`${one.schema}\0${one.name}`) ?? ''
  const source = `select ${columns.map((column, at) => `r.c${at}::${column.type} as ${quote(column.name)}`).join(', ')}
from json_to_recordset($1::json) as r(${columns.map((_, at) => `c${at} text`).join(', ')})`
  const views = relations.filter((one) => one.definition !== null && one !== table)
  const ctes = innerFirst(views, root).map(
    (view) => `${nameOf(view)} as (\n${shadowed(view.definition ?? '', names)}\n)`,
  )
  const output = lockedColumns.map(({ name, type }) =>
    type.startsWith('timestamp') ? time(quote(name)) : `a.${quote(name)}::text`,
  )
  return {
    source: `select count(*) from (${source}) r where r is not null`,
    rows: `with ${table === undefined ? 'contract_source as (select $1::json)' : `${nameOf(table)} as (\n${source}\n)`}, ${ctes.join(', ')}
select array[${output.join(', ')}] as row from ${nameOf(root)} a`,
  }
}

/** The golden exams as the JSON that `goldenStatement` takes. */
export function goldenExams(cases: readonly GoldenCase[], columns: CatalogColumn[]): string {
  return JSON.stringify(
    cases
      .flatMap((one) => one.exams)
      .map((exam, row) =>
        Object.fromEntries(columns.map((column, place) => [`c${place}`, value(column, exam, row, place)])),
      ),
  )
}

/** The longest array of questions among the golden exams. */
export const longestArray = Math.max(...goldenCases.map((one) => one.rows.length))

const sessionAt = lockedColumns.findIndex((column) => column.name === 'session_id')
const propertyOf = new Map(goldenCases.flatMap((one) => one.exams.map((exam) => [exam.session_id, one.property])))

/** Rows by the property whose exams they come from; what comes from no known session speaks about `session_id`. */
export function byProperty(rows: readonly (readonly (string | null)[])[]): Map<string, (readonly (string | null)[])[]> {
  const map = new Map<string, (readonly (string | null)[])[]>()
  for (const row of rows) {
    const property = propertyOf.get(row[sessionAt] ?? '\0') ?? 'session_id'
    const list = map.get(property)
    if (list === undefined) map.set(property, [row])
    else list.push(row)
  }
  return map
}

const key = (row: readonly (string | null)[]) => JSON.stringify(row)

/** What a list has beyond another, each row as often as it is there too many. */
function beyond(rows: readonly (readonly (string | null)[])[], others: readonly (readonly (string | null)[])[]) {
  const left = new Map<string, number>()
  for (const row of others) left.set(key(row), (left.get(key(row)) ?? 0) + 1)
  return rows.filter((row) => {
    const count = left.get(key(row)) ?? 0
    left.set(key(row), count - 1)
    return count <= 0
  })
}

const short = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text)
const show = (row: readonly (string | null)[], only?: readonly (string | null)[]) =>
  lockedColumns
    .map(({ name }, at) => ({ name, at }))
    .filter(({ name, at }) => only === undefined || name === 'session_id' || row[at] !== only[at])
    .map(({ name, at }) => `${name}=${short(row[at] ?? 'null')}`)
    .join(' ')

/** Compares the rows of one property; `circumstances` says under which settings they came. */
export function compare(
  golden: GoldenCase,
  rows: readonly (readonly (string | null)[])[],
  circumstances: string,
): Check {
  const name = `golden:${golden.property}`
  const missing = beyond(golden.rows, rows)
  const extra = beyond(rows, golden.rows)
  if (missing.length === 0 && extra.length === 0) {
    return found(name, 'pass', `${golden.rows.length} rows`, `${rows.length} rows`, golden.why)
  }
  const [first] = missing
  const difference = (one: readonly (string | null)[]) => one.filter((text, at) => text !== first?.[at]).length
  const nearest = [...extra].sort((a, b) => difference(a) - difference(b))[0]
  return found(
    name,
    'fail',
    first === undefined ? `no row ${show(nearest ?? [])}` : show(first, nearest),
    nearest === undefined ? 'no such row' : show(nearest, first),
    `${golden.why} (${missing.length} rows missing, ${extra.length} unexpected, ${circumstances})`,
  )
}

/** Whether an SQLSTATE speaks about the rows (and the view is not total), or about the circumstances of the check. */
export const speaksOfRows = (code: string | undefined) => code !== undefined && /^(22|21|23|P0001)/.test(code)

/** Runs the statement under the settings that hold now and compares every property. */
export async function runGolden(
  client: pg.ClientBase,
  statement: { rows: string; source: string },
  columns: CatalogColumn[],
  circumstances: string,
  golden: readonly GoldenCase[] = goldenCases,
): Promise<Check[]> {
  const attempt = async (
    sql: string,
    cases: readonly GoldenCase[],
  ): Promise<(string | null)[][] | { code: string | undefined; message: string }> => {
    await client.query('savepoint golden')
    try {
      const { rows } = await client.query<{ row: (string | null)[] }>(sql, [goldenExams(cases, columns)])
      return rows.map(({ row }) => row)
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      // without an SQLSTATE the connection is gone, and so is the transaction
      if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code)) throw error
      await client.query('rollback to savepoint golden')
      return { code, message }
    }
  }
  const cannot = (problem: { code: string | undefined; message: string }) => [
    found('golden', 'error', 'the definition runs on the golden rows', `SQLSTATE ${problem.code}`, problem.message),
  ]

  const whole = await attempt(statement.rows, golden)
  if (Array.isArray(whole)) {
    const rows = byProperty(whole)
    return golden.map((one) => compare(one, rows.get(one.property) ?? [], circumstances))
  }
  if (!speaksOfRows(whole.code)) return cannot(whole)
  const source = await attempt(statement.source, golden)
  if (!Array.isArray(source)) return cannot(source)

  const checks: Check[] = []
  for (const one of golden) {
    const rows = await attempt(statement.rows, [one])
    if (Array.isArray(rows)) checks.push(compare(one, rows, circumstances))
    else {
      checks.push(
        found(
          `golden:${one.property}`,
          speaksOfRows(rows.code) ? 'fail' : 'error',
          `${one.rows.length} rows`,
          `SQLSTATE ${rows.code}: ${rows.message}`,
          `${one.why}; the definition raises on some contents (${circumstances})`,
        ),
      )
    }
  }
  return checks
}
