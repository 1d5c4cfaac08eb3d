/**
 * Reads the figures of the databases for the metrics, on its own connections. A scrape never waits for a database that
 * does not respond: it gets the last figures, and `attempt_database_up` is 0.
 */
import { sql } from 'kysely'
import type pg from 'pg'
import type { Config } from '../config.js'
import { atMost } from '../database/at-most.js'
import { abandonQueries, createPool, dropConnections, endPool } from '../database/pool.js'
import { readerOf, type Reader } from '../database/reader.js'
import { ownSchema, statement } from '../database/statement.js'
import { anomaliesOfNewest } from '../queries/anomalies.js'
import type { KeptStoreState } from '../store/kept-state.js'
import { locatedAdvisoryLock } from '../store/sessions.js'
import { mayRead, type KnownState } from '../store/state.js'

export interface QueueFigures {
  /** Counted up to `queueCountLimit`. */
  rows: number
  /** Seconds for which the oldest row has waited; null where the queue is empty. */
  oldestS: number | null
}

export interface AnomalyFigures {
  exams: number
  byReason: ReadonlyMap<string, number>
  /** When they were counted; milliseconds. */
  at: number
}

/** A figure is undefined if it is not known yet, does not exist, or the database role may not read it. */
export interface DatabaseFigures {
  up: ReadonlyMap<'primary' | 'store', boolean>
  queue: QueueFigures | undefined
  store: KnownState | undefined
  /** Days whose KPIs must be computed again. */
  staleDays: number | undefined
  /** Whether any process on any machine is the leading refresher. */
  refresherPresent: boolean | undefined
  anomalies: AnomalyFigures | undefined
}

type Log = { warn(object: object, message: string): void }

export interface DatabaseMonitor {
  /** Begins to count anomalies, if ANOMALIES_INTERVAL_S is not 0. */
  start(log: Log): void
  /** Reads the figures again and waits a moment for them. Never rejects. */
  read(): Promise<DatabaseFigures>
  close(): Promise<void>
}

/** Milliseconds that a scrape waits; the queries continue, and the next scrape gets their figures. */
const patienceMs = 250
const answerMs = 2_000
/** The queue is counted up to this number of rows: counting millions would take too long. */
export const queueCountLimit = 10_000
/** Anomalies are counted among this many of the newest exams of a day: counting all of them would cost too much. */
const newestExams = 2_000
const anomaliesMs = 20_000
/** A scrape accepts a cached state of the store up to this age; /health reads it once a second. Milliseconds. */
const storeStateAgeMs = 1_000

const own = `"${ownSchema}"`
const unnamed = (text: string) => statement(sql.raw(text), { prepared: false })

async function readQueue(reader: Reader): Promise<QueueFigures | undefined> {
  if (!(await mayRead(reader, 'attempt_queue'))) return undefined
  const [row] = await reader.rows(
    unnamed(`
      select count(*), extract(epoch from now() - min(enqueued_at))
      from (select enqueued_at from ${own}.attempt_queue limit ${queueCountLimit}) as waiting`),
  )
  const oldest = row?.[1] ?? null
  return { rows: Number(row?.[0]), oldestS: oldest === null ? null : Math.max(0, Number(oldest)) }
}

/** Whether the newest exams can be found: by the index on the table that the view reads. */
async function hasTimeIndex(reader: Reader): Promise<boolean> {
  const rows = await reader.rows(
    unnamed(`
      select from pg_rewrite w
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
      join pg_index i on i.indrelid = d.refobjid and i.indisvalid
      join pg_class c on c.oid = i.indexrelid and c.relname = 'attempt_completed_at_idx'
      where w.ev_class = to_regclass('${own}.attempt_exam')`),
  )
  return rows.length > 0
}

/** Uses the partial index on stale days. */
async function countStaleDays(reader: Reader): Promise<number | undefined> {
  if (!(await mayRead(reader, 'attempt_day'))) return undefined
  return Number((await reader.rows(unnamed(`select count(*) from ${own}.attempt_day where stale`)))[0]?.[0])
}

/** Whether a session holds the advisory lock of the refresher. */
async function isRefresherPresent(reader: Reader): Promise<boolean> {
  const [row] = await reader.rows(
    unnamed(`
      select exists (
        select
        from pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
          and ((classid::bigint << 32) | objid::bigint) = ${locatedAdvisoryLock}
      )`),
  )
  return row?.[0] === 't'
}

export function createDatabaseMonitor(
  config: Pick<Config, 'anomaliesIntervalS'>,
  storeState: KeptStoreState,
  url: string,
  storeUrl: string,
): DatabaseMonitor {
  const createMetricsPool = (where: string) =>
    createPool({ statementTimeoutMs: answerMs }, where, {
      max: 1,
      name: 'attempt-api metrics',
      pathUse: 'leave',
      connectMs: answerMs,
      queryMs: answerMs,
    })
  const primary = createMetricsPool(url)
  const store = storeUrl === url ? primary : createMetricsPool(storeUrl)
  const counting = createPool({ statementTimeoutMs: anomaliesMs }, url, {
    max: 1,
    name: 'attempt-api anomalies',
    pathUse: 'leave',
    connectMs: 5_000,
    queryMs: anomaliesMs + 1_000,
  })
  const up = new Map<'primary' | 'store', boolean>()
  const figures: DatabaseFigures = {
    up,
    queue: undefined,
    store: undefined,
    staleDays: undefined,
    refresherPresent: undefined,
    anomalies: undefined,
  }
  let reading: Promise<void> | undefined
  let counted: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  /**
   * Checks whether the server responds, and then runs one query after another. If a query fails, its last figure stays:
   * a table lock, a missing privilege or a missing column does not mean that the server is down.
   */
  async function readServer(
    name: 'primary' | 'store',
    pool: pg.Pool,
    queries: ((reader: Reader) => Promise<void>)[],
  ): Promise<void> {
    const reader = readerOf(pool)
    const responds = await reader.rows(unnamed('select 1')).then(
      () => true,
      () => false,
    )
    up.set(name, responds)
    if (responds) for (const query of queries) await query(reader).catch(() => undefined)
  }

  async function readAll(): Promise<void> {
    await Promise.all([
      readServer('primary', primary, [
        async (reader) => {
          figures.queue = await readQueue(reader)
        },
      ]),
      readServer('store', store, [
        async () => {
          figures.store = await storeState.read(storeStateAgeMs)
        },
        async (reader) => {
          figures.staleDays = figures.store?.state === undefined ? undefined : await countStaleDays(reader)
        },
        // also for a store of an older release, which no refresher of this release updates: an alert reports it
        async (reader) => {
          figures.refresherPresent = (await mayRead(reader, 'attempt_store'))
            ? await isRefresherPresent(reader)
            : undefined
        },
      ]),
    ])
  }

  async function countAnomalies(log: Log): Promise<void> {
    try {
      // without the index, finding the newest exams would read every exam
      const reader = readerOf(counting)
      if (!(await hasTimeIndex(reader))) return
      figures.anomalies = { ...(await anomaliesOfNewest(reader, newestExams)), at: Date.now() }
    } catch (error) {
      if (timer !== undefined)
        log.warn({ err: error }, 'Counting anomalies failed. The service retries after ANOMALIES_INTERVAL_S.')
    }
  }

  return {
    start(log) {
      if (config.anomaliesIntervalS === 0) return
      const count = () => {
        counted ??= countAnomalies(log).finally(() => {
          counted = undefined
        })
      }
      timer = setInterval(count, config.anomaliesIntervalS * 1000)
      timer.unref()
      count()
    },
    async read() {
      reading ??= readAll().finally(() => {
        reading = undefined
      })
      await atMost(reading, patienceMs)
      return figures
    },
    async close() {
      clearInterval(timer)
      timer = undefined
      // a query that a server does not answer, or a long count, must not delay the end
      if (counted !== undefined) abandonQueries(counting)
      for (const pool of [primary, store]) dropConnections(pool)
      await Promise.all([reading, counted, ...[...new Set([primary, store, counting])].map(endPool)])
    },
  }
}
