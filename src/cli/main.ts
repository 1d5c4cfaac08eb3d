#!/usr/bin/env node
/** The command line: the only file that ends the process. */
import { readConfig } from '../config.js'
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

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') {
    const list = (await Promise.all(Object.entries(commands).map(async ([command, load]) => `  ${command.padEnd(10)}${(await load()).summary}`))).join('\n')
    console.log(`attempt-api COMMAND [--help]\n\n${list}`)
    return name === undefined ? 2 : 0
  }
  const command = await (Object.hasOwn(commands, name) ? commands[name] : undefined)?.()
  if (command === undefined) throw new UsageError(`there is no command ${name}; there are ${Object.keys(commands).join(', ')}`)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args, readConfig)
}

// whoever read the output has enough of it (| head): as for any command that the pipe's signal ends
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(141)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`attempt-api: ${withoutSecrets(sentenceOf(error))}`)
  process.exitCode = error instanceof UsageError ? 2 : (error as { exitCode?: number }).exitCode ?? 1
} finally {
  // a socket to a server that is silent must not hold the process
  setTimeout(() => process.exit(), 100).unref()
}
