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

/** Whether an SQLSTATE is about the contents of rows, so that the view is not total; others are about the check. */
const isAboutRows = (sqlState: string) => /^(22|21|23|P0001)/.test(sqlState)

/** Runs a statement in a savepoint. @throws the driver's error if the connection is lost */
async function outcomeOf(client: SqlClient, sql: string, exams: string): Promise<Outcome> {
  await client.query('savepoint golden')
  try {
    const { rows } = await client.query<{ rows: GoldenRow[] }>(sql, [exams])
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
  if (!isAboutRows(all.failure.sqlState)) return notRun(all.failure)
  const source = await outcomeOf(client, statement.source, exams)
  if ('failure' in source) return notRun(source.failure)

  // the definition raises an error on some contents: find the cases
  const checks: Check[] = []
  for (const one of cases) {
    const outcome = await outcomeOf(client, statement.rows, goldenExamsJson([one], columns))
    if ('rows' in outcome) {
      checks.push(compareRows(contract, one, outcome.rows, settings))
      continue
    }
    const { sqlState, message } = outcome.failure
    checks.push(
      checkResult(
        `golden:${one.property}`,
        isAboutRows(sqlState) ? 'fail' : 'error',
        `${one.rows.length} rows`,
        `SQLSTATE ${sqlState}: ${message}`,
        `${one.why}; the view raises an error on these exams (${settings})`,
      ),
    )
  }
  return checks
}
