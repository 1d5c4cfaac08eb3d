#!/usr/bin/env node
/** The command line: the only file that ends the process. */
import { invoke } from './invoke.js'

// whoever read the output has enough of it (| head): as for any command that the pipe's signal ends
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(141)
})

process.exitCode = await invoke(process.argv.slice(2))
// a socket to a server that is silent must not hold the process
setTimeout(() => process.exit(), 100).unref()
