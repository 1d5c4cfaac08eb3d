/** The command `migrate`, run inside the test: what it says and its exit code, without the start of a process. */
import { migrate } from '../../src/cli/migrate.js'
import { sentenceOf } from '../../src/cli/failure.js'
import { readConfig } from '../../src/config.js'

export interface Said { code: number; said: string }

let queue: Promise<unknown> = Promise.resolve()

/** One at a time: what is printed must be its own. Objects among the arguments are settings. */
export function migrateCommand(url: string, ...given: (string | Record<string, string>)[]): Promise<Said> {
  const args = given.filter((one): one is string => typeof one === 'string')
  const settings = Object.assign({}, ...given.filter((one) => typeof one !== 'string')) as Record<string, string>
  const run = async (): Promise<Said> => {
    const lines: string[] = []
    const { log } = console
    console.log = (line: unknown) => { lines.push(String(line)) }
    try {
      const code = await migrate.run(args, () => readConfig({ DATABASE_URL: url, CONTRACT_TIMEOUT_MS: '60000', ...settings }))
      return { code, said: lines.join('\n') }
    } catch (error) {
      return { code: (error as { exitCode?: number }).exitCode ?? 2, said: [...lines, sentenceOf(error)].join('\n') }
    } finally {
      console.log = log
    }
  }
  const result = queue.then(run)
  queue = result.catch(() => undefined)
  return result
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
