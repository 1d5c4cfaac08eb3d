/** The runner's transaction: behind an advisory lock, retried from a savepoint while other sessions hold locks. */
import type pg from 'pg'
import { assertTrustedHere } from '../database/trust.js'
import { describeBlockers, watchBlockers } from './blockers.js'
import { createRetryBudget, isLockFailure, LockTimeout, lockTimeoutMs, type RetryBudget } from './retry-budget.js'
import { createMigrationSession, type MigrationSession } from './session.js'

export interface Transaction {
  /** Milliseconds to wait for other sessions, in all. */
  waitMs: number
  /** Receives progress, as sentences. */
  report: (line: string) => void
  /** One try without the advisory lock, rolled back. */
  trial?: boolean
}

/** The number that Kysely's migrator locks, so that a runner of an older version and this one exclude each other. */
const advisoryLock = '3853314791062309107'

/** Begins the transaction. Settings of the role or database must not end it early. The settings here end with it. */
async function begin(client: pg.PoolClient): Promise<{ pid: number }> {
  // SET runs no function and no operator: the search_path is not checked yet
  await client.query(
    `begin isolation level read committed, read write;
    set local lock_timeout = ${lockTimeoutMs};
    set local statement_timeout = 0;
    set local idle_in_transaction_session_timeout = 0;
    set local standard_conforming_strings = on;
    set local quote_all_identifiers = off;
    set local transform_null_equals = off;
    set local client_min_messages = warning`,
  )
  const {
    rows: [session],
  } = await client.query<{ pid: number }>(
    `select pg_catalog.pg_backend_pid() as pid, (
      -- of newer servers
      select pg_catalog.count(pg_catalog.set_config(s.name, s.boot_val, true))
      from pg_catalog.pg_settings s
      where s.name operator(pg_catalog.=)
        any('{transaction_timeout,restrict_nonsystem_relation_kind}'::pg_catalog.text[])
    ) as reset`,
  )
  return session ?? { pid: 0 }
}

/** @throws PostgreSQL's error; Error with code 08007 if the connection was lost and the outcome is unknown */
async function commit(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('commit')
  } catch (error) {
    const { code = '' } = error as { code?: string }
    if (/^[0-9A-Z]{5}$/.test(code) && !/^(08|57P)/.test(code)) throw error
    throw Object.assign(
      new Error(
        'The connection was lost during the commit, so that its outcome is unknown. ' +
          'See attempt-api migrate status; running the command again is harmless.',
        { cause: error },
      ),
      { code: '08007' },
    )
  }
}

/** Tries until every lock is available or the time is over. Between tries only the advisory lock is held. */
async function untilUnlocked<T>(
  pool: pg.Pool,
  client: pg.PoolClient,
  pid: number,
  { report, trial = false }: Transaction,
  budget: RetryBudget,
  action: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  await client.query('savepoint try')
  for (let turn = 0; ; turn++) {
    const watch = watchBlockers(pool, pid)
    try {
      return await action(createMigrationSession(client))
    } catch (error) {
      if (!isLockFailure(error)) throw error
      await client.query('rollback to savepoint try')
      const blockers = describeBlockers(watch.latest())
      if (trial || budget.over())
        throw new LockTimeout(`A table lock was not available in time. Nothing was changed. ${blockers}`, {
          cause: error,
        })
      if (turn === 0) report(`A table is in use. Retrying until its lock is free; other sessions go first. ${blockers}`)
    } finally {
      watch.stop()
    }
    await budget.pause(turn, 500, 5_000)
  }
}

/**
 * Runs `action` in one transaction, as the only runner of this database, and commits. A pooler in between must keep one
 * session for a transaction. A runner that is killed releases its locks with its session.
 * @throws LockTimeout if other sessions held a lock for all of `waitMs`; the error of `action`, with nothing changed
 */
export async function transact<T>(
  pool: pg.Pool,
  options: Transaction,
  action: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const budget = createRetryBudget(options.waitMs)
  for (let turn = 0; ; turn++) {
    const client = await pool.connect()
    const ignore = () => undefined
    // a session that ends during a pause has no statement to report it to
    client.on('error', ignore)
    let failed = true
    try {
      const { pid } = await begin(client)
      // tried repeatedly: a session that waits in a statement has a snapshot, and an index build would wait for that
      const alone =
        options.trial === true ||
        (await client.query<{ got: boolean }>(`select pg_try_advisory_xact_lock(${advisoryLock}) as got`)).rows[0]
          ?.got === true
      if (alone) {
        // the session may have cached, before the last runner's commit, that a table does not exist; the first lock on
        // a table that it has not locked yet makes it read the catalog again
        await client.query('select from pg_catalog.pg_class limit 0')
        await assertTrustedHere(client)
        const result = await untilUnlocked(pool, client, pid, options, budget, action)
        // what a role has created since then is not committed with ours
        await assertTrustedHere(client)
        await (options.trial === true ? client.query('rollback') : commit(client))
        failed = false
        return result
      }
      await client.query('rollback')
      failed = false
    } finally {
      // ended before the error is reported, unless the server does not answer
      if (failed)
        await Promise.race([
          client.query('rollback').catch(() => undefined),
          new Promise((late) => setTimeout(late, 2_000).unref()),
        ])
      client.off('error', ignore)
      client.release(failed)
    }
    if (budget.over())
      throw new LockTimeout(
        `Another migration runner is working on this database and holds the advisory lock ${advisoryLock} ` +
          '(see pg_locks). Nothing was changed. Retry when it has finished; --wait SECONDS waits longer.',
      )
    await budget.pause(turn, 100, 1_000)
  }
}
