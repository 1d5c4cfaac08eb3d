/** Detects a pooler between this process and PostgreSQL that shares one session among connections. */
import type pg from 'pg'
import { processIdOf } from './pg-internals.js'

const backendPid = async (client: pg.ClientBase): Promise<number> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0

/**
 * Whether this connection has its own session on the server. A pooler in transaction mode shares sessions among
 * connections, so that settings and advisory locks of one connection affect another.
 * @param pool provides a second connection to the same address
 */
export async function hasOwnSession(client: pg.ClientBase, pool: pg.Pool): Promise<boolean> {
  const backend = await backendPid(client)
  // without a pooler both are equal; a pooler assigns its own number to each connection
  if (processIdOf(client) === backend) return true
  const second = await pool.connect()
  try {
    await second.query('begin')
    // only if the sessions differ: on one shared session the second query would wait for this transaction
    const own = (await backendPid(second)) !== backend && (await backendPid(client)) === backend
    await second.query('rollback')
    return own
  } finally {
    second.release()
  }
}

export const sharedSession =
  'a pooler in transaction mode is in front of the database, and this needs a session of its own: ' +
  "connect directly, or use the pooler's session mode (docs/poolers.md)"
