/** Runs the contract check: concurrent callers share one run, and the last result is kept. */
import { checkContract } from '../contract/check.js'
import { attemptV1, contractVersion } from '../contract/attempt-v1.js'
import { checkResult, type ContractReport } from '../contract/report.js'
import type { Config } from '../config.js'
import { pause } from '../database/pause.js'
import { refusalOf } from '../database/refusals.js'
import { databaseErrorCode, whyUnreachable } from '../errors.js'
import type { ProbeConnections } from './probe-connections.js'

export interface ContractResult {
  report: ContractReport
  at: Date
  /** Milliseconds that the check took. */
  ms: number
}

export interface ContractMonitor {
  /** Begins to check every CONTRACT_INTERVAL_S. */
  start(): void
  /** Runs the check, or joins a run that has not ended. Never rejects: a check that cannot run gives a report too. */
  check(): Promise<ContractReport>
  /** The result of the last run; undefined before the first. */
  last(): ContractResult | undefined
  close(): Promise<void>
}

/** At most two checks begin in this time. Any caller may request a check, and each one runs the view many times. */
const twoChecksMs = 1_000

const notChecked = (detail: string): ContractReport => ({
  status: 'error',
  contract: contractVersion,
  migration: null,
  server_version: 'unknown',
  checks: [checkResult('connection', 'error', 'an answer of the database', null, detail)],
})

export function createContractMonitor(
  config: Pick<Config, 'contractTimeoutMs' | 'contractIntervalS'>,
  connections: ProbeConnections,
): ContractMonitor {
  const { contractTimeoutMs } = config
  let running: Promise<ContractReport> | undefined
  let last: ContractResult | undefined
  let timer: NodeJS.Timeout | undefined
  // start times of the last two checks
  let [beforeLast, began] = [-Infinity, -Infinity]
  const closing = new AbortController()

  async function run(): Promise<ContractReport> {
    const early = beforeLast + twoChecksMs - performance.now()
    if (early > 0) await pause(early, closing.signal)
    beforeLast = began
    began = performance.now()
    const end = Date.now() + contractTimeoutMs
    const report = await connections
      // a tenth of the time is reserved for the report, which then has the results so far
      .run(contractTimeoutMs, (client) =>
        checkContract(client, attemptV1, { timeoutMs: end - Date.now() - contractTimeoutMs / 10 }),
      )
      .catch((error: unknown) =>
        notChecked(
          databaseErrorCode(error) === 'timeout'
            ? `the database did not answer within CONTRACT_TIMEOUT_MS (${contractTimeoutMs} ms); retry`
            : refusalOf(error) === undefined
              ? `${whyUnreachable(error)}, or it refused the check; retry`
              : `${whyUnreachable(error)}: retrying does not help; the log of the service says what to change`,
        ),
      )
    last = { report, at: new Date(), ms: performance.now() - began }
    return report
  }

  const check = (): Promise<ContractReport> =>
    (running ??= run().finally(() => {
      running = undefined
    }))

  return {
    start() {
      timer = setInterval(() => {
        void check()
      }, config.contractIntervalS * 1000)
      timer.unref()
    },
    check,
    last: () => last,
    async close() {
      closing.abort()
      clearInterval(timer)
      await running
    },
  }
}
