/** The two indexes on exam_results that make a student a lookup and a range of days cost what it holds. */
import type pg from 'pg'

/** Their expressions are those of attempt_exam, or the planner would not know them again. */
export const indexes = {
  attempt_student_idx: `(case when length(user_id) = 36 and user_id ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$' then user_id::uuid else md5(user_id)::uuid end)`,
  attempt_completed_at_idx: '(coalesce(updated_at, created_at))',
} as const

export type IndexName = keyof typeof indexes
export type IndexState = 'missing' | 'invalid' | 'ready'

/** The statement that builds one: other sessions read and write the table meanwhile. */
export const indexStatement = (name: IndexName): string => `create index concurrently if not exists ${name} on exam_results (${indexes[name]})`

/** Which are there; `invalid`: a build failed and left a husk. */
export async function indexStates(pool: pg.Pool): Promise<Record<IndexName, IndexState>> {
  const { rows } = await pool.query<{ name: IndexName; valid: boolean }>(
    `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = to_regclass('exam_results') and c.relname = any($1)`, [Object.keys(indexes)])
  const state = (name: IndexName): IndexState => {
    const row = rows.find((found) => found.name === name)
    return row === undefined ? 'missing' : row.valid ? 'ready' : 'invalid'
  }
  return { attempt_student_idx: state('attempt_student_idx'), attempt_completed_at_idx: state('attempt_completed_at_idx') }
}

/**
 * Builds what is missing, concurrently and outside a transaction; drops and rebuilds what a failed build left.
 * Two runners do not disturb each other: one waits at an advisory lock. Analyzes the table where anything was built,
 * because the planner needs the statistics of an expression.
 */
export async function buildIndexes(pool: pg.Pool, say: (line: string) => void): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query(`set statement_timeout = 0`)
    // tried again and again: a session that waits in a statement would hold the snapshot that the other's build waits for
    while (!(await client.query<{ got: boolean }>(`select pg_try_advisory_lock(hashtext('attempt-api indexes')) as got`)).rows[0]?.got) await new Promise((done) => setTimeout(done, 500))
    let built = false
    for (const [name, state] of Object.entries(await indexStates(pool)) as [IndexName, IndexState][]) {
      if (state === 'ready') continue
      if (state === 'invalid') {
        say(`${name}: a build that failed left it invalid; dropping it`)
        await client.query(`drop index concurrently if exists ${name}`)
      }
      say(`${name}: building (concurrently: readers and writers go on)`)
      await client.query(indexStatement(name))
      built = true
    }
    if (built) await client.query('analyze exam_results')
  } finally {
    // closes the session, and with it the advisory lock and its settings
    client.release(true)
  }
}

/** Drops both indexes, concurrently. */
export async function dropIndexes(pool: pg.Pool): Promise<void> {
  for (const name of Object.keys(indexes)) await pool.query(`drop index concurrently if exists ${name}`)
}
