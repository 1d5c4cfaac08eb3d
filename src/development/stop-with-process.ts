/** Stops the embedded servers of this process when it exits, and lets it end when the npm that runs it is gone. */
import type { ChildProcess } from 'node:child_process'

const servers = new Set<ChildProcess>()
const parentEveryMs = 1_000

const stopAll = () => {
  for (const server of servers) server.kill('SIGINT')
}

let parentWatch: NodeJS.Timeout | undefined

/** A process whose parent ends gets another one. For a program under npm that is a closed terminal: SIGHUP. */
function watchParent(): NodeJS.Timeout {
  const parent = process.ppid
  return setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(parentWatch)
    process.kill(process.pid, 'SIGHUP')
  }, parentEveryMs).unref()
}

/**
 * A signal without a listener ends a process without its `exit` event, and leaves the server running: a
 * program that starts one needs listeners.
 * @param underNpm whether npm runs this process
 * @returns undoes it, for a server that has stopped
 */
export function stopWithProcess(server: ChildProcess, underNpm: boolean): () => void {
  if (servers.size === 0) {
    process.once('exit', stopAll)
    if (underNpm) parentWatch = watchParent()
  }
  servers.add(server)
  return () => {
    servers.delete(server)
    if (servers.size > 0) return
    process.removeListener('exit', stopAll)
    clearInterval(parentWatch)
  }
}
