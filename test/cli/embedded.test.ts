/** The embedded PostgreSQL of a development machine ends with the process that started it, however that ends. */
import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cli } from '../helpers/cli.js'
import { until } from '../helpers/until.js'

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const folder = mkdtempSync(join(tmpdir(), 'attempt-embedded-'))
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true })
})
const pidFile = join(folder, 'pgdata', 'postmaster.pid')
/** The process of the server in `folder`. */
const serverPid = () => Number(readFileSync(pidFile, 'utf8').split('\n')[0])

/** Starts a program, in a process group of its own as a terminal does, on an embedded database in `folder`. */
function start(
  t: { teardown(action: () => unknown): unknown },
  program: string,
  args: string[],
  settings: Record<string, string> = {},
) {
  const { DATABASE_URL: _url, npm_lifecycle_event: _event, ...inherited } = process.env
  const child = spawn(program, args, {
    detached: true,
    env: {
      ...inherited,
      PORT: '0',
      CONTRACT_TIMEOUT_MS: '60000',
      EMBEDDED_DIRECTORY: folder,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const group = -(child.pid as number)
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(() => {
    try {
      process.kill(group, 'SIGKILL')
    } catch {
      /* ended already */
    }
  })
  return {
    group,
    pid: child.pid as number,
    ended,
    output: () => output,
    ready: () => until(() => output.includes('Stop with Ctrl-C') || child.exitCode !== null, 'it is ready'),
  }
}

const serve = (t: { teardown(action: () => unknown): unknown }, settings: Record<string, string> = {}) =>
  start(t, process.execPath, [...cli, 'serve'], settings)

t.test('a start that is interrupted while it loads data ends in order', async (t) => {
  const service = serve(t)
  await until(() => /Loading sample data/.test(service.output()), 'it loads')
  const postgres = serverPid()
  process.kill(service.pid, 'SIGINT')
  t.equal(await service.ended, 0)
  t.match(service.output(), new RegExp(`^ +\\d+\\.\\d s  Creating a PostgreSQL data directory in ${folder}$`, 'm'))
  t.notMatch(service.output(), /Error|attempt-api is ready/)
  await until(() => !isRunning(postgres), 'PostgreSQL has ended')
  t.equal(existsSync(pidFile), false, 'in order')
})

t.test('a start says what it does, and what to look at', async (t) => {
  const service = serve(t)
  await service.ready()
  for (const step of [
    `Starting the embedded PostgreSQL \\d+ in ${folder}`,
    'Applying migrations',
    'Loading sample data: 0 of 2000 exams',
    'Loading sample data: 2000 of 2000 exams',
    'Building indexes',
    'Enabling the store',
    'Starting the service',
  ])
    t.match(service.output(), new RegExp(`^ +\\d+\\.\\d s  ${step}$`, 'm'))
  const [, url = ''] = /attempt-api is ready at (http:\S+)/.exec(service.output()) ?? []
  for (const [, request = ''] of service.output().matchAll(/curl '([^']+)'/g))
    t.equal((await fetch(request)).status < 500, true, request)
  t.equal((await fetch(`${url}/docs`)).status, 200)
  const postgres = serverPid()
  const second = serve(t)
  t.equal(await second.ended, 1)
  t.match(
    second.output(),
    `PostgreSQL already runs in ${folder} (process ${postgres}), started by another attempt-api ` +
      `(process ${service.pid}). Stop that attempt-api first`,
  )

  // the terminal is closed
  process.kill(service.group, 'SIGHUP')
  t.equal(await service.ended, 0)
  await until(() => !isRunning(postgres), 'PostgreSQL has ended')
  t.equal(existsSync(pidFile), false, 'in order')
})

t.test('a second start finds the data, and takes over from a start that was killed', async (t) => {
  // the strictest limit: whatever delays the event loop during a start is not an overload
  const killed = serve(t, { OVERLOAD_DELAY_MS: '1' })
  await killed.ready()
  t.match(killed.output(), /attempt-api is ready/)
  t.notMatch(killed.output(), /overloaded/)
  t.notMatch(killed.output(), /Loading sample data/, 'the data is there')
  const orphan = serverPid()
  process.kill(killed.pid, 'SIGKILL')
  t.equal(await killed.ended, 'SIGKILL')
  t.equal(isRunning(orphan), true)

  const service = serve(t)
  await service.ready()
  t.match(service.output(), `Stopping the PostgreSQL (process ${orphan}) that a killed attempt-api left in ${folder}`)
  t.match(service.output(), /attempt-api is ready/)
  // a process without a parent counts as running until init has taken its exit code
  await until(() => !isRunning(orphan), 'the orphan has ended')
  const postgres = serverPid()
  process.kill(service.pid, 'SIGTERM')
  t.equal(await service.ended, 0)
  t.equal(isRunning(postgres), false)
})

t.test('a command that is interrupted leaves no server behind', async (t) => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const status = start(t, process.execPath, [...cli, 'migrate', 'status'])
    await until(() => /Starting the embedded/.test(status.output()), 'it starts')
    let postgres = 0
    await until(() => existsSync(pidFile) && (postgres = serverPid()) > 0, 'PostgreSQL starts')
    process.kill(status.pid, signal)
    // on a busy machine it may be over before the signal comes
    t.equal([code, 0].includes((await status.ended) as number), true, signal)
    await until(() => !isRunning(postgres), `PostgreSQL has ended after ${signal}`)
  }
})

t.test('under npm the service stops when npm is gone', async (t) => {
  const shell = start(t, '/bin/sh', ['-c', `"${process.execPath}" "${resolve(cli[0] as string)}" serve; true`], {
    npm_lifecycle_event: 'start',
  })
  await shell.ready()
  t.match(shell.output(), /attempt-api is ready/)
  const postgres = serverPid()
  process.kill(shell.pid, 'SIGKILL')
  await until(() => !isRunning(postgres), 'PostgreSQL has ended')
  t.equal(await shell.ended, 'SIGKILL')
})
