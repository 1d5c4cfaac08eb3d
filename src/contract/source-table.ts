/** Whether the view reads the exam_results that the session means, and not a table of that name in another schema. */
import type { Relation } from './catalog.js'
import { sourceColumns, sourceTable } from './exam-results.js'
import { type Check, checkResult } from './report.js'
import type { SqlClient } from './sql-client.js'
import { isName, tokenize } from './tokens.js'

/** The schemas of a search_path in their order. */
export const schemasOf = (searchPath: string, user: string): string[] =>
  tokenize(searchPath)
    .filter(isName)
    .map(({ text }) => (text === '$user' ? user : text))

interface Candidate {
  oid: string
  schema: string
}

/** What the view reads, and every table with the name and columns of exam_results, whatever the role may use. */
async function candidates(client: SqlClient, read: readonly Relation[]): Promise<Candidate[]> {
  const { rows } = await client.query<Candidate>(
    `
    select c.oid::text as oid, n.nspname::text as schema
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = $1 and c.relkind in ('r', 'p') and c.relpersistence <> 't'
      and (c.oid = any($3::oid[]) or (select count(*) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname = any($2::text[])
      ) = cardinality($2::text[]))
    order by 2`,
    [sourceTable, sourceColumns.map(({ name }) => name), read.map(({ oid }) => oid)],
  )
  return rows
}

/**
 * Compares the table that the view reads with the first exam_results on the search_path. A table of that name without
 * the columns of exam_results does not count. If none is on the path, the only one in the database counts.
 * @param relations everything that the view reads
 * @param searchPath schemas in the order of the session's search_path
 */
export async function checkSourceTable(
  client: SqlClient,
  relations: Relation[],
  searchPath: readonly string[],
): Promise<Check | undefined> {
  const read = relations.filter(({ name, kind }) => name === sourceTable && ['r', 'p'].includes(kind))
  if (read.length === 0) return undefined
  const tables = await candidates(client, read)
  const expected = searchPath.flatMap((schema) => tables.filter((table) => table.schema === schema))[0] ?? tables[0]
  const isCertain = tables.length < 2 || (expected !== undefined && searchPath.includes(expected.schema))
  const named = (some: readonly { schema: string }[]) => some.map(({ schema }) => `${schema}.${sourceTable}`).join(', ')
  const name = 'source_schema'
  const actual = named(read)
  if (!isCertain)
    return checkResult(
      name,
      'warn',
      `${sourceTable} in a schema of the search_path`,
      actual,
      `there are ${named(tables)}, and the search_path names none of these schemas; add the schema of the right one`,
    )
  const right = expected === undefined ? actual : named([expected])
  return read.every(({ oid }) => expected === undefined || oid === expected.oid)
    ? checkResult(name, 'pass', right, actual)
    : checkResult(
        name,
        'fail',
        right,
        actual,
        `the search_path means ${right}; the view reads ${actual}: run migrate up --again, or correct the search_path`,
      )
}
