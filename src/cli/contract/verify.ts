import { attemptV1 } from '../../contract/attempt-v1.js'
import { checkContract } from '../../contract/check.js'
import type { Check, ContractReport } from '../../contract/report.js'
import { columns, defineCommand, flag } from '../command.js'
import { withPool } from '../database.js'
import { describeFailure, withoutSecrets } from '../failure.js'

const exits = { pass: 0, fail: 1, error: 3 } as const

const conclusions = {
  pass: 'The contract holds.',
  fail: 'The deployed view violates the contract: roll back.',
  error: 'The contract could not be checked: retry.',
} as const

const detailOf = ({ status, detail, expected, actual }: Check) =>
  status === 'pass'
    ? ''
    : [detail, `expected ${expected ?? 'nothing'}`, `found ${actual ?? 'nothing'}`].filter(Boolean).join('; ')

/** A version of the service cannot restore a column of another team's table. */
const sourceChanged =
  'The contract does not hold because columns of exam_results were changed: see source_columns. Rolling back the ' +
  'service does not help.'

const conclude = ({ status, checks }: ContractReport) =>
  status === 'fail' && checks.some((check) => check.name === 'source_columns' && check.status !== 'pass')
    ? sourceChanged
    : conclusions[status]

const describe = (report: ContractReport) =>
  `${columns([
    ['check', 'status', 'detail'],
    ...report.checks.map((check) => [check.name, check.status, detailOf(check)]),
  ])}\n\n${conclude(report)}`

export const verify = defineCommand({
  examples: [
    ['attempt-api contract verify', 'a table with one line per check'],
    ['attempt-api contract verify --json', 'the report for a script'],
  ],
  description: `
    Checks the view attempt in DATABASE_URL against docs/attempt-v1.md: its columns and types, what it reads, and the
    rows that its definition gives for the golden rows. Changes nothing. CONTRACT_TIMEOUT_MS (default: 5000
    milliseconds) limits the check.`,
  options: { json: flag('print JSON') },
  exits: {
    0: 'the contract holds',
    1: 'the view violates the contract',
    3: 'the contract could not be checked: retry',
  },
  async run({ json }, { config }) {
    const settings = config()
    try {
      return await withPool(
        settings,
        async (pool) => {
          const client = await pool.connect()
          let done = false
          try {
            const report = await checkContract(client, attemptV1, { timeoutMs: settings.contractTimeoutMs })
            console.log(json ? JSON.stringify(report, null, 2) : describe(report))
            done = true
            return exits[report.status]
          } finally {
            client.release(!done)
          }
        },
        // PostgreSQL limits its statements; the extra second limits a server that does not answer
        { connectMs: settings.contractTimeoutMs, answerMs: settings.contractTimeoutMs + 1_000 },
      )
    } catch (error) {
      console.error(`attempt-api: the contract could not be checked: ${withoutSecrets(describeFailure(error))}`)
      return exits.error
    }
  },
})
