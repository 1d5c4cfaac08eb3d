/**
 * A connection that a network lost without a word: the server ends its session within half a minute (the settings of
 * pool.ts), but its end comes to nobody here, and who waits on it waits until TCP gives up, a quarter of an hour later.
 */
import type pg from 'pg'
import { disconnect } from './cancel.js'

const answerMs = 5_000

/**
 * Asks, on another connection of `pool`, whether the server still has the client's session, and closes its connection
 * here where it has not. @returns ends the asking
 */
export async function guardSession(pool: pg.Pool, client: pg.ClientBase, everyMs: number): Promise<() => void> {
  const {
    rows: [own],
  } = await client.query<{ pid: number; began: string }>(
    'select pid, backend_start::text as began from pg_stat_activity where pid = pg_backend_pid()',
  )
  let asking = false
  const timer = setInterval(() => {
    if (asking) return
    asking = true
    // a server that cannot be asked has said nothing of the session
    pool
      .query({
        text: 'select from pg_stat_activity where pid = $1 and backend_start::text = $2',
        values: [own?.pid, own?.began],
        query_timeout: answerMs,
      } as pg.QueryConfig)
      .then(
        ({ rowCount }) => {
          if (rowCount === 0) disconnect(client)
        },
        () => undefined,
      )
      .finally(() => {
        asking = false
      })
  }, everyMs)
  return () => {
    clearInterval(timer)
  }
}
