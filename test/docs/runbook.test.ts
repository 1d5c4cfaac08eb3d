/**
 * Runs the commands of docs/runbook.md that are marked `run`, in order, against one new database and one service.
 * A block of the language `text` after a block is its output: each of its lines must come, in that order. Numbers,
 * times and hashes may differ, a line `...` stands for any lines, and a line that ends in `...` is a beginning.
 * `exit=N`: the exit code of the last command. `sql run`: run through the driver; `hold`: the session stays open.
 */
import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import pg from 'pg'
import { cohort } from '../../src/development/cohort.js'
import { loadExamResults } from '../../src/development/load.js'
import { executable } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'
import { startService } from '../helpers/service.js'

const runbook = readFileSync('docs/runbook.md', 'utf8')
const blocks = [...runbook.matchAll(/^```(sh|sql) run([^\n]*)\n([^]*?)^```\n(?:\n?```text\n([^]*?)^```)?/gm)].map(
  ([, language = '', options = '', commands = '', output = '']) => ({
    language,
    commands,
    output,
    exit: Number(/exit=(\d+)/.exec(options)?.[1] ?? 0),
    hold: options.includes('hold'),
  }),
)

/** What stays the same from run to run. */
const shape = (line: string) =>
  line
    .trim()
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T')
    .replace(/\b[0-9a-f]{12,64}\b/g, 'H')
    .replace(/attempt_key_\w+/g, 'KEY')
    .replace(/\d+/g, '1')
    .replace(/[ -]*[+|][ -]*/g, '|')
    .replace(/\s+/g, ' ')

/** @returns the documented line that did not come */
function missing(documented: string, said: string): string | undefined {
  const lines = said.split('\n').map(shape)
  let at = 0
  for (const line of documented.split('\n')) {
    if (line.trim() === '' || line.trim() === '...' || /^[-+]+$/.test(line.trim())) continue
    const wanted = shape(line)
    const found = lines.findIndex(
      (candidate, index) =>
        index >= at &&
        (wanted.endsWith('...') ? candidate.startsWith(wanted.slice(0, -3).trimEnd()) : candidate === wanted),
    )
    if (found === -1) return line
    at = found + 1
  }
  return undefined
}

t.test('what is compared', async (t) => {
  t.equal(missing('a 1\n...\nb 2026-01-01T00:00:00.000Z ...', 'a 7\nx\nb 2027-01-01T00:00:00.000Z and more'), undefined)
  t.equal(missing('b\na', 'a\nb'), 'a')
  t.equal(missing('a', 'a b'), 'a')
})

t.test(
  'every marked command of the runbook',
  spawnSync('curl', ['--version']).status === 0 ? {} : { skip: 'curl is not installed' },
  async (t) => {
    t.ok(blocks.length > 20, `${blocks.length} blocks`)
    const db = await createDatabase(t, { migrated: false })
    await loadExamResults(
      db.pool,
      (function* () {
        for (const exam of cohort({
          exams: 300,
          questions: 20,
          students: 40,
          items: 100,
          days: 20,
          end: new Date('2026-03-12T00:00:00Z'),
          seed: 1,
        }))
          yield JSON.stringify(exam)
      })(),
    )
    const folder = t.testdir({})
    await executable(t, folder)
    // without its regular contract checks, which would block the commands that wait for a table lock
    const service = await startService(t, {
      DATABASE_URL: db.url,
      CONTRACT_TIMEOUT_MS: '60000',
      CONTRACT_INTERVAL_S: '3600',
      STORE_LAG_S: '600',
    })
    const env = {
      ...process.env,
      DATABASE_URL: db.url,
      CONTRACT_TIMEOUT_MS: '60000',
      SERVICE: service.url,
      PATH: `${folder}${delimiter}${process.env['PATH']}`,
    }
    const inShell = async (commands: string) => {
      const child = spawn('sh', ['-eu', '-c', `exec 2>&1\ncd "${folder}"\n${commands}`], { env })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      const [code] = (await once(child, 'close')) as [number]
      return { code, said }
    }
    const cell = (value: unknown) =>
      value === null
        ? ''
        : value === true
          ? 't'
          : value === false
            ? 'f'
            : value instanceof Date
              ? value.toISOString()
              : Array.isArray(value)
                ? `{${value.join(',')}}`
                : String(value)
    const inSql = async (commands: string, hold: boolean) => {
      const client = new pg.Client({ connectionString: db.url, application_name: hold ? 'report' : 'psql' })
      client.on('error', () => undefined)
      t.teardown(() => client.end().catch(() => undefined))
      await client.connect()
      try {
        const results = [await client.query({ text: commands, rowMode: 'array' })].flat()
        return {
          code: 0,
          said: results
            .filter(({ fields }) => fields.length > 0)
            .flatMap(({ fields, rows }) => [
              fields.map(({ name }) => name).join(' | '),
              ...(rows as unknown as unknown[][]).map((row) => row.map(cell).join(' | ')),
            ])
            .join('\n'),
        }
      } catch (error) {
        return { code: 1, said: (error as Error).message }
      } finally {
        if (!hold) await client.end()
      }
    }
    for (const { language, commands, output, exit, hold } of blocks) {
      const { code, said } = await (language === 'sh' ? inShell(commands) : inSql(commands, hold))
      t.equal(code, exit, `${commands}${said}`)
      t.equal(missing(output, said), undefined, commands, { said })
    }
  },
)
