/** The answer of the check, as `/schema-contract` and the command line show it. */

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'error'

export interface Check {
  name: string
  status: CheckStatus
  expected: string | null
  actual: string | null
  detail: string | null
}

export interface ContractReport {
  /** `fail`: the deployed view contradicts the lock. `error`: it could not be checked. A warning fails nothing. */
  status: 'pass' | 'fail' | 'error'
  contract: string
  /** The applied migration of the lock, null where it is not recorded or not readable. */
  migration: string | null
  server_version: string
  checks: Check[]
}

/** One check that found this. */
export const found = (
  name: string,
  status: CheckStatus,
  expected: string | null,
  actual: string | null,
  detail: string | null = null,
): Check => ({ name, status, expected, actual, detail })

/** A contradiction outweighs what could not be checked; neither is ever a pass. */
export function overallStatus(checks: readonly Check[]): ContractReport['status'] {
  if (checks.some((check) => check.status === 'fail')) return 'fail'
  return checks.length === 0 || checks.some((check) => check.status === 'error') ? 'error' : 'pass'
}
