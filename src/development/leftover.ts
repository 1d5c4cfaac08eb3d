/** Before a start: whether a server still runs in the data directory, and whether this start may stop it. */
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

export interface DataDirectory {
  /** As configured, for messages. */
  name: string
  /** The directory of PostgreSQL itself. */
  data: string
  passwordFile: string
  /** Which process started which server. */
  ownerFile: string
}

const answerMs = 5_000
const stopMs = 30_000

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export function recordOwner({ ownerFile }: DataDirectory, serverPid: number): void {
  writeFileSync(ownerFile, `${process.pid} ${serverPid}\n`)
}

/** The process that started this server; undefined if that is not recorded. */
function ownerOf({ ownerFile }: DataDirectory, serverPid: number): number | undefined {
  if (!existsSync(ownerFile)) return undefined
  const [owner, server] = readFileSync(ownerFile, 'utf8').split(' ').map(Number)
  return server === serverPid ? owner : undefined
}

/** Whether the server on this port is that of the directory: a process id may belong to another program by now. */
async function isServerOf({ data, passwordFile }: DataDirectory, port: number): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    password: readFileSync(passwordFile, 'utf8'),
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ data: string }>(`select current_setting('data_directory') as data`)
    return rows[0] !== undefined && realpathSync(rows[0].data) === realpathSync(data)
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Makes the directory free for a start: stops a server that a killed attempt-api left behind, and removes a stale
 * postmaster.pid.
 * @throws Error in a sentence if another attempt-api uses the directory, or may use it
 */
export async function freeDirectory(directory: DataDirectory, report: (line: string) => void): Promise<void> {
  const { name, data } = directory
  const pidFile = `${data}/postmaster.pid`
  if (!existsSync(pidFile)) return
  const [pidLine, , , portLine] = readFileSync(pidFile, 'utf8').split('\n')
  const pid = Number(pidLine)
  if (!isRunning(pid)) {
    rmSync(pidFile)
    return
  }
  const elsewhere = 'or set EMBEDDED_DIRECTORY to another folder'
  const owner = ownerOf(directory, pid)
  if (owner !== undefined && isRunning(owner))
    throw new Error(
      `PostgreSQL already runs in ${name} (process ${pid}), started by another attempt-api (process ${owner}). ` +
        `Stop that attempt-api first, ${elsewhere}.`,
    )
  const isGone = () => !existsSync(pidFile) || !isRunning(pid)
  const gone = async (ms: number) => {
    for (const end = Date.now() + ms; !isGone() && Date.now() < end;) await sleep(50)
    return isGone()
  }
  if (owner !== undefined && (await isServerOf(directory, Number(portLine)))) {
    report(`Stopping the PostgreSQL (process ${pid}) that a killed attempt-api left in ${name}`)
    process.kill(pid, 'SIGINT')
    if (await gone(stopMs)) return
  }
  // it may be stopping already
  else if (await gone(answerMs)) return
  throw new Error(
    `PostgreSQL may already run in ${name} (process ${pid}), started by an unknown attempt-api. ` +
      `If process ${pid} is a PostgreSQL, stop that attempt-api, or, if none runs, kill -INT ${pid}; ` +
      `if it is another program, delete ${pidFile}; ${elsewhere}.`,
  )
}
