/**
 * Stops the embedded servers of this process when it ends: at exit, at a signal that no other listener handles, and,
 * under npm, when npm is gone. Without a listener Node ends at a signal without an `exit` event, and leaves the server.
 */
import type { ChildProcess } from 'node:child_process'

const servers = new Set<ChildProcess>()
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
const parentEveryMs = 1_000

const stopAll = () => {
  for (const server of servers) server.kill('SIGINT')
}

const exitUnlessHandled = (signal: NodeJS.Signals) => {
  if (process.listenerCount(signal) > 1) return
  process.exit(128 + signals[signal as keyof typeof signals])
}

let parentWatch: NodeJS.Timeout | undefined

/** A process whose parent ends gets another one. Its end is what a closed terminal is: SIGHUP. */
function watchParent(): NodeJS.Timeout {
  const parent = process.ppid
  return setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(parentWatch)
    process.kill(process.pid, 'SIGHUP')
  }, parentEveryMs).unref()
}

/**
 * @param underNpm whether npm started this process and stops it
 * @returns ends the connection, for a server that was stopped
 */
export function stopWithProcess(server: ChildProcess, underNpm: boolean): () => void {
  if (servers.size === 0) {
    process.once('exit', stopAll)
    for (const signal of Object.keys(signals)) process.on(signal, exitUnlessHandled)
    if (underNpm) parentWatch = watchParent()
  }
  servers.add(server)
  return () => {
    servers.delete(server)
    if (servers.size > 0) return
    process.removeListener('exit', stopAll)
    for (const signal of Object.keys(signals)) process.removeListener(signal, exitUnlessHandled)
    clearInterval(parentWatch)
  }
}
