/** A store on a test database, brought up to date on demand. */
import type pg from 'pg'
import { computeDay, staleDays, writeDay } from '../../src/store/days.js'
import { enableStore } from '../../src/store/enable.js'
import { createRefresher, type RefresherOptions } from '../../src/store/refresher.js'
import type { TestDatabase } from './database.js'

const quiet: RefresherOptions['log'] = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Refreshes until the store is whole and the queue is empty. */
export async function catchUp(url: string, storeUrl = url, log = quiet): Promise<void> {
  const refresher = createRefresher({ primaryUrl: url, storeUrl, log, once: true })
  await refresher.run()
  await refresher.stop()
}

export async function enabled(db: TestDatabase, store = db): Promise<void> {
  await enableStore({ primary: db.pool, store: store.pool }, () => undefined)
  await catchUp(db.url, store.url)
}

/** Computes every day that is stale, as the refresher does beside its batches. */
export async function settleDays(store: pg.ClientBase): Promise<void> {
  for (const date of await staleDays(store)) {
    const day = await computeDay(store, date)
    if (day !== undefined) await writeDay(store, day)
  }
}

/** Every row of the view that the store lacks or has otherwise, and the other way round. */
export async function differences(pool: pg.Pool): Promise<unknown[]> {
  const columns =
    'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'
  return (
    await pool.query(`(select 'view' as only_in, ${columns} from attempt except all select 'view', ${columns} from attempt_materialized)
    union all (select 'store', ${columns} from attempt_materialized except all select 'store', ${columns} from attempt)`)
  ).rows
}

const stored =
  'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id, exam_result_id, position, answered'
const dayColumns =
  'date, topic_id, attempts, correct, accuracy, first_attempts, first_attempts_correct, hints, timed_attempts, sum_response_time_ms, avg_response_time_ms, median_response_time_ms, students, p90_response_time_ms'

/** The same for two databases, rows and days, each computed from the view. */
export async function differentRows(source: pg.Pool, store: pg.Pool): Promise<{ rows: string[]; days: string[] }> {
  const texts = async (pool: pg.Pool, select: string) =>
    (await pool.query<{ text: string }>(`select (s.*)::text as text from (${select}) as s order by 1`)).rows.map(
      ({ text }) => text,
    )
  const different = (a: string[], b: string[]) => {
    const [inA, inB] = [new Set(a), new Set(b)]
    return [
      ...a.filter((text) => !inB.has(text)).map((text) => `view ${text}`),
      ...b.filter((text) => !inA.has(text)).map((text) => `store ${text}`),
      ...(a.length === b.length ? [] : [`${a.length} and ${b.length} rows`]),
    ]
  }
  return {
    rows: different(
      await texts(source, `select ${stored} from attempt_numbered`),
      await texts(store, `select ${stored} from attempt_materialized`),
    ),
    days: different(
      await texts(
        source,
        `select (completed_at at time zone 'UTC')::date, topic_id, count(*), count(*) filter (where correct), count(*) filter (where correct)::float8 / count(*),
      count(*) filter (where attempt_no = 1), count(*) filter (where attempt_no = 1 and correct), count(*) filter (where hint_used), count(*) filter (where response_time_ms > 0), sum(response_time_ms), avg(response_time_ms)::float8,
      percentile_cont(0.5) within group (order by response_time_ms), count(distinct student_id), percentile_cont(0.9) within group (order by response_time_ms) from attempt group by 1, 2`,
      ),
      await texts(store, `select ${dayColumns} from attempt_topic_day`),
    ),
  }
}
