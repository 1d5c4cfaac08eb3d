import { attemptV1 } from '../contract/attempt-v1.js'
import { checkContract } from '../contract/check.js'
import { odcsDocument } from '../contract/odcs.js'
import { sentenceOf, withoutSecrets } from './failure.js'
import { parse, table, UsageError, withPool, type Command } from './command.js'

const exits = { pass: 0, fail: 1, error: 3 } as const

export const contract: Command = {
  summary: 'verify the deployed view, or export the contract',
  help: `attempt-api contract verify [--json] | export

verify  runs the whole check of the lock on DATABASE_URL; exit 0: it holds, 1: drift, 3: could not
        be checked, also where the server does not answer (CONTRACT_TIMEOUT_MS)
export  prints the contract as an Open Data Contract Standard 3.1.0 document`,
  async run(args, config) {
    const {
      values,
      positionals: [verb, ...rest],
    } = parse(args, { json: { type: 'boolean' } })
    if (rest.length > 0 || (verb !== 'verify' && verb !== 'export'))
      throw new UsageError('contract takes one of verify, export')
    if (verb === 'export') {
      process.stdout.write(odcsDocument(attemptV1))
      return 0
    }
    const settings = config()
    try {
      return await withPool(
        settings,
        async (pool) => {
          const client = await pool.connect()
          let done = false
          try {
            const report = await checkContract(client, attemptV1, { timeoutMs: settings.contractTimeoutMs })
            if (values.json === true) console.log(JSON.stringify(report, null, 2))
            else {
              console.log(
                table([
                  ['check', 'status', 'detail'],
                  ...report.checks.map((check) => [
                    check.name,
                    check.status,
                    check.status === 'pass'
                      ? ''
                      : [check.detail, `expected ${check.expected ?? 'nothing'}`, `found ${check.actual ?? 'nothing'}`]
                          .filter(Boolean)
                          .join('; '),
                  ]),
                ]),
              )
              console.log(
                `\n${report.status === 'pass' ? 'The lock holds.' : report.status === 'fail' ? 'The deployed view contradicts the lock: roll back.' : 'The lock could not be checked: try again.'}`,
              )
            }
            done = true
            return exits[report.status]
          } finally {
            client.release(!done)
          }
          // the server bounds its statements; a server that is silent is bounded here
        },
        { connectMs: settings.contractTimeoutMs, answerMs: settings.contractTimeoutMs + 1_000 },
      )
    } catch (error) {
      console.error(`attempt-api: the lock could not be checked: ${withoutSecrets(sentenceOf(error))}`)
      return exits.error
    }
  },
}
