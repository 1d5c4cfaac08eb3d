/**
 * Detects a connection that the network lost without closing it. The server ends such a session within half a minute
 * (by the keepalive settings in pool.ts), but this process is not notified. Without the guard, a statement on the
 * connection would wait about 15 minutes for the TCP timeout.
 */
import type pg from 'pg'
import { disconnect } from './cancel.js'
import { limitedTo } from './pg-internals.js'
import { assertTrustedConnection, Untrusted } from './trust.js'

const answerMs = 5_000

/**
 * Checks every `everyMs`, on another connection of `pool`, whether the client's session still exists, and closes the
 * client's connection if it does not.
 * @returns a function that stops the guard
 */
export async function guardSession(pool: pg.Pool, client: pg.ClientBase, everyMs: number): Promise<() => void> {
  const {
    rows: [own],
  } = await client.query<{ pid: number; began: string }>(
    'select pid, backend_start::text as began from pg_stat_activity where pid = pg_backend_pid()',
  )
  /** @throws Untrusted if a role has planted something since the session began: the next one refuses it by name */
  async function isGone(): Promise<boolean> {
    const other = await pool.connect()
    let failed = true
    try {
      const within = limitedTo(answerMs, other)
      const { rowCount } = await within.query(
        'select from pg_stat_activity where pid = $1 and backend_start::text = $2',
        [own?.pid, own?.began],
      )
      if (rowCount !== 0) await assertTrustedConnection(within)
      failed = false
      return rowCount === 0
    } finally {
      other.release(failed)
    }
  }
  let checking = false
  const timer = setInterval(() => {
    if (checking) return
    checking = true
    isGone()
      .then(
        (gone) => {
          if (gone) disconnect(client)
        },
        (error: unknown) => {
          // no answer from the server does not mean that the session is gone
          if (error instanceof Untrusted) disconnect(client)
        },
      )
      .finally(() => {
        checking = false
      })
  }, everyMs)
  return () => {
    clearInterval(timer)
  }
}
