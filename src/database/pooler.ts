/** Detects a pooler between this process and PostgreSQL that shares one session among connections. */
import type pg from 'pg'
import { processIdOf } from './pg-internals.js'

const backendPid = async (client: pg.ClientBase): Promise<number> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0

/**
 * Whether the server keeps a session for this connection alone. A pooler in transaction mode lends its sessions to
 * other connections between two transactions: what one sets or locks in the session then holds for the next.
 * @param pool gives a second connection by the same way
 */
export async function hasOwnSession(client: pg.ClientBase, pool: pg.Pool): Promise<boolean> {
  const backend = await backendPid(client)
  // a pooler gives each connection a number of its own, by which it passes on a cancel request
  if (processIdOf(client) === backend) return true
  const other = await pool.connect()
  try {
    await other.query('begin')
    // only if the sessions differ: on one shared session the second query would wait for this transaction
    const own = (await backendPid(other)) !== backend && (await backendPid(client)) === backend
    await other.query('rollback')
    return own
  } finally {
    other.release()
  }
}

export const sharedSession =
  'a pooler in transaction mode is in front of the database, and this needs a session of its own: ' +
  "connect directly, or use the pooler's session mode (docs/poolers.md)"
