/** Checks a deployed view against its contract: read-only, without rights on exam_results, all problems at once. */
import { readCalledFunctions, readColumns, readColumnsRead, readRelations } from './catalog.js'
import {
  checkColumns,
  checkMigration,
  checkReads,
  checkRowSecurity,
  checkSourceColumns,
  kindName,
} from './catalog-checks.js'
import type { Contract } from './contract.js'
import { checkCreators } from './creators.js'
import { checkDefinitions } from './definition.js'
import { sourceTable } from './exam-results.js'
import { runGolden } from './golden-run.js'
import { checkInstalled } from './installed.js'
import { goldenStatement, quoted } from './golden-statement.js'
import { type Check, checkResult, type ContractReport, overallStatus } from './report.js'
import { otherSettings, plainSettings, setLocally } from './settings.js'
import type { SqlClient } from './sql-client.js'
import { checkSourceTable, schemasOf } from './source-table.js'
import { withTimeLimit } from './time-limit.js'

interface Deployed {
  oid: string | null
  kind: string | null
  schema: string | null
  version: string
  /** A view of that name exists in a schema that the role may not use. */
  hidden: boolean
  /** The table exam_results on the session's search_path. */
  source: string | null
  /** The schemas of the session's search_path. */
  path: string[]
}

/** Resolves the names on the session's search_path, then sets the plain settings. */
async function findView(client: SqlClient, view: string): Promise<Deployed> {
  // only these names are resolved on the session's search_path: nothing on that path may hide a built-in function
  const {
    rows: [resolved],
  } = await client.query<{ oid: string | null; source: string | null; path: string; role: string }>(
    `select pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text as oid,
      pg_catalog.to_regclass($2)::pg_catalog.oid::pg_catalog.text as source,
      pg_catalog.current_setting('search_path') as path, current_user::pg_catalog.text as role`,
    [view, sourceTable],
  )
  await setLocally(client, plainSettings)
  const {
    rows: [deployed],
  } = await client.query<Omit<Deployed, 'source' | 'path'>>(
    `
    select c.oid::text as oid, c.relkind::text as kind, n.nspname::text as schema,
      current_setting('server_version') as version,
      exists (
        select 1 from pg_class u
        where u.relname = $2 and u.relkind = 'v' and not has_schema_privilege(u.relnamespace, 'usage')
      ) as hidden
    from (select $1::oid as oid) r
    left join pg_class c on c.oid = r.oid
    left join pg_namespace n on n.oid = c.relnamespace`,
    [resolved?.oid, view],
  )
  return {
    ...(deployed ?? { oid: null, kind: null, schema: null, version: '', hidden: false }),
    source: resolved?.source ?? null,
    path: schemasOf(resolved?.path ?? '', resolved?.role ?? ''),
  }
}

const missingView = (view: string, hidden: boolean): Check =>
  checkResult(
    'view',
    hidden ? 'error' : 'fail',
    `a view ${view}`,
    'no view of that name on the search_path',
    hidden
      ? 'a view of that name is in a schema that this role may not use; grant usage on the schema'
      : 'run attempt-api migrate up (with --again if the view existed before), or set the search_path',
  )

type Findings = Omit<ContractReport, 'status' | 'contract'>

async function findings(client: SqlClient, contract: Contract): Promise<Findings> {
  const { view } = contract
  const { oid, kind, schema, version: server_version, hidden, source: sourceOid, path } = await findView(client, view)
  if (oid === null) {
    // dropping a column with cascade drops the view
    const lost = sourceOid === null ? undefined : checkSourceColumns(await readColumns(client, sourceOid), []).check
    const checks = [missingView(view, hidden), ...(lost?.status === 'fail' ? [lost] : [])]
    return { migration: null, server_version, checks }
  }

  const checks: Check[] = [
    checkResult('view', 'pass', `a view ${view}`, `${schema}.${view}`),
    checkResult('kind', kind === 'v' ? 'pass' : 'fail', 'view', kindName(kind ?? '')),
  ]
  const columns = await readColumns(client, oid)
  checks.push(checkColumns(contract, columns))
  const migration = await checkMigration(client, contract, schema ?? '')
  const report = (): Findings => ({
    migration: migration.name,
    server_version,
    checks: [...checks, migration.check],
  })
  const notRun = (reason: string) => {
    checks.push(checkResult('golden', 'error', 'the definition runs on the golden rows', 'not run', reason))
    return report()
  }

  const relations = await readRelations(client, oid)
  const root = relations.find((one) => one.oid === oid)
  if (root === undefined || root.definition === null) return notRun('only a view has a definition')
  const called = await readCalledFunctions(
    client,
    relations.map((one) => one.oid),
  )
  const definitions = await checkDefinitions(client, contract, relations, called)
  const reads = checkReads(relations, root, definitions.reads)
  checks.push(...reads.checks, await checkRowSecurity(client, relations), ...definitions.checks)
  const installed = await checkInstalled(client, contract, {
    schema: root.schema,
    tableSchema: reads.table?.schema,
    version: server_version,
  })
  const source_schema = await checkSourceTable(client, relations, path)
  checks.push(...[installed, source_schema].filter((check) => check !== undefined))
  checks.push(await checkCreators(client, [...new Set([root.schema, ...path])], view))

  const missing = contract.columns.filter(({ name }) => !columns.some((column) => column.name === name))
  if (missing.length > 0) return notRun(`columns are missing: ${missing.map(({ name }) => name).join(', ')}`)
  const unclear = reads.checks.filter((check) => check.status !== 'pass').map((check) => check.name)
  if (unclear.length > 0 || reads.table === undefined) return notRun(`see the checks ${unclear.join(', ')}`)

  const views = relations.filter((one) => one.definition !== null).map((one) => one.oid)
  const source = checkSourceColumns(
    await readColumns(client, reads.table.oid),
    await readColumnsRead(client, views, reads.table.oid),
  )
  checks.push(source.check)
  const statement = goldenStatement(contract, relations, root, reads.table, source.columns)
  // the definitions are qualified; only a function's body finds other functions on the path. Without need, the path has
  // no other schema: an operator in it could be a better match than the one that the view uses
  const schemas = new Set(definitions.functions.map((one) => one.schema))
  await setLocally(client, { search_path: ['pg_catalog', ...schemas, 'pg_temp'].map(quoted).join(', ') })
  const first = await runGolden(client, contract, contract.golden, statement, 'TimeZone UTC')
  // a definition that did not run at all would not run a second time
  const ran = !first.some((check) => check.name === 'golden')
  if (ran) await setLocally(client, otherSettings)
  const repeated = ran ? contract.golden.filter(({ runsOnce }) => runsOnce !== true) : []
  const second = ran
    ? await runGolden(client, contract, repeated, statement, 'TimeZone America/New_York, DateStyle SQL')
    : []
  const worse = new Map(second.filter((check) => check.status !== 'pass').map((check) => [check.name, check]))
  checks.push(...first.map((check) => (check.status === 'pass' ? (worse.get(check.name) ?? check) : check)))
  checks.push(...[...worse.values()].filter((check) => !first.some((one) => one.name === check.name)))
  return report()
}

async function checked(client: SqlClient, contract: Contract, { timeoutMs }: CheckOptions): Promise<ContractReport> {
  const session = timeoutMs === undefined ? client : withTimeLimit(client, timeoutMs)
  const report = await findings(session, contract)
  return { status: overallStatus(report.checks), contract: contract.version, ...report }
}

export interface CheckOptions {
  /** Milliseconds for the whole check; without it the session's statement_timeout applies to each statement. */
  timeoutMs?: number
}

/**
 * Checks the deployed view against the contract, on a connection that is not in a transaction. Runs in one read-only
 * transaction that is rolled back, so that the session's settings stay, and reads only catalogs.
 * @throws the driver's error when the connection fails; an error with code 57014 when `timeoutMs` have passed before
 *   the rows could be compared
 */
export async function checkContract(
  client: SqlClient,
  contract: Contract,
  options: CheckOptions = {},
): Promise<ContractReport> {
  await client.query('begin transaction isolation level repeatable read, read only')
  try {
    return await checked(client, contract, options)
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}

/** The same within a transaction, for a view that is not committed yet. Its settings are rolled back to a savepoint. */
export async function checkContractWithin(
  client: SqlClient,
  contract: Contract,
  options: CheckOptions = {},
): Promise<ContractReport> {
  await client.query('savepoint contract')
  await client.query('set local transaction_read_only = on')
  const report = await checked(client, contract, options)
  await client.query('rollback to savepoint contract')
  return report
}
