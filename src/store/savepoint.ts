/** A part of a transaction that can fail without the rest. */
import type pg from 'pg'

/** Runs `work` in savepoints. If it fails, the sessions are as before it. */
export async function retryable<T>(clients: Iterable<pg.ClientBase>, work: () => Promise<T>): Promise<T> {
  const sessions = [...new Set(clients)]
  for (const client of sessions) await client.query('savepoint attempt_part')
  try {
    const result = await work()
    for (const client of sessions) await client.query('release savepoint attempt_part')
    return result
  } catch (error) {
    for (const client of sessions)
      await client.query('rollback to savepoint attempt_part; release savepoint attempt_part')
    throw error
  }
}
