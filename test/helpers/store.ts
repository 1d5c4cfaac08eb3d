/** A store on a test database, brought up to date when a test wants it. */
import type pg from 'pg'
import { computeDay, staleDays, writeDay } from '../../src/store/day-kpis.js'
import { enableStore } from '../../src/store/enable.js'
import { productionIntervals, type RefresherIntervals } from '../../src/store/intervals.js'
import type { RefresherLog } from '../../src/store/leader.js'
import { createRefresher } from '../../src/store/refresher.js'
import type { TestDatabase } from './database.js'

/** Production's intervals, shortened: a test waits for what happens, not for when production would do it. */
export const shortIntervals: RefresherIntervals = {
  ...productionIntervals,
  idleMs: 40,
  computingMs: 10,
  heartbeatMs: 100,
  triggerCheckMs: 200,
  verificationMs: 100,
  settleMs: 20,
  electionMs: 50,
  absentStoreMs: 50,
  sessionCheckMs: 500,
  dayRetryMs: 50,
  dayComputeShare: 0.5,
  dayComparisonMs: 100,
  dayComparisonShare: 0.2,
}

export const silentLog: RefresherLog = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Refreshes until the store is complete and the queue is empty. */
export async function catchUp(url: string, storeUrl = url, log = silentLog): Promise<void> {
  const refresher = createRefresher({ primaryUrl: url, storeUrl, log, once: true, intervals: shortIntervals })
  try {
    await refresher.run()
  } finally {
    await refresher.stop()
  }
}

export async function enabled(db: TestDatabase, store = db): Promise<void> {
  await enableStore({ primary: db.pool, store: store.pool }, () => undefined)
  await catchUp(db.url, store.url)
}

/** Computes every stale day, as the refresher does beside its batches. */
export async function settleDays(store: pg.ClientBase): Promise<void> {
  for (const date of await staleDays(store)) {
    const day = await computeDay(store, date)
    if (day !== undefined) await writeDay(store, day)
  }
}

const viewColumns = `id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
  attempt_no, session_id, topic_id`
export const storedColumns = `${viewColumns}, exam_result_id, position, answered`
export const dayColumns = `date, topic_id, attempts, correct, accuracy, first_attempts, first_attempts_correct, hints,
  timed_attempts, sum_response_time_ms, avg_response_time_ms, median_response_time_ms, students, p90_response_time_ms`

/** The KPIs of all days in the order of `dayColumns`, computed from the view. */
const daysOfView = `select
  (completed_at at time zone 'UTC')::date,
  topic_id,
  count(*),
  count(*) filter (where correct),
  count(*) filter (where correct)::float8 / count(*),
  count(*) filter (where attempt_no = 1),
  count(*) filter (where attempt_no = 1 and correct),
  count(*) filter (where hint_used),
  count(*) filter (where response_time_ms > 0),
  sum(response_time_ms),
  avg(response_time_ms)::float8,
  percentile_cont(0.5) within group (order by response_time_ms),
  count(distinct student_id),
  percentile_cont(0.9) within group (order by response_time_ms)
from attempt
group by 1, 2`

/** Rows that only the view or only the store has. */
export async function differences(pool: pg.Pool): Promise<unknown[]> {
  const { rows } = await pool.query(`(
  select 'view' as only_in, ${viewColumns} from attempt
  except all
  select 'view', ${viewColumns} from attempt_materialized
)
union all (
  select 'store', ${viewColumns} from attempt_materialized
  except all
  select 'store', ${viewColumns} from attempt
)`)
  return rows
}

/** What `differentRows` returns where the store is equal to the view. */
export const noDifferentRows = { rows: [], days: [] }

async function textsOf(pool: pg.Pool, select: string): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(`select (s.*)::text as text from (${select}) as s order by 1`)
  return rows.map(({ text }) => text)
}

function differentTexts(view: string[], store: string[]): string[] {
  const [inView, inStore] = [new Set(view), new Set(store)]
  return [
    ...view.filter((text) => !inStore.has(text)).map((text) => `view ${text}`),
    ...store.filter((text) => !inView.has(text)).map((text) => `store ${text}`),
    ...(view.length === store.length ? [] : [`${view.length} and ${store.length} rows`]),
  ]
}

/** The same for two databases, rows and days, each computed from the view. */
export async function differentRows(source: pg.Pool, store: pg.Pool): Promise<{ rows: string[]; days: string[] }> {
  return {
    rows: differentTexts(
      await textsOf(source, `select ${storedColumns} from attempt_numbered`),
      await textsOf(store, `select ${storedColumns} from attempt_materialized`),
    ),
    days: differentTexts(
      await textsOf(source, daysOfView),
      await textsOf(store, `select ${dayColumns} from attempt_topic_day`),
    ),
  }
}
