/**
 * Detects a connection that the network lost without closing it. The server ends such a session within half a minute
 * (by the keepalive settings in pool.ts), but this process is not notified. Without the guard, a statement on the
 * connection would wait about 15 minutes for the TCP timeout.
 */
import type pg from 'pg'
import { disconnect } from './cancel.js'
import { assertTrusted, Untrusted } from './trust.js'
import { queryWithin } from './pg-internals.js'

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
  let checking = false
  const timer = setInterval(() => {
    if (checking) return
    checking = true
    // a role may have planted something since the session began: the next session refuses it by name
    assertTrusted(pool, false).catch((error: unknown) => {
      if (error instanceof Untrusted) disconnect(client)
    })
    // no answer from the server does not mean that the session is gone
    queryWithin(pool, answerMs, 'select from pg_stat_activity where pid = $1 and backend_start::text = $2', [
      own?.pid,
      own?.began,
    ])
      .then(
        ({ rowCount }) => {
          if (rowCount === 0) disconnect(client)
        },
        () => undefined,
      )
      .finally(() => {
        checking = false
      })
  }, everyMs)
  return () => {
    clearInterval(timer)
  }
}
