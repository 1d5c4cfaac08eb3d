/** Runs the deployed definition on golden exams and compares what it gives. */
import type { Contract } from './contract.js'
import type { GoldenCase, GoldenRow } from './golden/types.js'
import { compareRows, rowsByProperty } from './golden-compare.js'
import { goldenExamsJson, type GoldenStatement } from './golden-statement.js'
import { type Check, checkResult } from './report.js'
import type { SqlClient } from './sql-client.js'

interface Failure {
  sqlState: string
  message: string
}
type Outcome = { rows: GoldenRow[] } | { failure: Failure }

/**
 * SQLSTATEs that circumstances cause: connection, rights, transaction, resources, locks, cancellation, the server's
 * files, other servers. Any other error comes from the definition or from the rows, and every reader of the view
 * receives it. 55000 is one of those: PL/pgSQL raises it for a record without a value.
 */
const isCircumstance = (sqlState: string) =>
  /^(08|0B|0L|0P|25|26|28|3B|3D|40|42501|53|55006|55P|57|58|72|F0|HV)/.test(sqlState)

/** An internal error, such as one about an object that another session has just dropped. */
const isInternal = (sqlState: string) => sqlState.startsWith('XX')

/** Runs a statement in a savepoint. @throws the driver's error if the connection is lost */
async function outcomeOf(client: SqlClient, sql: string, ...exams: string[]): Promise<Outcome> {
  await client.query('savepoint golden')
  try {
    const { rows } = await client.query<{ rows: GoldenRow[] }>(sql, exams)
    return { rows: rows[0]?.rows ?? [] }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code === undefined || !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code)) throw error
    await client.query('rollback to savepoint golden')
    return { failure: { sqlState: code, message } }
  }
}

const notRun = ({ sqlState, message }: Failure): Check[] => [
  checkResult('golden', 'error', 'the definition runs on the golden rows', `SQLSTATE ${sqlState}`, message),
]

/**
 * Reports an error that the statement raises without any row. If the server cannot plan the deployed view either, the
 * view is broken; else the check's own statement is.
 */
async function withoutRows(
  client: SqlClient,
  contract: Contract,
  { plan }: GoldenStatement,
  failure: Failure,
): Promise<Check[]> {
  const planned =
    isCircumstance(failure.sqlState) || isInternal(failure.sqlState) ? undefined : await outcomeOf(client, plan)
  if (planned === undefined || !('failure' in planned) || planned.failure.sqlState !== failure.sqlState)
    return notRun(failure)
  return [
    checkResult(
      'golden',
      'fail',
      'the definition runs on the golden rows',
      `SQLSTATE ${failure.sqlState}: ${failure.message}`,
      `every query that reads ${contract.view} raises this error`,
    ),
  ]
}

/**
 * Runs the statement under the settings in force and compares every case.
 * @param cases those of the contract's golden cases to run
 * @param settings the settings in force, for the report
 * @returns one check per case, or the one check `golden` if the definition does not run at all
 */
export async function runGolden(
  client: SqlClient,
  contract: Contract,
  cases: readonly GoldenCase[],
  statement: GoldenStatement,
  settings: string,
): Promise<Check[]> {
  const { columns } = statement
  const exams = goldenExamsJson(cases, columns)
  const all = await outcomeOf(client, statement.rows, exams)
  if ('rows' in all) {
    const rows = rowsByProperty(contract, all.rows)
    return cases.map((one) => compareRows(contract, one, rows.get(one.property) ?? [], settings))
  }
  if (isCircumstance(all.failure.sqlState)) return notRun(all.failure)
  const source = await outcomeOf(client, statement.source, exams)
  if ('failure' in source) return notRun(source.failure)
  const empty = await outcomeOf(client, statement.rows, '[]')
  if ('failure' in empty) return withoutRows(client, contract, statement, empty.failure)

  // the definition raises an error on some contents: find the cases
  const checks: Check[] = []
  let raised = 0
  for (const one of cases) {
    const outcome = await outcomeOf(client, statement.rows, goldenExamsJson([one], columns))
    if ('rows' in outcome) {
      checks.push(compareRows(contract, one, outcome.rows, settings))
      continue
    }
    raised++
    const { sqlState, message } = outcome.failure
    checks.push(
      checkResult(
        `golden:${one.property}`,
        isCircumstance(sqlState) ? 'error' : 'fail',
        `${one.rows.length} rows`,
        `SQLSTATE ${sqlState}: ${message}`,
        `${one.why}; the view raises an error on these exams (${settings})`,
      ),
    )
  }
  if (raised > 0) return checks
  const { sqlState, message } = all.failure
  return [
    ...checks,
    checkResult(
      'golden',
      isInternal(sqlState) ? 'error' : 'fail',
      'the definition runs on the golden rows',
      `SQLSTATE ${sqlState}: ${message}`,
      `the view raises an error on all exams together, and on none of the cases alone (${settings})`,
    ),
  ]
}
