/** The two indexes on exam_results that make a student a lookup and a range of days cost what it holds. */
import type pg from 'pg'
import { describeBlockers, watchBlockers } from './blockers.js'
import { createRetryBudget, isLockFailure, LockTimeout } from './retry-budget.js'
import { hasOwnSession, sharedSession } from '../database/pooler.js'

/** Their expressions are those of attempt_exam, or the planner would not know them again. */
export const indexes = {
  attempt_student_idx: `(case when length(user_id) = 36 and user_id ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$' then user_id::uuid else md5(user_id)::uuid end)`,
  attempt_completed_at_idx: '(coalesce(updated_at, created_at))',
} as const

export type IndexName = keyof typeof indexes
export type IndexState = 'missing' | 'invalid' | 'ready'

/** The statement that builds one: other sessions read and write the table meanwhile. */
export const indexStatement = (name: IndexName): string =>
  `create index concurrently if not exists ${name} on exam_results (${indexes[name]})`

/** Which are there; `invalid`: a build failed and left a husk. */
export async function indexStates(pool: pg.Pool): Promise<Record<IndexName, IndexState>> {
  const { rows } = await pool.query<{ name: IndexName; valid: boolean }>(
    `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = to_regclass('exam_results') and c.relname = any($1)`,
    [Object.keys(indexes)],
  )
  const state = (name: IndexName): IndexState => {
    const row = rows.find((found) => found.name === name)
    return row === undefined ? 'missing' : row.valid ? 'ready' : 'invalid'
  }
  return {
    attempt_student_idx: state('attempt_student_idx'),
    attempt_completed_at_idx: state('attempt_completed_at_idx'),
  }
}

/** Why this command can neither build nor drop them for this role, before it has changed anything; undefined: it can. */
export async function whyNoIndexes(pool: pg.Pool): Promise<string | undefined> {
  const {
    rows: [table],
  } = await pool.query<{ owner: string; self: string; may: boolean; partitioned: boolean }>(
    `select pg_get_userbyid(relowner)::text as owner, current_user::text as self, pg_has_role(relowner, 'usage') as may, relkind = 'p' as partitioned from pg_class where oid = to_regclass('exam_results')`,
  )
  if (table?.partitioned === true)
    return 'exam_results is partitioned, where PostgreSQL neither builds nor drops an index concurrently: use --no-indexes, and see docs/migrations.md for how they are built'
  if (table?.may === false)
    return `exam_results belongs to ${table.owner}, and ${table.self} may not act as that role, so that it can neither build nor drop the indexes: use --no-indexes, and let ${table.owner} do it`
  return undefined
}

export interface IndexOptions {
  waitMs?: number
}

/**
 * One session behind an advisory lock, so that two runners do not disturb each other. Its waits stop nobody: a
 * concurrent build queues only behind changes of the table's shape and waits for older transactions. So each wait may
 * take all of `waitMs`, and a build is not begun again every two seconds.
 */
async function alone(
  pool: pg.Pool,
  { waitMs = 60_000 }: IndexOptions,
  action: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const patience = createRetryBudget(waitMs)
  const client = await pool.connect()
  const ignore = () => undefined
  client.on('error', ignore)
  let watch: ReturnType<typeof watchBlockers> | undefined
  try {
    if (!(await hasOwnSession(client, pool)))
      throw new Error(
        `The indexes of exam_results were left as they are: ${sharedSession}. With --no-indexes everything else works here.`,
      )
    await client.query(`set statement_timeout = 0; set lock_timeout = ${Math.max(100, waitMs)}`)
    // tried again and again: a session that waits in a statement would hold the snapshot that the other's build waits for
    for (
      let turn = 0;
      !(await client.query<{ got: boolean }>(`select pg_try_advisory_lock(hashtext('attempt-api indexes')) as got`))
        .rows[0]?.got;
      turn++
    ) {
      if (patience.over())
        throw new LockTimeout(
          'Another runner builds the indexes. Run the command again when it is done; --wait SECONDS waits longer.',
        )
      await patience.pause(turn, 200, 1_000)
    }
    const {
      rows: [here],
    } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    watch = watchBlockers(pool, here?.pid ?? 0)
    for (let turn = 0; ; turn++) {
      try {
        await action(client)
        return
      } catch (error) {
        if (!isLockFailure(error)) throw error
        if ((error as { code?: string }).code === '55P03' || patience.over())
          throw new LockTimeout(
            `An index of exam_results could not be built or dropped: older transactions did not end. The next run takes up what was begun. ${describeBlockers(watch.seen())}`,
            { cause: error },
          )
      }
      await patience.pause(turn, 500, 5_000)
    }
  } finally {
    watch?.stop()
    client.off('error', ignore)
    // closes the session, and with it the advisory lock and its settings
    client.release(true)
  }
}

// a build may take hours: the pool's own limit does not hold for it
const long = (text: string): pg.QueryConfig => ({ text, query_timeout: 2 ** 31 - 1 }) as pg.QueryConfig

/**
 * Builds what is missing, concurrently and outside a transaction; drops and rebuilds what a failed build left. Analyzes
 * the table where anything was built, because the planner needs the statistics of an expression.
 * @throws LockedOut where older transactions did not end within `waitMs`
 */
export const buildIndexes = (pool: pg.Pool, say: (line: string) => void, options: IndexOptions = {}): Promise<void> =>
  alone(pool, options, async (client) => {
    let built = false
    for (const [name, state] of Object.entries(await indexStates(pool)) as [IndexName, IndexState][]) {
      if (state === 'ready') continue
      if (state === 'invalid') {
        say(`${name}: a build that failed left it invalid; dropping it`)
        await client.query(long(`drop index concurrently if exists ${name}`))
      }
      say(`${name}: building (concurrently: readers and writers go on)`)
      await client.query(long(indexStatement(name)))
      built = true
    }
    if (built) await client.query(long('analyze exam_results'))
  })

/** Drops both indexes, concurrently. @throws LockedOut where older transactions did not end within `waitMs` */
export const dropIndexes = (pool: pg.Pool, options: IndexOptions = {}): Promise<void> =>
  alone(pool, options, async (client) => {
    for (const name of Object.keys(indexes)) await client.query(long(`drop index concurrently if exists ${name}`))
  })
