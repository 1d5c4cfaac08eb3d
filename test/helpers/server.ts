/** A PostgreSQL of a test's own, to be stopped, crashed and started again on the same port. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedBinaries, startEmbedded, type EmbeddedServer } from '../../src/development/embedded.js'
import { majorBinaries } from '../majors/binaries.js'
import { sleep } from './until.js'

export interface OwnServer {
  /** Superuser URL of the database `postgres`. */
  url: string
  /** Immediate: a crash, after which it recovers from its log. */
  restart(mode: 'fast' | 'immediate'): Promise<void>
  /** Killed: with SIGKILL, no child of it told. */
  stop(mode: 'fast' | 'immediate' | 'killed'): Promise<void>
  /** `recovering`: as a standby that nobody may ask yet; ended by `promote`. */
  start(how?: 'recovering'): Promise<void>
  promote(): void
}

/** fsync=off survives a crash of the server, though not one of the machine. */
export const ownServer = (t: { teardown(action: () => unknown): unknown }, ...settings: string[]): Promise<OwnServer> =>
  serverIn(t, mkdtempSync(join(tmpdir(), 'attempt-server-')), settings)

/** The same in a folder of the test's choice, which is gone afterwards. */
export async function serverIn(
  t: { teardown(action: () => unknown): unknown },
  folder: string,
  settings: string[],
): Promise<OwnServer> {
  const major = process.env['PGMAJOR']
  const binaries = major === undefined ? await embeddedBinaries() : await majorBinaries(major)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o755)
  // of the first start: others have it in their URLs
  const port: string[] = []
  const start = async (more: string[] = [], ready?: string) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await startEmbedded(folder, {
          binaries,
          settings: ['fsync=off', ...port, ...settings, ...more],
          ...(ready === undefined ? {} : { ready }),
        })
      } catch (error) {
        // the children of a killed server hold its memory until they notice
        if (attempt === 100) throw error
        await sleep(50)
      }
    }
  }
  let running: EmbeddedServer = await start()
  port.push(`port=${running.port}`)
  let stopped = false
  t.teardown(async () => {
    if (!stopped) await running.stop('immediate')
    rmSync(folder, { recursive: true, force: true })
  })
  const { url } = running
  return {
    url,
    async restart(mode) {
      await running.stop(mode)
      running = await start()
    },
    async stop(mode) {
      stopped = true
      if (mode === 'killed') process.kill(running.pid, 'SIGKILL')
      await running.stop(mode === 'fast' ? 'fast' : 'immediate')
    },
    async start(how) {
      if (how === 'recovering') writeFileSync(join(folder, 'pgdata', 'standby.signal'), '')
      running = how === 'recovering' ? await start(['hot_standby=off'], 'entering standby mode') : await start()
      stopped = false
    },
    promote() {
      writeFileSync(join(folder, 'pgdata', 'promote'), '')
      process.kill(running.pid, 'SIGUSR1')
    },
  }
}
