/** The report of the check, as `/schema-contract` and the command line show it. */

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'error'

export interface Check {
  name: string
  status: CheckStatus
  expected: string | null
  actual: string | null
  detail: string | null
}

export interface ContractReport {
  /** `fail`: the view violates the contract. `error`: the check could not decide. A warning fails nothing. */
  status: 'pass' | 'fail' | 'error'
  /** Version of the contract. */
  contract: string
  /** The applied migration that creates the view; null if it is not recorded or not readable. */
  migration: string | null
  server_version: string
  checks: Check[]
}

/** One line of the report. */
export const checkResult = (
  name: string,
  status: CheckStatus,
  expected: string | null,
  actual: string | null,
  detail: string | null = null,
): Check => ({ name, status, expected, actual, detail })

/** A violation outweighs a check that could not be completed. Neither is a pass. */
export function overallStatus(checks: readonly Check[]): ContractReport['status'] {
  if (checks.some((check) => check.status === 'fail')) return 'fail'
  return checks.length === 0 || checks.some((check) => check.status === 'error') ? 'error' : 'pass'
}
