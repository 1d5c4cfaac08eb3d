/** The service as production runs it: a process of its own, called over HTTP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { cli } from './cli.js'
import { until } from './until.js'

export interface Answer {
  status: number
  ms: number
  headers: Headers
  text: string
  json(): Record<string, unknown>
}

export interface Service {
  url: string
  pid: number
  /** The lines it logged. */
  log: string[]
  get(path: string): Promise<Answer>
  /** Files and sockets that it has open; undefined where the system does not report them. */
  handles(): number | undefined
  signal(name: NodeJS.Signals): void
  /** Its exit code, or the signal that ended it. */
  exited: Promise<number | string>
}

/**
 * Starts it on any free port and waits until it listens. `command` runs it elsewhere, such as in a network namespace.
 * Overload protection is off: on a busy machine it would refuse data requests. All streams come from one address, so
 * the limit per client is off too.
 */
export async function startService(
  t: { teardown(action: () => unknown): unknown },
  settings: Record<string, string>,
  command: string[] = [],
  host = '127.0.0.1',
): Promise<Service> {
  const [run = '', ...args] = [...command, process.execPath, ...cli, 'serve']
  const child = spawn(run, args, {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      HOST: host,
      PORT: '0',
      LOG_LEVEL: 'info',
      OVERLOAD_DELAY_MS: '0',
      STREAMS_PER_CLIENT: '1000',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  const log: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    // of each its own: half a line of one is not the beginning of the other's
    let rest = ''
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      log.push(...lines)
    })
  }
  // by then everything that it printed is in the log
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const listening = () =>
    log.map((line) => /listening at (http:[^"\s]+)/.exec(line)?.[1]).find((url) => url !== undefined)
  const url = await until(async () => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the service ended with ${await exited}: ${log.join('\n')}`)
    return listening()
  }, 'the service listens')
  return {
    url,
    pid: child.pid as number,
    log,
    exited,
    signal: (name) => {
      child.kill(name)
    },
    handles() {
      try {
        return readdirSync(`/proc/${child.pid}/fd`).length
      } catch {
        return undefined
      }
    },
    async get(path) {
      const began = performance.now()
      const response = await fetch(`${url}${path}`, {
        signal: AbortSignal.timeout(60_000),
        headers: { connection: 'close' },
      })
      const text = await response.text()
      return {
        status: response.status,
        ms: performance.now() - began,
        headers: response.headers,
        text,
        json: () => JSON.parse(text) as Record<string, unknown>,
      }
    },
  }
}

/** Resident megabytes of a process; undefined where the system does not report them. */
export function residentMb(pid: number): number | undefined {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return undefined
  }
}
