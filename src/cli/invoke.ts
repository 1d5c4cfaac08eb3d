/** One call of the command line, from its arguments to its exit code. */
import { readConfig, type Config } from '../config.js'
import { serviceVersion } from '../version.js'
import { columns, suggestion, UsageError } from './command.js'
import { commands, type CommandEntry, type CommandGroup } from './commands.js'
import { describeFailure, exitCodeOf, withoutSecrets } from './failure.js'

const isHelp = (arg: string) => arg === '--help' || arg === '-h'

const listOf = (entries: Readonly<Record<string, CommandEntry | CommandGroup>>, before = '') =>
  columns(Object.entries(entries).map(([name, { summary }]) => [`  ${before}${name}`, summary]))

const programHelp = () => `attempt-api: a read-only HTTP API over the PostgreSQL view attempt, and its migrations

Examples:
  attempt-api serve
      run the service; without DATABASE_URL, on an embedded PostgreSQL with sample data
  DATABASE_URL=postgres://migrator@db.example.com/exams attempt-api migrate up
      create the view in a database that has the table exam_results

Commands:
${listOf(commands)}

Options:
  -h, --help     print this help; attempt-api COMMAND --help prints the help of one command
  -v, --version  print the versions of attempt-api and Node

Exit codes:
  0  done
  1  refused or failed
  2  the command line is wrong
  Other codes are in the help of each command.`

const groupHelp = (name: string, { summary, verbs }: CommandGroup) => `attempt-api ${name}: ${summary}

Verbs:
${listOf(verbs, `attempt-api ${name} `)}

attempt-api ${name} VERB --help prints examples, options and exit codes.`

const unknown = (what: string, typed: string, known: string[], help: string) => {
  const meant = suggestion(typed, known)
  return new UsageError(
    `Unknown ${what} "${typed}".${meant === undefined ? '' : ` Did you mean ${meant}?`} ` +
      `Available: ${known.join(', ')}. See ${help}`,
  )
}

/** The entry of `name`. A property that every object inherits, such as toString, is not an entry. */
const entryOf = <Entry>(entries: Readonly<Record<string, Entry>>, name: string): Entry | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined

async function run([name, ...args]: string[], config: () => Config): Promise<number> {
  if (name === undefined || isHelp(name)) {
    console.log(programHelp())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-v') {
    console.log(`attempt-api ${serviceVersion} (Node ${process.version})`)
    return 0
  }
  const found = entryOf(commands, name)
  if (found === undefined) throw unknown('command', name, Object.keys(commands), 'attempt-api --help')
  if ('load' in found) return runCommand(name, found, args, config)
  const [verb, ...rest] = args
  if (verb !== undefined && isHelp(verb)) {
    console.log(groupHelp(name, found))
    return 0
  }
  const verbs = Object.keys(found.verbs)
  const help = `attempt-api ${name} --help`
  if (verb === undefined) throw new UsageError(`${name} needs a verb: ${verbs.join(', ')}. See ${help}`)
  const entry = entryOf(found.verbs, verb)
  if (entry === undefined) throw unknown(`verb of ${name}`, verb, verbs, help)
  return runCommand(`${name} ${verb}`, entry, rest, config)
}

async function runCommand(name: string, entry: CommandEntry, args: string[], config: () => Config): Promise<number> {
  const command = await entry.load()
  if (!args.some(isHelp)) return command.run(name, args, config)
  console.log(command.help(name, entry.summary))
  return 0
}

/**
 * Runs a command, which reports on standard output. A failure is one sentence without a secret on standard error.
 * @returns the exit code: 2 for a wrong command line, the others are in the help of each command
 */
export async function invoke(args: string[], config: () => Config = readConfig): Promise<number> {
  try {
    return await run(args, config)
  } catch (error) {
    console.error(`attempt-api: ${withoutSecrets(describeFailure(error))}`)
    return error instanceof UsageError ? 2 : exitCodeOf(error)
  }
}
