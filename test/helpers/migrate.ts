/** The command `migrate`, run inside the test: what it says and its exit code, without the start of a process. */
import { command } from './cli.js'

export interface Said {
  code: number
  said: string
}

/** Objects among the arguments are settings. */
export async function migrateCommand(url: string, ...given: (string | Record<string, string>)[]): Promise<Said> {
  const args = given.filter((one): one is string => typeof one === 'string')
  const settings = Object.assign({}, ...given.filter((one) => typeof one !== 'string')) as Record<string, string>
  const { status, stdout, stderr } = await command(['migrate', ...args], {
    DATABASE_URL: url,
    CONTRACT_TIMEOUT_MS: '60000',
    ...settings,
  })
  return { code: status, said: `${stdout}${stderr}`.trimEnd() }
}
