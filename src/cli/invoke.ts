/** One command of the command line, from its arguments to its exit code. */
import { readConfig, type Config } from '../config.js'
import { UsageError, type Command } from './command.js'
import { sentenceOf, withoutSecrets } from './failure.js'

/** Loaded when it is called: to migrate or to check takes nothing of the service. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./serve.js')).serve,
  migrate: async () => (await import('./migrate.js')).migrate,
  contract: async () => (await import('./contract.js')).contract,
  store: async () => (await import('./store.js')).store,
  key: async () => (await import('./key.js')).key,
  load: async () => (await import('./load.js')).load,
  generate: async () => (await import('./generate.js')).generate,
}

async function run([name, ...args]: string[], config: () => Config): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') {
    const list = (
      await Promise.all(
        Object.entries(commands).map(async ([command, load]) => `  ${command.padEnd(10)}${(await load()).summary}`),
      )
    ).join('\n')
    console.log(`attempt-api COMMAND [--help]\n\n${list}`)
    return name === undefined ? 2 : 0
  }
  const command = await (Object.hasOwn(commands, name) ? commands[name] : undefined)?.()
  if (command === undefined)
    throw new UsageError(`there is no command ${name}; there are ${Object.keys(commands).join(', ')}`)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args, config)
}

/**
 * Runs a command, which says what it has to say on standard output and, where it fails, in one sentence without a secret
 * on standard error.
 * @returns the exit code: 2 is a mistake of whoever typed, the others are in each command's help
 */
export async function invoke(args: string[], config: () => Config = readConfig): Promise<number> {
  try {
    return await run(args, config)
  } catch (error) {
    console.error(`attempt-api: ${withoutSecrets(sentenceOf(error))}`)
    return error instanceof UsageError ? 2 : ((error as { exitCode?: number }).exitCode ?? 1)
  }
}
