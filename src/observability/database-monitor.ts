/**
 * What the metrics tell of the databases, asked on connections of their own. A scrape never waits for a database that is
 * away: it gets what was known last, and that the database does not answer.
 */
import { sql } from 'kysely'
import type pg from 'pg'
import type { Config } from '../config.js'
import { indexStates } from '../migrate/indexes.js'
import { createPool } from '../database/pool.js'
import { readerOf, type Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { anomaliesOfNewest } from '../queries/anomalies.js'
import { storeAdvisoryLock } from '../store/sessions.js'
import { mayRead, readStoreState, type KnownState } from '../store/state.js'

export interface Queue {
  /** Rows that wait, counted up to `mostCounted`. */
  rows: number
  /** Seconds that the oldest of them has waited; null where none waits. */
  oldestS: number | null
}

export interface Anomalies {
  exams: number
  byReason: ReadonlyMap<string, number>
  at: number
}

/** undefined: not known, not there, or not to be read by this role. */
export interface Known {
  up: Map<'primary' | 'store', boolean>
  queue: Queue | undefined
  store: KnownState | undefined
  /** Days whose KPIs are not computed anew yet. */
  staleDays: number | undefined
  /** Whether anybody, here or elsewhere, keeps the store in step. */
  refresher: boolean | undefined
  anomalies: Anomalies | undefined
}

export interface DatabaseMonitor {
  /** Asks anew and waits a moment for the answers. Never rejects. */
  look(): Promise<Known>
  /** Begins to count anomalies, if it is configured. */
  start(log: { warn(object: object, message: string): void }): void
  close(): Promise<void>
}

/** A scrape waits no longer; what is asked goes on, and the next scrape has it. */
const patienceMs = 250
const answerMs = 2_000
/** A backlog of millions is not counted to its end. */
export const mostCounted = 10_000
/** Anomalies are counted among so many exams, the newest of a day: what the view of everything costs is out of the question. */
const newestExams = 2_000
const anomaliesMs = 20_000

const once = (text: string) => statement(sql.raw(text), { prepared: false })

async function readQueue(reader: Reader): Promise<Queue | undefined> {
  if (!(await mayRead(reader, 'attempt_queue'))) return undefined
  const [row] = await reader.rows(
    once(
      `select count(*), extract(epoch from now() - min(enqueued_at)) from (select enqueued_at from attempt_queue limit ${mostCounted}) as waiting`,
    ),
  )
  return {
    rows: Number(row?.[0]),
    oldestS: row?.[1] === null || row?.[1] === undefined ? null : Math.max(0, Number(row[1])),
  }
}

/** Read by the index of those alone. */
async function countStaleDays(reader: Reader): Promise<number | undefined> {
  if (!(await mayRead(reader, 'attempt_day'))) return undefined
  return Number((await reader.rows(once('select count(*) from attempt_day where stale')))[0]?.[0])
}

async function hasRefresher(reader: Reader): Promise<boolean> {
  const [row] = await reader.rows(
    once(`select exists (select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database()) and ((classid::bigint << 32) | objid::bigint) = ${storeAdvisoryLock})`),
  )
  return row?.[0] === 't'
}

export function createDatabaseMonitor(
  config: Pick<Config, 'anomaliesIntervalS'>,
  url: string,
  storeUrl = url,
): DatabaseMonitor {
  const open = (where: string) =>
    createPool({ statementTimeoutMs: answerMs }, where, {
      max: 1,
      name: 'attempt-api metrics',
      connectMs: answerMs,
      queryMs: answerMs,
    })
  const primary = open(url)
  const store = storeUrl === url ? primary : open(storeUrl)
  const counting = createPool({ statementTimeoutMs: anomaliesMs }, url, {
    max: 1,
    name: 'attempt-api anomalies',
    connectMs: 5_000,
    queryMs: anomaliesMs + 1_000,
  })
  const known: Known = {
    up: new Map(),
    queue: undefined,
    store: undefined,
    staleDays: undefined,
    refresher: undefined,
    anomalies: undefined,
  }
  let [looking, counted]: [Promise<void> | undefined, Promise<void> | undefined] = [undefined, undefined]
  let timer: NodeJS.Timeout | undefined

  /**
   * Whether the server answers, and then one question after another: where one fails, what was known of that stays. It
   * says nothing of the server: a lock, a right or a column that is missing is no database that is away.
   */
  async function ask(
    name: 'primary' | 'store',
    pool: pg.Pool,
    questions: ((reader: Reader) => Promise<void>)[],
  ): Promise<void> {
    const reader = readerOf(pool)
    const up = await reader.rows(once('select 1')).then(
      () => true,
      () => false,
    )
    known.up.set(name, up)
    if (up) for (const question of questions) await question(reader).catch(() => undefined)
  }

  async function lookNow(): Promise<void> {
    await Promise.all([
      ask('primary', primary, [
        async (reader) => {
          known.queue = await readQueue(reader)
        },
      ]),
      ask('store', store, [
        async (reader) => {
          known.store = { state: await readStoreState(reader), at: Date.now() }
        },
        async (reader) => {
          known.staleDays = known.store?.state === undefined ? undefined : await countStaleDays(reader)
        },
        // also of a store of an older version, which nobody keeps in step: that is to be told
        async (reader) => {
          known.refresher = (await mayRead(reader, 'attempt_store')) ? await hasRefresher(reader) : undefined
        },
      ]),
    ])
  }

  async function count(log: { warn(object: object, message: string): void }): Promise<void> {
    try {
      // without it the newest exams are found by reading every exam
      if ((await indexStates(counting)).attempt_completed_at_idx !== 'ready') return
      known.anomalies = { ...(await anomaliesOfNewest(readerOf(counting), newestExams)), at: Date.now() }
    } catch (error) {
      if (timer !== undefined) log.warn({ err: error }, 'anomalies could not be counted; trying again')
    }
  }

  return {
    async look() {
      let late: NodeJS.Timeout | undefined
      looking ??= lookNow().finally(() => {
        looking = undefined
      })
      await Promise.race([
        looking,
        new Promise<void>((done) => {
          late = setTimeout(done, patienceMs)
        }),
      ])
      clearTimeout(late)
      return known
    },
    start(log) {
      if (config.anomaliesIntervalS === 0) return
      const again = () => {
        counted ??= count(log).finally(() => {
          counted = undefined
        })
      }
      timer = setInterval(again, config.anomaliesIntervalS * 1000)
      timer.unref()
      again()
    },
    async close() {
      clearInterval(timer)
      timer = undefined
      await Promise.all([looking, counted])
      await Promise.all([...new Set([primary, store, counting])].map((pool) => pool.end()))
    },
  }
}
