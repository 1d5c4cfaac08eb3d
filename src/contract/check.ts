/** The check of a deployed view against the lock: read-only, without a right on exam_results, all problems at once. */
import type pg from 'pg'
import { readCalledFunctions, readColumns, readRelations, type Relation, rowSecurityApplies } from './catalog.js'
import { contractVersion, lockedColumns, migrationName } from './columns.js'
import { checkDefinitions } from './definition.js'
import { goldenCases } from './golden/cases.js'
import { goldenStatement, longestArray, runGolden } from './golden-run.js'
import { type Check, type ContractReport, found, overallStatus } from './report.js'

export type { Check, CheckStatus, ContractReport } from './report.js'

const kinds: Record<string, string> = {
  v: 'view',
  m: 'materialized view',
  r: 'table',
  p: 'partitioned table',
  f: 'foreign table',
  S: 'sequence',
  i: 'index',
  c: 'type',
}

/**
 * The client with its statements bounded by what is left of the time, on the server as well: none may run on after its
 * check was given up. What an aborted transaction still takes runs as it is.
 */
function bounded(client: pg.ClientBase, timeoutMs: number): pg.ClientBase {
  const end = Date.now() + timeoutMs
  const query = async (text: string, values?: unknown[]) => {
    if (!/^(savepoint|rollback)/.test(text)) {
      const left = Math.ceil(end - Date.now())
      if (left <= 0)
        throw Object.assign(new Error(`The check took longer than ${Math.ceil(timeoutMs)} ms.`), { code: '57014' })
      await client.query(`set local statement_timeout = ${left}`)
    }
    return client.query(text, values)
  }
  return { query } as unknown as pg.ClientBase
}

async function settings(client: pg.ClientBase, values: Record<string, string>): Promise<void> {
  const names = Object.keys(values)
  await client.query(
    `select ${names.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, true)`).join(', ')}`,
    names.flatMap((name) => [name, values[name] ?? '']),
  )
}

// The text of pg_get_viewdef and the meaning of a definition follow these. An empty path qualifies every name.
const plain = {
  search_path: 'pg_catalog',
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  bytea_output: 'hex',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
}
const foreign = {
  TimeZone: 'America/New_York',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
}

/** The long array has most of the rows, and no setting changes its length. */
const settingsMatterTo = goldenCases.filter(({ property }) => property !== 'long_array')

function checkColumns(columns: { name: string; type: string }[]): Check {
  const list = (some: readonly { name: string; type: string }[]) =>
    some.map(({ name, type }) => `${name} ${type}`).join(', ')
  const [expected, actual] = [list(lockedColumns), list(columns)]
  return found(
    'columns',
    expected === actual ? 'pass' : 'fail',
    expected,
    actual,
    'names, order and types, no more and no fewer',
  )
}

/** What the definition reads: one exam_results that is a table, and nothing else. */
function checkReads(
  relations: Relation[],
  root: Relation,
  others: string[],
): { checks: Check[]; table: Relation | undefined } {
  const inner = relations.filter((one) => one !== root)
  const sources = inner.filter((one) => one.name === 'exam_results')
  const foreigners = inner.filter((one) => one.name !== 'exam_results' && one.kind !== 'v')
  const wrong = sources.filter((one) => !['r', 'p'].includes(one.kind))
  const tables = sources.filter((one) => ['r', 'p'].includes(one.kind))
  const named = (one: Relation) => `${one.schema}.${one.name} (${kinds[one.kind] ?? one.kind})`
  const unknown = [...foreigners.map(named), ...others]
  return {
    table: tables[0],
    checks: [
      wrong.length > 0
        ? found(
            'source',
            'fail',
            'exam_results is a table',
            wrong.map(named).join(', '),
            'what stands in the place of the table decides which exams there are',
          )
        : tables.length === 1
          ? found('source', 'pass', 'exam_results is a table', tables.map(named).join(', '))
          : found(
              'source',
              tables.length === 0 ? 'fail' : 'error',
              'one table exam_results',
              tables.map(named).join(', ') || 'none',
            ),
      unknown.length > 0
        ? found(
            'reads',
            'error',
            'exam_results only',
            unknown.join(', '),
            'what the definition reads besides cannot be checked',
          )
        : found('reads', 'pass', 'exam_results only', inner.map(named).join(', ')),
    ],
  }
}

async function checkRowSecurity(client: pg.ClientBase, relations: Relation[]): Promise<Check> {
  const hidden: string[] = []
  for (const view of relations) {
    for (const table of relations.filter((one) => view.reads.includes(one.oid))) {
      if (await rowSecurityApplies(client, view, table))
        hidden.push(`${table.schema}.${table.name} read by ${view.name}`)
    }
  }
  return hidden.length === 0
    ? found('row_security', 'pass', 'not in force', 'not in force')
    : found(
        'row_security',
        'fail',
        'not in force',
        `in force on ${hidden.join(', ')}`,
        'policies leave out rows that the law keeps',
      )
}

async function appliedMigration(client: pg.ClientBase, schema: string): Promise<{ name: string | null; check: Check }> {
  const {
    rows: [log],
  } = await client.query<{ name: string }>(
    `
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = 'kysely_migration' and c.relkind = 'r'
      and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`,
    [schema],
  )
  const warn = (actual: string) => ({
    name: null,
    check: found(
      'migration',
      'warn',
      migrationName,
      actual,
      'the view may be right all the same; this only says who made it',
    ),
  })
  if (log === undefined) return warn('kysely_migration is not there or not readable')
  await client.query('savepoint migration')
  try {
    const { rows } = await client.query<{ name: string }>(
      `select name::text as name from ${log.name} where name = $1`,
      [migrationName],
    )
    return rows[0] === undefined
      ? warn('not recorded')
      : { name: rows[0].name, check: found('migration', 'pass', migrationName, rows[0].name) }
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error
    await client.query('rollback to savepoint migration')
    return warn('kysely_migration cannot be read')
  }
}

async function run(client: pg.ClientBase, relation: string): Promise<Omit<ContractReport, 'status' | 'contract'>> {
  // the one name that the session's own path resolves; nothing else on that path may stand in for what is built in
  const {
    rows: [named],
  } = await client.query<{ oid: string | null }>(
    'select pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text as oid',
    [relation],
  )
  await settings(client, plain)
  const {
    rows: [here],
  } = await client.query<{
    oid: string | null
    kind: string | null
    version: string
    schema: string | null
    unseen: boolean
  }>(
    `
    select c.oid::text as oid, c.relkind::text as kind, n.nspname::text as schema, current_setting('server_version') as version,
      exists (select 1 from pg_class u where u.relname = $2 and u.relkind = 'v' and not has_schema_privilege(u.relnamespace, 'usage')) as unseen
    from (select $1::oid as oid) r left join pg_class c on c.oid = r.oid left join pg_namespace n on n.oid = c.relnamespace`,
    [named?.oid, relation.split('.').at(-1)?.replaceAll('"', '')],
  )
  const server_version = here?.version ?? ''
  if (here === undefined || here.oid === null) {
    return {
      migration: null,
      server_version,
      checks: [
        found(
          'view',
          here?.unseen === true ? 'error' : 'fail',
          `a view ${relation}`,
          'nothing of that name on the search path',
          here?.unseen === true
            ? 'there is one in a schema that this role may not use'
            : 'run attempt-api migrate up (with --again where it was there before), or set the search_path',
        ),
      ],
    }
  }
  const checks: Check[] = [
    found('view', 'pass', `a view ${relation}`, `${here.schema}.${relation}`),
    found('kind', here.kind === 'v' ? 'pass' : 'fail', 'view', kinds[here.kind ?? ''] ?? here.kind),
  ]
  const columns = await readColumns(client, here.oid)
  checks.push(checkColumns(columns))
  const migration = await appliedMigration(client, here.schema ?? '')
  const report = () => ({ migration: migration.name, server_version, checks: [...checks, migration.check] })

  const relations = await readRelations(client, here.oid)
  const root = relations.find((one) => one.oid === here.oid)
  if (root === undefined || root.definition === null) {
    checks.push(found('golden', 'error', 'a definition to run', 'none', 'only a view has one'))
    return report()
  }
  const called = await readCalledFunctions(
    client,
    relations.map((one) => one.oid),
  )
  const definitions = await checkDefinitions(client, relations, called, longestArray)
  const reads = checkReads(relations, root, definitions.reads)
  checks.push(...reads.checks, await checkRowSecurity(client, relations), ...definitions.checks)

  const lacking = lockedColumns.filter((locked) => !columns.some((column) => column.name === locked.name))
  const unreadable = reads.checks.filter((check) => check.status !== 'pass').map((check) => check.name)
  if (lacking.length > 0 || unreadable.length > 0) {
    checks.push(
      found(
        'golden',
        'error',
        'a definition to run',
        'not run',
        lacking.length > 0
          ? `columns are missing: ${lacking.map((one) => one.name).join(', ')}`
          : `see ${unreadable.join(', ')}`,
      ),
    )
    return report()
  }
  const source = reads.table === undefined ? [] : await readColumns(client, reads.table.oid)
  const statement = goldenStatement(relations, root, reads.table, source)
  // A function's body finds other functions on the path; the definitions themselves are qualified.
  const schemas = new Set([...relations, ...definitions.functions].map((one) => one.schema))
  await settings(client, {
    search_path: ['pg_catalog', ...schemas].map((name) => `"${name.replaceAll('"', '""')}"`).join(', '),
  })
  const first = await runGolden(client, statement, source, 'TimeZone UTC')
  // where the definition did not run at all, it would not a second time
  const ran = !first.some((check) => check.name === 'golden')
  if (ran) await settings(client, foreign)
  const second = ran
    ? await runGolden(client, statement, source, 'TimeZone America/New_York, DateStyle SQL', settingsMatterTo)
    : []
  const worse = new Map(second.filter((check) => check.status !== 'pass').map((check) => [check.name, check]))
  checks.push(...first.map((check) => (check.status === 'pass' ? (worse.get(check.name) ?? check) : check)))
  checks.push(...[...worse.values()].filter((check) => !first.some((one) => one.name === check.name)))
  return report()
}

async function checked(client: pg.ClientBase, options: CheckOptions): Promise<ContractReport> {
  const session = options.timeoutMs === undefined ? client : bounded(client, options.timeoutMs)
  const report = await run(session, options.relation ?? 'attempt')
  return { status: overallStatus(report.checks), contract: contractVersion, ...report }
}

export interface CheckOptions {
  relation?: string
  timeoutMs?: number
}

/**
 * Checks the deployed view against the lock, on a connection that is in no transaction. Runs in one read-only
 * transaction that is rolled back, so the session's settings stay; reads catalogs only. Throws when the connection
 * fails or `timeoutMs` have passed before the rows could be compared; without it the session's statement_timeout holds.
 */
export async function checkContract(client: pg.ClientBase, options: CheckOptions = {}): Promise<ContractReport> {
  await client.query('begin transaction isolation level repeatable read, read only')
  try {
    return await checked(client, options)
  } finally {
    await client.query('rollback').catch(() => undefined)
  }
}

/** The same inside a transaction, for a view that is not committed yet: whatever it set is rolled back to a savepoint. */
export async function checkContractWithin(client: pg.ClientBase, options: CheckOptions = {}): Promise<ContractReport> {
  await client.query('savepoint contract')
  await client.query('set local transaction_read_only = on')
  const report = await checked(client, options)
  await client.query('rollback to savepoint contract')
  return report
}
