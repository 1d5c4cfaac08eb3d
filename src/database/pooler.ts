/** What a pooler between this process and PostgreSQL may take from us. */
import type pg from 'pg'

const backendOf = async (client: pg.ClientBase): Promise<number> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0

/**
 * Whether the server keeps a session for this connection alone. A pooler in transaction mode lends it to others between
 * two transactions: what is set or locked in it holds for whoever is next, and not for us.
 * @param pool gives a second connection by the same way
 */
export async function hasOwnSession(client: pg.ClientBase, pool: pg.Pool): Promise<boolean> {
  const backend = await backendOf(client)
  // a pooler gives each connection a number of its own, by which it passes on a cancel
  if ((client as unknown as { processID: number }).processID === backend) return true
  const other = await pool.connect()
  try {
    await other.query('begin')
    // only then: where there is one session, the question would wait for this transaction
    const own = (await backendOf(other)) !== backend && (await backendOf(client)) === backend
    await other.query('rollback')
    return own
  } finally {
    other.release()
  }
}

export const sharedSession =
  "a pooler in transaction mode is before the database, and this needs a session of its own: use a direct connection, or the pooler's session mode (docs/poolers.md)"
