/** The two indexes on exam_results: with them, reading a student or a range of days costs only what it returns. */
import type pg from 'pg'
import { assertTrustedSession } from '../database/trust.js'
import { hasOwnSession, sharedSession } from '../database/pooler.js'
import { describeBlockers, watchBlockers } from './blockers.js'
import { createRetryBudget, isLockFailure, LockTimeout } from './retry-budget.js'

/** Their expressions are those of attempt_exam: the planner uses an index only for an equal expression. */
export const indexes = {
  attempt_student_idx:
    `(case when length(user_id) = 36 and user_id ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$' ` +
    'then user_id::uuid else md5(user_id)::uuid end)',
  attempt_completed_at_idx: '(coalesce(updated_at, created_at))',
} as const

export type IndexName = keyof typeof indexes
/** `invalid`: a build is running, or one that failed left it. */
export type IndexState = 'missing' | 'invalid' | 'ready'

/** The statement that builds one. Other sessions read and write the table meanwhile. */
export const indexStatement = (name: IndexName): string =>
  `create index concurrently if not exists ${name} on exam_results (${indexes[name]})`

export async function indexStates(pool: pg.Pool): Promise<Record<IndexName, IndexState>> {
  const { rows } = await pool.query<{ name: string; valid: boolean }>(
    `
    select c.relname as name, i.indisvalid as valid
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where i.indrelid = to_regclass('exam_results') and c.relname = any($1)`,
    [Object.keys(indexes)],
  )
  const state = (name: IndexName): IndexState => {
    const row = rows.find((one) => one.name === name)
    return row === undefined ? 'missing' : row.valid ? 'ready' : 'invalid'
  }
  return {
    attempt_student_idx: state('attempt_student_idx'),
    attempt_completed_at_idx: state('attempt_completed_at_idx'),
  }
}

/** Why this role can neither build nor drop the indexes; undefined if it can. */
export async function whyNoIndexes(pool: pg.Pool): Promise<string | undefined> {
  const {
    rows: [table],
  } = await pool.query<{ owner: string; role: string; mayActAsOwner: boolean; partitioned: boolean }>(
    `
    select pg_get_userbyid(relowner)::text as owner, current_user::text as role,
      pg_has_role(relowner, 'usage') as "mayActAsOwner", relkind = 'p' as partitioned
    from pg_class
    where oid = to_regclass('exam_results')`,
  )
  if (table?.partitioned === true)
    return (
      'exam_results is partitioned, and PostgreSQL cannot build or drop its indexes concurrently: ' +
      'use --no-indexes, and build them as docs/migrations.md describes'
    )
  if (table?.mayActAsOwner === false)
    return (
      `exam_results belongs to ${table.owner}, and ${table.role} does not have the rights of that role, ` +
      'which are needed to build or drop an index: ' +
      `use --no-indexes, and let ${table.owner} run the statements that migrate plan prints`
    )
  return undefined
}

interface IndexOptions {
  /** Milliseconds to wait for other sessions; default 60,000. */
  waitMs?: number
}

/** Waits until no other runner works on the indexes. @throws LockTimeout */
async function takeAdvisoryLock(client: pg.PoolClient, budget: ReturnType<typeof createRetryBudget>): Promise<void> {
  // retried, because a statement that waits has a snapshot, and the other runner's build would wait for that snapshot
  for (let turn = 0; ; turn++) {
    const {
      rows: [lock],
    } = await client.query<{ got: boolean }>(`select pg_try_advisory_lock(hashtext('attempt-api indexes')) as got`)
    if (lock?.got === true) return
    if (budget.over())
      throw new LockTimeout(
        'Another migration runner is building the indexes. Retry when it has finished; --wait SECONDS waits longer.',
      )
    await budget.pause(turn, 200, 1_000)
  }
}

/**
 * Runs `action` in one session behind an advisory lock, so that two runners do not disturb each other. Its waits block
 * no reader or writer: a concurrent build queues only behind changes of the table's shape, and waits for older
 * transactions. So each wait may take all of `waitMs`, and a build does not start over every two seconds.
 */
async function asOnlyRunner(
  pool: pg.Pool,
  { waitMs = 60_000 }: IndexOptions,
  action: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const budget = createRetryBudget(waitMs)
  const client = await pool.connect()
  const ignore = () => undefined
  client.on('error', ignore)
  let watch: ReturnType<typeof watchBlockers> | undefined
  try {
    if (!(await hasOwnSession(client, pool)))
      throw new Error(
        `The indexes of exam_results were not changed: ${sharedSession}. Everything else works with --no-indexes.`,
      )
    await assertTrustedSession(client)
    await client.query(`set statement_timeout = 0; set lock_timeout = ${Math.max(100, waitMs)}`)
    await takeAdvisoryLock(client, budget)
    const {
      rows: [session],
    } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    watch = watchBlockers(pool, session?.pid ?? 0)
    for (let turn = 0; ; turn++) {
      try {
        await action(client)
        return
      } catch (error) {
        if (!isLockFailure(error)) throw error
        if ((error as { code?: string }).code === '55P03' || budget.over())
          throw new LockTimeout(
            'An index of exam_results could not be built or dropped in time: older transactions did not end. ' +
              `The next run continues. ${describeBlockers(watch.latest())}`,
            { cause: error },
          )
      }
      await budget.pause(turn, 500, 5_000)
    }
  } finally {
    watch?.stop()
    client.off('error', ignore)
    // closes the session, and with it the advisory lock and its settings
    client.release(true)
  }
}

/** Without the pool's timeout: a build may take hours. */
const untimed = (text: string): pg.QueryConfig => ({ text, query_timeout: 2 ** 31 - 1 }) as pg.QueryConfig

/**
 * Builds what is missing, concurrently and outside a transaction; drops and rebuilds what a failed build left. Analyzes
 * the table after a build, because the planner needs statistics of the indexed expression.
 * @throws LockTimeout if older transactions did not end within `waitMs`
 */
export const buildIndexes = (
  pool: pg.Pool,
  report: (line: string) => void,
  options: IndexOptions = {},
): Promise<void> =>
  asOnlyRunner(pool, options, async (client) => {
    let built = false
    for (const [name, state] of Object.entries(await indexStates(pool)) as [IndexName, IndexState][]) {
      if (state === 'ready') continue
      if (state === 'invalid') {
        report(`${name}: a failed build left it invalid; dropping it`)
        await client.query(untimed(`drop index concurrently if exists ${name}`))
      }
      report(`${name}: building concurrently; readers and writers continue`)
      await client.query(untimed(indexStatement(name)))
      built = true
    }
    if (built) await client.query(untimed('analyze exam_results'))
  })

/** Drops both indexes, concurrently. @throws LockTimeout if older transactions did not end within `waitMs` */
export const dropIndexes = (pool: pg.Pool, options: IndexOptions = {}): Promise<void> =>
  asOnlyRunner(pool, options, async (client) => {
    for (const name of Object.keys(indexes)) await client.query(untimed(`drop index concurrently if exists ${name}`))
  })
