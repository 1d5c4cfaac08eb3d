/** The checks that the catalog alone decides: columns, source, row security, the recorded migration. */
import { type CatalogColumn, type Relation, rowSecurityApplies } from './catalog.js'
import { formerLedgerTable, ledgerTable, type Contract } from './contract.js'
import { isKnownColumn, sourceColumns, sourceTable } from './exam-results.js'
import { type Check, checkResult } from './report.js'
import type { SqlClient } from './sql-client.js'

/** Names of `pg_class.relkind`. */
const kindNames: Record<string, string> = {
  v: 'view',
  m: 'materialized view',
  r: 'table',
  p: 'partitioned table',
  f: 'foreign table',
  S: 'sequence',
  i: 'index',
  c: 'type',
}

/** `pg_class.relkind` in words. */
export const kindName = (kind: string): string => kindNames[kind] ?? kind

export function checkColumns(contract: Contract, columns: readonly { name: string; type: string }[]): Check {
  const list = (some: readonly { name: string; type: string }[]) =>
    some.map(({ name, type }) => `${name} ${type}`).join(', ')
  const [expected, actual] = [list(contract.columns), list(columns)]
  return checkResult(
    'columns',
    expected === actual ? 'pass' : 'fail',
    expected,
    actual,
    'names, order and types must match exactly',
  )
}

/**
 * What the definition reads: the one table exam_results, and nothing else.
 * @param root the view itself
 * @param others what functions and system catalogs add to what is read
 */
export function checkReads(
  relations: Relation[],
  root: Relation,
  others: string[],
): { checks: Check[]; table: Relation | undefined } {
  const inner = relations.filter((one) => one !== root)
  const sources = inner.filter((one) => one.name === sourceTable)
  const tables = sources.filter((one) => ['r', 'p'].includes(one.kind))
  const substitutes = sources.filter((one) => !tables.includes(one))
  const named = (one: Relation) => `${one.schema}.${one.name} (${kindName(one.kind)})`
  const unknown = [...inner.filter((one) => one.name !== sourceTable && one.kind !== 'v').map(named), ...others]

  const isTable = `${sourceTable} is a table`
  const source =
    substitutes.length > 0
      ? checkResult(
          'source',
          'fail',
          isTable,
          substitutes.map(named).join(', '),
          'a view or another object in place of the table decides which exams exist',
        )
      : tables.length === 1
        ? checkResult('source', 'pass', isTable, tables.map(named).join(', '))
        : checkResult(
            'source',
            tables.length === 0 ? 'fail' : 'error',
            `one table ${sourceTable}`,
            tables.map(named).join(', ') || 'none',
            tables.length === 0 ? 'the view does not read the table' : 'the view reads several tables of that name',
          )
  const only = `${sourceTable} only`
  const reads =
    unknown.length > 0
      ? checkResult(
          'reads',
          'error',
          only,
          unknown.join(', '),
          `the check cannot verify rows that depend on anything but ${sourceTable}`,
        )
      : checkResult('reads', 'pass', only, inner.map(named).join(', '))
  return { table: tables[0], checks: [source, reads] }
}

/** A column of exam_results as deployed. */
export interface SourceColumn extends CatalogColumn {
  /** The name that the contract and the golden exams have for it; another than `name` if its owner renamed it. */
  contractName: string
}

/**
 * Whether exam_results has the columns that the contract names. After a rename the view reads the column under its new
 * name, and its rows stay the same: a warning. The golden rows then decide under the new name.
 * @param columns those of the deployed table
 * @param read names of those that the view reads
 */
export function checkSourceColumns(
  columns: readonly CatalogColumn[],
  read: readonly string[],
): { check: Check; columns: SourceColumn[] } {
  const others = columns.filter(({ name }) => read.includes(name) && !isKnownColumn(name))
  const renamed = new Map<string, string>()
  const status: Check['status'][] = []
  const details: string[] = []
  const found = sourceColumns.map(({ name, type }) => {
    const exists = columns.some((column) => column.name === name)
    if (exists && read.includes(name)) return `${name} ${type}`
    const other = others.find((column) => column.type === type && !renamed.has(column.name))
    if (other === undefined) {
      if (exists) return `${name} ${type}`
      status.push('fail')
      details.push(
        `the column ${name} of ${sourceTable} is missing, and the view reads no column in its place: restore the ` +
          'column, then run attempt-api migrate up --again',
      )
      return `no ${name}`
    }
    status.push('warn')
    if (exists) {
      details.push(
        `the view reads ${other.name} and not ${name}: the column was renamed, and another column has its name now. ` +
          'Restore the names of both',
      )
      return `${other.name} ${type}`
    }
    renamed.set(other.name, name)
    details.push(
      `the column ${name} of ${sourceTable} was renamed to ${other.name}. The view follows the rename and has the ` +
        'same rows, so there is nothing to roll back. Migrations and the triggers of a store need the name: run ' +
        `alter table ${sourceTable} rename column ${other.name} to ${name}`,
    )
    return `${other.name} ${type}`
  })
  return {
    check: checkResult(
      'source_columns',
      status.includes('fail') ? 'fail' : status.includes('warn') ? 'warn' : 'pass',
      sourceColumns.map(({ name, type }) => `${name} ${type}`).join(', '),
      found.join(', '),
      details.join('; ') || null,
    ),
    columns: columns.map((column) => ({ ...column, contractName: renamed.get(column.name) ?? column.name })),
  }
}

export async function checkRowSecurity(client: SqlClient, relations: Relation[]): Promise<Check> {
  const hidden: string[] = []
  for (const view of relations) {
    for (const table of relations.filter((one) => view.reads.includes(one.oid))) {
      if (await rowSecurityApplies(client, view, table))
        hidden.push(`${table.schema}.${table.name} read by ${view.name}`)
    }
  }
  return hidden.length === 0
    ? checkResult('row_security', 'pass', 'not in force', 'not in force')
    : checkResult(
        'row_security',
        'fail',
        'not in force',
        `in force on ${hidden.join(', ')}`,
        'policies can hide rows that the contract requires; give the view an owner that they do not apply to',
      )
}

/** Whether the migration that creates the view is recorded in the schema of the view. Never fails the contract. */
export async function checkMigration(
  client: SqlClient,
  { migration }: Contract,
  schema: string,
): Promise<{ name: string | null; check: Check }> {
  const {
    rows: [log],
  } = await client.query<{ name: string }>(
    `
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = any($2) and c.relkind = 'r'
      -- a policy of another role would run with the rights of this one
      and not c.relrowsecurity
      and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
    order by array_position($2, c.relname::text)
    limit 1`,
    [schema, [ledgerTable, formerLedgerTable]],
  )
  const warn = (actual: string) => ({
    name: null,
    check: checkResult(
      'migration',
      'warn',
      migration,
      actual,
      'a record of who created the view; the other checks decide whether it is right',
    ),
  })
  if (log === undefined) return warn(`${ledgerTable} does not exist or is not readable`)
  await client.query('savepoint migration')
  try {
    const { rows } = await client.query<{ name: string }>(
      `select name::text as name from ${log.name} where name = $1`,
      [migration],
    )
    return rows[0] === undefined
      ? warn('not recorded')
      : { name: rows[0].name, check: checkResult('migration', 'pass', migration, rows[0].name) }
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error
    await client.query('rollback to savepoint migration')
    return warn(`${log.name} is not readable`)
  }
}
