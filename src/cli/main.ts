#!/usr/bin/env node
/** The command line: the only file that ends the process. */
import { invoke } from './invoke.js'

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // the reader closed the pipe (| head): exit as a command that SIGPIPE ends
    if (error.code === 'EPIPE') process.exit(141)
    // the terminal was closed: its SIGHUP shuts the command down
    if (error.code !== 'EIO') throw error
  })

process.exitCode = await invoke(process.argv.slice(2))
// an open socket to a server that does not answer must not keep the process alive
setTimeout(() => process.exit(), 100).unref()
