#!/usr/bin/env node
/** The command line: the only file that ends the process. */
import { readConfig } from '../config.js'
import { UsageError, type Command } from './command.js'
import { contract } from './contract.js'
import { generate } from './generate.js'
import { load } from './load.js'
import { migrate } from './migrate.js'
import { serve } from './serve.js'
import { store } from './store.js'

const commands: Record<string, Command> = { serve, migrate, contract, store, load, generate }

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') {
    const list = Object.entries(commands).map(([command, { summary }]) => `  ${command.padEnd(10)}${summary}`).join('\n')
    console.log(`attempt-api COMMAND [--help]\n\n${list}`)
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`there is no command ${name}; there are ${Object.keys(commands).join(', ')}`)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args, readConfig)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const { message, code } = error as Error & { code?: string }
  // a refused connection carries its text in the errors of the addresses tried
  const said = message !== '' ? message : code === 'ECONNREFUSED' ? 'the database refuses the connection; check DATABASE_URL' : String(error)
  console.error(`attempt-api: ${said}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
