/** Twelve students and their store, for tests that look into single steps of the refresher. */
import type pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import type { RefresherIntervals } from '../../src/store/intervals.js'
import { createRefresher } from '../../src/store/refresher.js'
import { refreshBatch as refreshRows } from '../../src/store/refresh-batch.js'
import type { Sessions } from '../../src/store/sessions.js'
import { createDatabase, type TestDatabase } from './database.js'
import { enabled, settleDays, shortIntervals } from './store.js'
import { until } from './until.js'

type Teardown = { teardown(action: () => unknown): unknown }

/** An exam's document with one question per item. */
export const questions = (...items: number[]): string =>
  JSON.stringify({ questions: items.map((item) => ({ question_id: item })) })

const firstQuestion = '{"question_id": 1, "is_correct": true, "time_spent_sec": 3, "topic": "algebra"}'
/** What each of the 24 exams has. */
export const smallExam = `{"questions": [${firstQuestion}, {"question_id": 2, "used_hints": 1}]}`
export const onlyFirstQuestion = `{"questions": [${firstQuestion}]}`

export interface SmallStore {
  db: TestDatabase
  /** Holds the store; the same as `db` unless `separate`. */
  store: TestDatabase
  sessions: Sessions
}

/** Users u0 to u11 with two exams each, s1 to s24; `filled: false` only enables their store. */
export async function createSmallStore(t: Teardown, { filled = true, separate = false } = {}): Promise<SmallStore> {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select 's' || n, 'u' || n % 12, $1, timestamptz '2026-03-01Z' + n * interval '7 hours'
    from generate_series(1, 24) as n`,
    [smallExam],
  )
  await buildIndexes(db.pool, () => undefined)
  const store = separate ? await createDatabase(t, { bare: true }) : db
  if (filled) await enabled(db, store)
  else await enableStore({ primary: db.pool, store: store.pool }, () => undefined)
  const primaryClient = await db.pool.connect()
  const storeClient = separate ? await store.pool.connect() : primaryClient
  t.teardown(() => {
    primaryClient.release(true)
    if (separate) storeClient.release(true)
  })
  return { db, store, sessions: { primary: primaryClient, store: storeClient } }
}

/** Refreshes a batch, and computes the days that it touched. */
export async function refreshBatch(sessions: Sessions, exams: number) {
  const refreshed = await refreshRows(sessions, exams)
  await settleDays(sessions.store)
  return refreshed
}

export interface State {
  state: string
  version: string
  oldest_version: string
  caught_up_at: string | null
  differences: string
}

export async function stateOf({ pool }: TestDatabase): Promise<State> {
  const { rows } = await pool.query<State>(
    'select state, version, oldest_version, caught_up_at::text, differences from attempt_store',
  )
  if (rows[0] === undefined) throw new Error('attempt_store has no row')
  return rows[0]
}

export async function queueLength({ pool }: TestDatabase): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from attempt_queue')
  return rows[0]?.n ?? NaN
}

/** The backend that holds the advisory lock of the store; undefined: no refresher leads. */
export async function leaderPid({ pool }: TestDatabase): Promise<number | undefined> {
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_locks
    where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`,
  )
  return rows[0]?.pid
}

/** Writes the user's exams without a change of their rows. */
export const touch = ({ pool }: TestDatabase, user: string): Promise<unknown> =>
  pool.query(`update exam_results set status = 'seen' where user_id = $1`, [user])

export const setQuestions = ({ pool }: TestDatabase, session: string, document: string): Promise<unknown> =>
  pool.query('update exam_results set result_json = $2 where session_id = $1', [session, document])

/** A student that only the store has. */
export const unknownStudent = '00000000-0000-0000-0000-000000000000'
export const insertUnknownStudent = `insert into attempt_materialized
select id, '${unknownStudent}', item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no,
  session_id, topic_id, exam_result_id, position, answered, version
from attempt_materialized
limit 1`

/** The session, with something done before the first statement that begins so. */
export function beforeStatement(
  client: pg.ClientBase,
  beginning: string,
  action: () => Promise<unknown>,
): pg.ClientBase {
  let done = false
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'query') return typeof value === 'function' ? (value.bind(target) as unknown) : value
      return async (query: string | { text: string }, values?: unknown[]) => {
        if (!done && (typeof query === 'string' ? query : query.text).startsWith(beginning)) {
          done = true
          await action()
        }
        return target.query(query as string, values)
      }
    },
  })
}

export const connectionLost = (): Promise<never> => Promise.reject(new Error('connection lost'))

/** Sessions of a store in the database of exam_results. */
export const onOneSession = (client: pg.ClientBase): Sessions => ({ primary: client, store: client })

/** Runs a refresher until the condition holds and no day is stale. @returns what it logged */
export async function refreshUntil(
  { db, store }: Pick<SmallStore, 'db' | 'store'>,
  message: string,
  condition: () => Promise<boolean>,
  intervals: Partial<RefresherIntervals> = {},
): Promise<string[]> {
  const lines: string[] = []
  const log = (object: object, line: string) => {
    lines.push(`${line} ${JSON.stringify(object)}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: store.url,
    log: { info: log, warn: log, error: log },
    intervals: { ...shortIntervals, ...intervals },
  })
  void refresher.run()
  const noStaleDay = async () => (await store.pool.query('select from attempt_day where stale')).rowCount === 0
  try {
    await until(async () => (await condition()) && (await noStaleDay()), message)
  } finally {
    await refresher.stop()
  }
  return lines
}
