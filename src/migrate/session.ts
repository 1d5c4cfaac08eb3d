/** The one transaction of a runner: alone behind an advisory lock, tried again from a savepoint while others hold locks. */
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { describeBlockers, watchBlockers } from './blockers.js'
import { createRetryBudget, isLockFailure, LockTimeout, lockTimeoutMs } from './retry-budget.js'

export interface MigrationSession {
  /** The transaction; every statement waits for locks only for what is left of the try. */
  client: pg.ClientBase
  /** The same for migrations. */
  db: Kysely<unknown>
  /**
   * Told when the first of several locks is held. Whoever takes them in another order would deadlock, and PostgreSQL
   * fails whom it finds first, after a second: the rest is waited for for less than that, so that it is never the others.
   */
  holding(): void
  /** What changed something, in its order. */
  statements: string[]
}

export interface Transaction {
  /** Milliseconds to wait for others, in all. */
  waitMs: number
  say: (line: string) => void
  /** `trial`: one try, without the advisory lock, rolled back. */
  trial?: boolean
}

/** kysely's number, so that an older version of the service and this one exclude each other. */
const advisoryLock = '3853314791062309107'
/** Longer than any statement; 0 would mean the pool's own. */
const noTimeout = 2 ** 31 - 1

type Query = (text: string, values?: unknown[]) => Promise<pg.QueryResult>

/** Migrations and kysely's builder on whatever answers queries. */
export const kyselyOn = (query: Query): Kysely<unknown> =>
  new Kysely<unknown>({
    dialect: new PostgresDialect({
      pool: {
        connect: () => Promise.resolve({ query, release: () => undefined } as never),
        end: () => Promise.resolve(),
      },
    }),
  })

function sessionOn(client: pg.PoolClient): MigrationSession {
  let end = Date.now() + lockTimeoutMs
  const statements: string[] = []
  let set = Infinity
  const query: Query = async (text, values) => {
    if (/^\s*(begin|commit|start|end|abort|rollback\s*;?\s*$)/i.test(text))
      throw new Error('A migration runs in a transaction that is not its own to begin or end.')
    // what others wait behind is the sum of all waits: each gets only what the ones before it have left
    if (!/^\s*(savepoint|rollback|release|set)/i.test(text)) {
      const left = Math.max(100, end - Date.now())
      if (set - left >= 100) await client.query(`set local lock_timeout = ${(set = left)}`)
    }
    if (/^\s*(create|comment|drop|alter|grant|revoke|insert|update|delete|refresh|set local role)/i.test(text))
      statements.push(text.trim())
    return client.query({ text, values: values ?? [], query_timeout: noTimeout } as pg.QueryConfig)
  }
  return {
    client: { query } as unknown as pg.ClientBase,
    db: kyselyOn(query),
    holding: () => {
      end = Math.min(end, Date.now() + 700)
    },
    statements,
  }
}

/** The settings of the role or database must not end the transaction early, and none of them outlives it. */
async function begin(client: pg.PoolClient): Promise<number> {
  await client.query('begin isolation level read committed, read write')
  const {
    rows: [here],
  } = await client.query<{
    pid: number
  }>(`select pg_backend_pid() as pid, set_config('lock_timeout', '${lockTimeoutMs}', true), set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true), (select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout'), set_config('client_min_messages', 'warning', true)`)
  return here?.pid ?? 0
}

async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('commit')
  } catch (error) {
    if (
      /^[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? '') &&
      !/^(08|57P)/.test((error as { code: string }).code)
    )
      throw error
    throw Object.assign(
      new Error(
        'The connection was lost during the commit: ask attempt-api migrate status whether it holds; running the command again is harmless.',
        { cause: error },
      ),
      { code: '08007' },
    )
  }
}

/** Tries until the locks are to be had or the patience is over; between two tries nothing is locked but the advisory lock. */
async function tries<T>(
  pool: pg.Pool,
  client: pg.PoolClient,
  pid: number,
  { say, trial = false }: Transaction,
  patience: ReturnType<typeof createRetryBudget>,
  action: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  await client.query('savepoint try')
  for (let turn = 0; ; turn++) {
    const watch = watchBlockers(pool, pid)
    try {
      return await action(sessionOn(client))
    } catch (error) {
      if (!isLockFailure(error)) throw error
      await client.query('rollback to savepoint try')
      const inTheWay = describeBlockers(watch.seen())
      if (trial || patience.over())
        throw new LockTimeout(`A lock was not to be had; nothing was changed. ${inTheWay}`, { cause: error })
      if (turn === 0)
        say(`A table is in use; trying again, and letting others go first, until its lock is free. ${inTheWay}`)
    } finally {
      watch.stop()
    }
    await patience.pause(turn, 500, 5_000)
  }
}

/**
 * Runs `action` in one transaction, as the only runner of this database, and commits. Whatever pooler is between must
 * give one session to a transaction; a runner that is killed frees its locks with its session.
 * @throws LockedOut where others held a lock for all of `waitMs`; whatever `action` throws, with nothing changed
 */
export async function transact<T>(
  pool: pg.Pool,
  options: Transaction,
  action: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const patience = createRetryBudget(options.waitMs)
  for (let turn = 0; ; turn++) {
    const client = await pool.connect()
    const ignore = () => undefined
    // a session that is ended in a pause has nobody else to tell
    client.on('error', ignore)
    let failed = true
    try {
      const pid = await begin(client)
      // asked again and again: whoever waits in a statement has a snapshot, and an index build waits for that
      const alone =
        options.trial === true ||
        (await client.query<{ got: boolean }>(`select pg_try_advisory_xact_lock(${advisoryLock}) as got`)).rows[0]
          ?.got === true
      if (alone) {
        // its session may remember from before the last runner's commit that a table is not there; the first lock on
        // any table, which nothing before has taken, makes it look again
        await client.query('select from pg_catalog.pg_class limit 0')
        const result = await tries(pool, client, pid, options, patience, action)
        await (options.trial === true ? client.query('rollback') : commit(client))
        failed = false
        return result
      }
      await client.query('rollback')
      failed = false
    } finally {
      // seen to be over before others are told; a server that is silent is not waited for
      if (failed)
        await Promise.race([
          client.query('rollback').catch(() => undefined),
          new Promise((late) => setTimeout(late, 2_000).unref()),
        ])
      client.off('error', ignore)
      client.release(failed)
    }
    if (patience.over())
      throw new LockTimeout(
        'Another migration runner is at work on this database (it holds an advisory lock, see pg_locks); nothing was changed. Run the command again when it is done; --wait SECONDS waits longer.',
      )
    await patience.pause(turn, 100, 1_000)
  }
}
