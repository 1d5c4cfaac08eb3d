/**
 * Detects that a network lost a connection without closing it. The server ends such a session within half a minute (the
 * keepalive settings of pool.ts), but this process is not notified: what waits on the connection would wait until TCP
 * gives up, a quarter of an hour later.
 */
import type pg from 'pg'
import { disconnect } from './cancel.js'
import { queryWithin } from './pg-internals.js'

const answerMs = 5_000

/**
 * Asks the server regularly, on another connection of `pool`, whether the client's session exists, and closes the
 * client's connection if it does not.
 * @returns stops it
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
    // a server that does not answer has said nothing about the session
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
