import { attemptV1 } from '../../contract/attempt-v1.js'
import { checkContract } from '../../contract/check.js'
import { requireInstalled } from '../../contract/installed.js'
import type { Check, ContractReport } from '../../contract/report.js'
import { columns, defineCommand, flag, type Option, UsageError } from '../command.js'
import { withPool } from '../database.js'
import { describeFailure, withoutSecrets } from '../failure.js'

const exits = { pass: 0, fail: 1, error: 3 } as const

const conclusions = {
  pass: 'The contract holds.',
  fail: 'The deployed view violates the contract: roll back.',
  error: 'The contract could not be checked: retry.',
} as const

const definition: Option<'installed' | undefined> = {
  help: 'also require the definitions that this version installs, text for text',
  value: 'installed',
  read(given) {
    const value = given.at(-1)
    if (value === undefined || value === 'installed') return value
    throw new UsageError(`--definition must be installed, such as --definition installed; got "${value}"`)
  },
}

const detailOf = ({ status, detail, expected, actual }: Check) =>
  status === 'pass'
    ? ''
    : [detail, `expected ${expected ?? 'nothing'}`, `found ${actual ?? 'nothing'}`].filter(Boolean).join('; ')

/** A version of the service cannot restore a column of another team's table. */
const sourceChanged =
  'The contract does not hold because columns of exam_results were changed: see source_columns. Rolling back the ' +
  'service does not help.'

/** A report that fails for another text only: the rows are right. */
const onlyText = ({ checks }: ContractReport) =>
  checks.every(({ name, status }) => status !== 'fail' || name === 'definition')

const conclusion = (report: ContractReport) => {
  const { status, checks } = report
  if (status !== 'fail') return conclusions[status]
  if (checks.some((check) => check.name === 'source_columns' && check.status !== 'pass')) return sourceChanged
  return onlyText(report)
    ? 'The deployed definitions are not those that this version installs; every golden row is right.'
    : conclusions.fail
}

const describe = (report: ContractReport) =>
  `${columns([
    ['check', 'status', 'detail'],
    ...report.checks.map((check) => [check.name, check.status, detailOf(check)]),
  ])}\n\n${conclusion(report)}`

export const verify = defineCommand({
  examples: [
    ['attempt-api contract verify', 'a table with one line per check'],
    ['attempt-api contract verify --definition installed', 'fails for a changed text too'],
  ],
  description: `
    Checks the view attempt in DATABASE_URL against docs/attempt-v1.md: its columns and types, what it reads, and the
    rows that its definition gives for the golden rows. Changes nothing. CONTRACT_TIMEOUT_MS (default: 5000
    milliseconds) limits the check.`,
  options: { definition, json: flag('print JSON') },
  exits: {
    0: 'the contract holds',
    1: 'the view violates the contract, or a definition is not the installed one (--definition)',
    3: 'the contract could not be checked: retry',
  },
  async run({ definition, json }, { config }) {
    const settings = config()
    try {
      return await withPool(
        settings,
        async (pool) => {
          const client = await pool.connect()
          let done = false
          try {
            const checked = await checkContract(client, attemptV1, { timeoutMs: settings.contractTimeoutMs })
            const report = definition === 'installed' ? requireInstalled(checked) : checked
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
