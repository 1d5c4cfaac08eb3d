/**
 * A primary and its hot standby. The packaged binaries have no pg_basebackup, so the standby starts from a copy of the
 * stopped primary's folder.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { embeddedBinaries, startEmbedded } from '../../src/development/embedded.js'
import { majorBinaries } from '../majors/binaries.js'
import { until } from './until.js'

export interface Replicated {
  /** Superuser URLs of the database `postgres` on either server. */
  primary: string
  standby: string
  /** Waits until the standby has replayed everything that the primary has written. */
  caughtUp(): Promise<void>
  /** With SIGKILL, for good. */
  killPrimary(): Promise<void>
  stopStandby(): Promise<void>
  /** Again, on the same port. */
  startStandby(): Promise<void>
}

/** Starts both; they and their folder are gone when the test ends. */
export async function startReplicated(t: { teardown(action: () => unknown): unknown }): Promise<Replicated> {
  const major = process.env['PGMAJOR']
  const binaries = major === undefined ? await embeddedBinaries() : await majorBinaries(major)
  const folder = mkdtempSync(join(tmpdir(), 'attempt-standby-'))
  chmodSync(folder, 0o755)
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const [first, second] = [join(folder, 'primary'), join(folder, 'standby')]
  const settings = ['fsync=off', 'wal_level=replica', 'max_wal_senders=4']
  await (await startEmbedded(first, { binaries, settings })).stop()
  // -a: PostgreSQL insists on the owner and mode of its folder
  const copied = spawnSync('cp', ['-a', first, second], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(`The primary could not be copied: ${copied.stderr}`)
  const primary = await startEmbedded(first, { binaries, settings })
  let dead = false
  t.teardown(async () => {
    if (!dead) await primary.stop('immediate')
  })
  const { port, password } = new URL(primary.url)
  writeFileSync(join(second, 'pgdata', 'standby.signal'), '')
  appendFileSync(
    join(second, 'pgdata', 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres password=${password}'\n`,
  )
  let standby = await startEmbedded(second, { binaries, settings })
  const standbyPort = standby.port
  let running = true
  t.teardown(async () => {
    if (running) await standby.stop('immediate')
  })
  return {
    primary: primary.url,
    standby: standby.url,
    async killPrimary() {
      dead = true
      process.kill(primary.pid, 'SIGKILL')
      await primary.stop('immediate')
    },
    async stopStandby() {
      running = false
      await standby.stop('fast')
    },
    async startStandby() {
      standby = await startEmbedded(second, { binaries, settings: [...settings, `port=${standbyPort}`] })
      running = true
    },
    async caughtUp() {
      const [writer, reader] = [new pg.Client(primary.url), new pg.Client(standby.url)]
      await Promise.all([writer.connect(), reader.connect()])
      try {
        const {
          rows: [written],
        } = await writer.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn')
        const replayed = async () =>
          (
            await reader.query<{ done: boolean }>('select pg_last_wal_replay_lsn() >= $1::pg_lsn as done', [
              written?.lsn,
            ])
          ).rows[0]?.done
        await until(replayed, 'the standby has replayed everything')
      } finally {
        await Promise.all([writer.end(), reader.end()])
      }
    },
  }
}
