/** A PostgreSQL of a test's own, to be stopped, crashed and started again on the same port. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedBinaries, freePort, startEmbedded, type EmbeddedServer } from '../../src/database/embedded.js'
import { majorBinaries } from '../majors/binaries.js'

export interface OwnServer {
  /** Superuser URL of the database `postgres`. */
  url: string
  /** Immediate: a crash, after which it recovers from its log. */
  restart(mode: 'fast' | 'immediate'): Promise<void>
}

/** fsync=off survives a crash of the server, though not one of the machine. */
export async function ownServer(t: { teardown(action: () => unknown): unknown }, ...settings: string[]): Promise<OwnServer> {
  const major = process.env['PGMAJOR']
  const binaries = major === undefined ? await embeddedBinaries() : await majorBinaries(major)
  const folder = mkdtempSync(join(tmpdir(), 'attempt-server-'))
  chmodSync(folder, 0o755)
  const port = await freePort()
  const start = () => startEmbedded(folder, { binaries, settings: ['fsync=off', `port=${port}`, ...settings] })
  let running: EmbeddedServer = await start()
  t.teardown(async () => {
    await running.stop('immediate')
    rmSync(folder, { recursive: true, force: true })
  })
  const url = new URL(running.url)
  url.port = String(port)
  return {
    url: url.href,
    async restart(mode) {
      await running.stop(mode)
      running = await start()
    },
  }
}
