/** The session in which migrations run: every statement waits for locks only for the time that its try has left. */
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { lockTimeoutMs } from './retry-budget.js'

export interface MigrationSession {
  /** Inside the runner's transaction. */
  client: pg.ClientBase
  /** The same for migrations. */
  db: Kysely<unknown>
  /**
   * To be called once the first of several locks is held: shortens the rest of the try below `deadlock_timeout` (1 s).
   * A session that takes the same locks in another order deadlocks with this one. PostgreSQL fails the session that
   * detects the deadlock, after that time. This session gives up earlier, so that the other one never fails.
   */
  shortenWaits(): void
  /** The statements that changed something, in their order. */
  statements: string[]
}

/** Milliseconds, longer than any statement; 0 would mean the timeout of the pool. */
const noTimeout = 2 ** 31 - 1

interface Result {
  command: string
  rowCount: number | null
  rows: unknown[]
}
type Query = (text: string, values?: unknown[]) => Promise<Result>

/** Kysely's builder on a function that answers queries. */
export const kyselyOn = (query: Query): Kysely<unknown> =>
  new Kysely<unknown>({
    dialect: new PostgresDialect({
      pool: {
        connect: () => Promise.resolve({ query, release: () => undefined } as never),
        end: () => Promise.resolve(),
      },
    }),
  })

/** A session for one try, on a client inside the runner's transaction. */
export function createMigrationSession(client: pg.PoolClient): MigrationSession {
  let end = Date.now() + lockTimeoutMs
  let timeoutSet = Infinity
  const statements: string[] = []
  const query = async (text: string, values?: unknown[]): Promise<pg.QueryResult> => {
    if (/^\s*(begin|commit|start|end|abort|rollback\s*;?\s*$)/i.test(text))
      throw new Error('A migration must not begin or end a transaction: the runner does.')
    // other sessions wait for the sum of all waits: each statement may wait only for the time that is left of the try
    if (!/^\s*(savepoint|rollback|release|set)/i.test(text)) {
      const left = Math.max(100, end - Date.now())
      if (timeoutSet - left >= 100) await client.query(`set local lock_timeout = ${(timeoutSet = left)}`)
    }
    if (/^\s*(create|comment|drop|alter|grant|revoke|insert|update|delete|refresh|set local role)/i.test(text))
      statements.push(text.trim())
    return client.query({ text, values: values ?? [], query_timeout: noTimeout } as pg.QueryConfig)
  }
  return {
    client: { query } as unknown as pg.ClientBase,
    db: kyselyOn(query),
    shortenWaits: () => {
      end = Math.min(end, Date.now() + 700)
    },
    statements,
  }
}
