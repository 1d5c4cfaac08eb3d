/** The statement that runs the deployed definition on golden exams: CTEs replace the table and the helper views. */
import type { Relation } from './catalog.js'
import type { SourceColumn } from './catalog-checks.js'
import type { Contract } from './contract.js'
import { sampleValues } from './exam-results.js'
import type { GoldenCase } from './golden/types.js'
import { isName, isOneOf, tokenize } from './tokens.js'

/** A name as a quoted identifier. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

// Words that can follow a relation in FROM without being an alias; pg_get_viewdef quotes an alias of such a name.
const notAliases = [
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

type CteNames = ReadonlyMap<string, string>
const cteKey = (schema: string, name: string) => `${schema}\0${name}`

/** A definition that reads the CTEs instead of the relations, each under the alias that the text uses. */
function readingCtes(definition: string, ctes: CteNames): string {
  const tokens = tokenize(definition)
  let text = ''
  let copied = 0
  tokens.forEach((schema, at) => {
    const name = tokens[at + 2]
    if (!isName(schema) || !isOneOf(tokens[at + 1], '.') || !isName(name) || isOneOf(tokens[at - 1], '.', '::')) return
    const cte = ctes.get(cteKey(schema.text, name.text))
    if (cte === undefined) return
    const next = tokens[at + 3]
    const aliased = isName(next) && (next.kind === 'quoted' || !notAliases.includes(next.text))
    text += definition.slice(copied, schema.start) + cte + (aliased ? '' : ` ${quoted(name.text)}`)
    copied = name.end
  })
  return (text + definition.slice(copied)).trim().replace(/;$/, '')
}

/** Views, each after the views that it reads. */
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

/** A time as UTC text with six decimal places, whatever the session's DateStyle; infinities as they are. */
const timeText = (column: string) => `case when isfinite(a.${column}::timestamptz)
  then to_char(a.${column}::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else a.${column}::text end`

/**
 * A type as `format_type` prints it, without length and precision: a cast to varchar(400) would cut a golden text that
 * the table cannot hold.
 */
const withoutLength = (type: string) => type.replace(/\(.*?\)/, '').replace(/^character(?! )/, 'bpchar')

export interface GoldenStatement {
  /**
   * Selects the rows of the view as one JSON array, which the driver reads faster than 1,400 rows: each row is an array
   * of texts in the order of the contract. $1: `goldenExamsJson`.
   */
  rows: string
  /** Reads only the exams, to distinguish an exam that the table cannot hold from a definition that raises. */
  source: string
  /** Plans the deployed view itself, which needs no right on it: the server checks rights after planning. */
  plan: string
  /** The columns of the table that the exams replace. */
  columns: SourceColumn[]
}

/**
 * @param relations everything that the view reads
 * @param root the view itself
 * @param table the table exam_results
 * @param columns the columns of that table
 */
export function goldenStatement(
  contract: Contract,
  relations: Relation[],
  root: Relation,
  table: Relation,
  columns: SourceColumn[],
): GoldenStatement {
  const ctes: CteNames = new Map(relations.map((one, at) => [cteKey(one.schema, one.name), `contract_relation_${at}`]))
  const cteOf = (one: Relation) => ctes.get(cteKey(one.schema, one.name)) ?? ''
  const values = columns.map(({ name, type }, at) => `r.c${at}::${withoutLength(type)} as ${quoted(name)}`)
  const exams = `select ${values.join(', ')}
from json_to_recordset($1::json) as r(${columns.map((_, at) => `c${at} text`).join(', ')})`
  const views = innerFirst(
    relations.filter((one) => one.definition !== null && one !== table),
    root,
  ).map((view) => `${cteOf(view)} as (\n${readingCtes(view.definition ?? '', ctes)}\n)`)
  const texts = contract.columns.map(({ name, type }) =>
    type.startsWith('timestamp') ? timeText(quoted(name)) : `a.${quoted(name)}::text`,
  )
  return {
    columns,
    source: `select count(*) from (${exams}) r where r is not null`,
    plan: `explain select * from ${quoted(root.schema)}.${quoted(root.name)}`,
    rows: `with ${[`${cteOf(table)} as (\n${exams}\n)`, ...views].join(', ')}
select coalesce(json_agg(json_build_array(${texts.join(', ')})), '[]') as rows from ${cteOf(root)} a`,
  }
}

/** The exams of the cases as the JSON text that the statement takes as $1. Other columns have sample values. */
export function goldenExamsJson(cases: readonly GoldenCase[], columns: SourceColumn[]): string {
  const samples = columns.map(sampleValues)
  const exams = cases.flatMap((one) => one.exams)
  return JSON.stringify(
    exams.map((exam, row) => {
      const own = new Map<string, string | number | null>(Object.entries(exam))
      return Object.fromEntries(
        columns.map(({ contractName }, place) => {
          const values = samples[place] ?? [null]
          const value = own.has(contractName) ? own.get(contractName) : values[(row + place) % values.length]
          return [`c${place}`, value === undefined || value === null ? null : String(value)]
        }),
      )
    }),
  )
}
