/** Compares the deployed definitions, as PostgreSQL prints them, with those that this version's migrations install. */
import type { Contract, PrintedDefinitions } from './contract.js'
import { sourceTable } from './exam-results.js'
import { type Check, checkResult, type ContractReport, overallStatus } from './report.js'
import type { SqlClient } from './sql-client.js'
import { isName, isOneOf, tokenize } from './tokens.js'

const checkName = 'definition'

/** Reads the definitions of the views and functions that a schema has of these names. Needs no right on them. */
export async function readPrinted(
  client: SqlClient,
  schema: string,
  names: readonly string[],
): Promise<PrintedDefinitions> {
  const { rows } = await client.query<{ name: string; text: string }>(
    `
    with named as (select n.oid from pg_namespace n where n.nspname = $1)
    select c.relname::text as name, pg_get_viewdef(c.oid) as text
    from pg_class c join named n on n.oid = c.relnamespace
    where c.relkind = 'v' and c.relname = any($2::text[])
    union all
    select f.name, pg_get_functiondef(f.oid)
    from (
      select p.oid, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)) as name
      from pg_proc p join named n on n.oid = p.pronamespace
      where p.prokind = 'f'
    ) f
    where f.name = any($2::text[])`,
    [schema, names],
  )
  return Object.fromEntries(rows.map(({ name, text }) => [name, text]))
}

interface Part {
  text: string
  start: number
  end: number
}

/**
 * The tokens of a definition, without needless quotes; blanks and comments are none.
 * @param qualifiers the schemas that may stand before a name; a name without an entry keeps its schema
 */
function partsOf(definition: string, qualifiers: ReadonlyMap<string, string>): Part[] {
  const tokens = tokenize(definition)
  const isDropped = (at: number) => {
    const [schema, dot, name] = tokens.slice(at, at + 3)
    return isName(schema) && isOneOf(dot, '.') && isName(name) && qualifiers.get(name.text) === schema.text
  }
  return tokens
    .filter((_, at) => !isDropped(at) && !isDropped(at - 1))
    .map(({ kind, text, start, end }) => {
      if (kind === 'string') return { text: `'${text.replaceAll("'", "''")}'`, start, end }
      const isQuoted = kind === 'quoted' && !/^[a-z_][a-z0-9_]*$/.test(text)
      return { text: isQuoted ? `"${text.replaceAll('"', '""')}"` : text, start, end }
    })
}

const isSame = (one: readonly Part[], other: readonly Part[]) =>
  one.length === other.length && one.every(({ text }, at) => text === other[at]?.text)

/** Tokens on each side of a difference that the report shows. */
const around = 8

interface Difference {
  name: string
  expected: string
  /** Undefined where the view or function is missing. */
  actual: string | undefined
}

/** The first place at which two definitions differ, in both; undefined where they do not. */
function difference(
  name: string,
  expected: string,
  actual: string | undefined,
  qualifiers: ReadonlyMap<string, string>,
): Difference | undefined {
  if (actual === undefined) return { name, expected: name, actual }
  const [right, found] = [partsOf(expected, qualifiers), partsOf(actual, qualifiers)]
  if (isSame(right, found)) return undefined
  let at = 0
  while (right[at]?.text === found[at]?.text) at++
  const excerpt = (definition: string, parts: readonly Part[]) => {
    const shown = parts.slice(Math.max(0, at - around), at + around)
    const text = definition.slice(shown[0]?.start, shown.at(-1)?.end).replaceAll(/\s+/g, ' ')
    return `${name}: ... ${text.length > 300 ? text.slice(0, 297) : text} ...`
  }
  return { name, expected: excerpt(expected, right), actual: excerpt(actual, found) }
}

/**
 * Compares all definitions. A difference is a warning, because other text may have the same meaning.
 * @param schema the schema of the deployed view
 * @param tableSchema the schema of exam_results, if the view reads it
 * @returns undefined for a contract without printed definitions
 */
export async function checkInstalled(
  client: SqlClient,
  { installed }: Contract,
  { schema, tableSchema, version }: { schema: string; tableSchema: string | undefined; version: string },
): Promise<Check | undefined> {
  if (installed === undefined) return undefined
  const major = /^\d+/.exec(version)?.[0] ?? ''
  const expected = installed[major]
  const same = 'the definitions that this version installs'
  if (expected === undefined)
    return checkResult(
      checkName,
      'warn',
      same,
      null,
      `this version does not know how PostgreSQL ${major} prints them; it knows ${Object.keys(installed).join(', ')}`,
    )
  const names = Object.keys(expected)
  const qualifiers = new Map(names.map((name) => [name.replace(/\(.*/, ''), schema]))
  if (tableSchema !== undefined) qualifiers.set(sourceTable, tableSchema)
  const deployed = await readPrinted(client, schema, names)
  const [first, ...others] = names
    .map((name) => difference(name, expected[name] ?? '', deployed[name], qualifiers))
    .filter((one) => one !== undefined)
  if (first === undefined) return checkResult(checkName, 'pass', same, same)
  const also = others.length === 0 ? '' : `${others.map(({ name }) => name).join(', ')} also; `
  return checkResult(
    checkName,
    'warn',
    first.expected,
    first.actual ?? `not in schema ${schema}`,
    `${also}another text may have the same meaning: the golden checks decide; ` +
      'migrate up --again installs the definition of this version',
  )
}

/**
 * The report for a caller that requires the installed definitions: other text fails, and a text that could not be
 * compared is an error.
 */
export function requireInstalled(report: ContractReport): ContractReport {
  const checks = report.checks.map((check): Check => {
    if (check.name !== checkName || check.status !== 'warn') return check
    return { ...check, status: check.actual === null ? 'error' : 'fail' }
  })
  return { ...report, status: overallStatus(checks), checks }
}
