/** What every command has in common: its help, its options and what it refuses. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { commands } from '../../src/cli/commands.js'
import { command } from '../helpers/cli.js'

const names = Object.entries(commands).flatMap(([name, entry]) =>
  'load' in entry ? [name] : Object.keys(entry.verbs).map((verb) => `${name} ${verb}`),
)

t.test('--help of each command: two examples, then its options, then its exit codes', async (t) => {
  for (const name of names) {
    for (const help of ['--help', '-h']) {
      const { status, stdout, stderr } = await command([...name.split(' '), help])
      t.match({ status, stderr }, { status: 0, stderr: '' }, name)
      const parts = stdout.split('\n\n')
      t.match(parts[0], new RegExp(`^attempt-api ${name}: \\S`), name)
      t.match(parts[1], new RegExp(`^Usage: attempt-api ${name}`), name)
      const examples = parts[2]?.split('\n') ?? []
      t.equal(examples[0], 'Examples:', name)
      t.equal(examples.filter((line) => line.includes(`attempt-api ${name}`)).length, 2, `two examples of ${name}`)
      t.equal(examples.length, 5, `each with its purpose: ${name}`)
      t.match(parts.at(-2), /^Options:\n(.*\n)* {2}-h, --help/, name)
      t.match(parts.at(-1), /^Exit codes:\n {2}0 {2}/, name)
      t.notOk(
        stdout.split('\n').find((line) => line.length > 130),
        `fits a terminal: ${name}`,
      )
    }
  }
})

t.test('the examples of the help are accepted: each names a command and only its options', async (t) => {
  for (const name of names) {
    const { stdout } = await command([...name.split(' '), '--help'])
    const options = [...stdout.slice(stdout.indexOf('\n\nOptions:')).matchAll(/^ {2}(?:-h, )?(--[a-z-]+)/gm)]
    const known = options.map(([, option]) => option)
    for (const line of stdout.slice(0, stdout.indexOf('\n\nOptions:')).matchAll(/^ {2}\S.*attempt-api .*$/gm)) {
      const [own = ''] = (line[0].split('attempt-api ')[1] ?? '').split(/[|>&]/)
      for (const [used] of own.matchAll(/--[a-z-]+/g)) t.ok(known.includes(used), `${name}: ${used}`)
    }
  }
})

t.test('help of the program and of a group lists what there is', async (t) => {
  const program = await command(['--help'])
  t.equal(program.status, 0)
  for (const name of Object.keys(commands)) t.match(program.stdout, new RegExp(`^  ${name} +\\w`, 'm'))
  t.match(await command([]), { status: 2, stdout: program.stdout })
  const group = await command(['migrate', '--help'])
  t.equal(group.status, 0)
  for (const verb of ['up', 'down', 'status', 'plan'])
    t.match(group.stdout, new RegExp(`^  attempt-api migrate ${verb} +\\w`, 'm'))
})

t.test('--version prints the versions of attempt-api and Node', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  for (const option of ['--version', '-v'])
    t.match(await command([option]), {
      status: 0,
      stdout: `attempt-api ${version} (Node ${process.version})\n`,
      stderr: '',
    })
})

t.test('what a command does not have is refused, and the sentence lists what it has', async (t) => {
  const refusals: [string, string][] = [
    ['migrate status --replace', 'migrate status has no option --replace. Its options: --json, --help'],
    [
      'migrate up --jsno',
      'migrate up has no option --jsno. Its options: --wait, --replace, --again, --no-indexes, --help',
    ],
    ['store verify --shar 1', 'store verify has no option --shar. Did you mean --share? Its options: --share, --help'],
    ['store status --once', 'store status has no option --once. Its options: --help'],
    ['serve --port 3000', 'serve has no option --port. Its options: --help'],
    ['contract export --json', 'contract export has no option --json. Its options: --help'],
    ['key check -q', 'key check has no option -q. Its options: --help'],
    ['migrate up --wait', 'migrate up: --wait needs a value: --wait SECONDS'],
    ['migrate up --wait soon', '--wait must be whole seconds from 0 to 999999, such as --wait 60; got "soon"'],
    ['migrate up --again=yes', 'migrate up: --again takes no value'],
    ['migrate up twice', 'migrate up takes no arguments; got "twice". See attempt-api migrate up --help'],
    ['generate --exams 0', '--exams must be a whole number of at least 1; got "0"'],
    ['generate --end never', '--end must be a date or a timestamp, such as 2026-03-12T00:00:00Z; got "never"'],
    ['store verify --share half', '--share must be a number above 0 and at most 1, such as --share 0.1; got "half"'],
    ['load', 'load needs FILE.ndjson[.gz]. See attempt-api load --help'],
    ['load a b', 'load takes one argument; got "b". See attempt-api load --help'],
    ['migrate', 'migrate needs a verb: up, down, status, plan. See attempt-api migrate --help'],
    [
      'migrate stauts',
      'Unknown verb of migrate "stauts". Did you mean status? Available: up, down, status, plan. ' +
        'See attempt-api migrate --help',
    ],
    [
      'migrat up',
      'Unknown command "migrat". Did you mean migrate? Available: serve, migrate, contract, store, key, load, ' +
        'generate. See attempt-api --help',
    ],
    [
      'toString',
      'Unknown command "toString". Available: serve, migrate, contract, store, key, load, generate. ' +
        'See attempt-api --help',
    ],
  ]
  for (const [line, sentence] of refusals)
    t.same(await command(line.split(' ')), { status: 2, stdout: '', stderr: `attempt-api: ${sentence}\n` }, line)
})
