/**
 * The topic KPIs of UTC days. They cost what the day holds, so that no batch computes them: it marks the days that it
 * touched, and a session beside computes one after another. Until then their KPIs are read from the rows.
 */
import type pg from 'pg'
import { abandon } from '../database/cancel.js'
import { guardSession } from '../database/session-guard.js'
import { literalText } from '../database/statement.js'
import { dayMeasures } from '../measures.js'
import { acknowledge, readState, transaction, type Sessions } from './sessions.js'

const typed = [
  ['date', 'date'],
  ['topic_id', 'text'],
  ...dayMeasures.map(({ name, kind }) => [name, kind === 'number' ? 'double precision' : 'bigint'] as const),
] as const
const names = typed.map(([name]) => name)
const columns = names.join(', ')
const columnsOf = (table: string) => names.map((name) => `${table}.${name}`).join(', ')

/** The KPIs of one UTC day, $1, as the store's rows have them. */
const freshDay = `select $1::date as date, topic_id, ${dayMeasures.map(({ sql, name }) => `${literalText(sql)} as ${name}`).join(', ')}
from attempt_materialized
where completed_at >= ($1::date)::timestamp at time zone 'UTC' and completed_at < ($1::date + 1)::timestamp at time zone 'UTC'
group by topic_id`

/** Gives the days this version, inside the caller's transaction: a row of them changed under it. */
export async function markDays(store: pg.ClientBase, days: readonly string[], version: string): Promise<void> {
  if (days.length === 0) return
  await store.query(
    `insert into attempt_day (date, version, stale) select unnest($1::date[]), $2::bigint, true
on conflict (date) do update set version = excluded.version, stale = excluded.stale
where attempt_day.version <> excluded.version or not attempt_day.stale`,
    [days, version],
  )
}

/** A day's KPIs, one array a column, as of the version that its rows had. */
export interface ComputedDay {
  date: string
  version: string
  ms: number
  arrays: (string | null)[][]
}

/** Computes one day in a snapshot of its own; undefined where nothing touched it since. Writes nothing. */
export async function computeDay(reader: pg.ClientBase, date: string): Promise<ComputedDay | undefined> {
  const began = performance.now()
  await reader.query('begin isolation level repeatable read read only')
  try {
    const {
      rows: [day],
    } = await reader.query<{ version: string }>('select version from attempt_day where date = $1 and stale', [date])
    const { rows } =
      day === undefined
        ? { rows: [] }
        : await reader.query<(string | null)[]>({
            name: 'attempt_store_day',
            text: `select ${names.map((name) => `${name}::text`).join(', ')} from (${freshDay}) as fresh`,
            values: [date],
            rowMode: 'array',
          } as unknown as pg.QueryArrayConfig)
    await reader.query('commit')
    return day === undefined
      ? undefined
      : {
          date,
          version: day.version,
          ms: performance.now() - began,
          arrays: names.map((_name, index) => rows.map((row) => row[index] ?? null)),
        }
  } catch (error) {
    await reader.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Writes a day's KPIs, unless the day was touched again meanwhile. @returns whether it did */
export async function writeDay(store: pg.ClientBase, { date, version, arrays }: ComputedDay): Promise<boolean> {
  await store.query('begin')
  try {
    // nobody writes into the store but under this lock
    await readState(store)
    const { rowCount } = await store.query(
      'update attempt_day set stale = false where date = $1 and version = $2::bigint and stale',
      [date, version],
    )
    if (rowCount === 1) {
      await store.query('delete from attempt_topic_day where date = $1', [date])
      await store.query(
        `insert into attempt_topic_day (${columns})
select ${columns} from unnest(${typed.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')}) as f (${columns})`,
        arrays,
      )
    }
    await store.query('commit')
    return rowCount === 1
  } catch (error) {
    await store.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Days whose KPIs are to be computed, the latest first. */
export async function staleDays(store: pg.ClientBase): Promise<string[]> {
  return (
    await store.query<{ date: string }>(
      'select date::text as date from attempt_day where stale order by date desc limit 200',
    )
  ).rows.map(({ date }) => date)
}

/** Whether the topic KPIs of a UTC day are those of the store's rows; reads only. A stale day's are not looked at. */
export async function dayDiffers(client: pg.ClientBase, day: string): Promise<boolean> {
  const {
    rows: [found],
  } = await client.query<{ differs: boolean }>(
    `with fresh as (${freshDay}), old as (select ${columns} from attempt_topic_day where date = $1::date)
select not exists (select from attempt_day where date = $1::date and stale) and (exists (select from old group by topic_id having count(*) > 1) or exists (
  select from fresh full join old on (fresh.topic_id is null) = (old.topic_id is null) and coalesce(fresh.topic_id, '') = coalesce(old.topic_id, '')
  where (${columnsOf('fresh')}) is distinct from (${columnsOf('old')}))) as differs`,
    [day],
  )
  return found?.differs === true
}

/** A day whose stored KPIs were compared with its rows, as of the version that both had. */
interface ComparedDay {
  date: string
  version: string
  differs: boolean
}

/** The next day in the order of dates, compared in a snapshot of its own; undefined: `after` was the last. */
async function compareDay(reader: pg.ClientBase, after: string | null): Promise<ComparedDay | undefined> {
  await reader.query('begin isolation level repeatable read read only')
  try {
    const {
      rows: [next],
    } = await reader.query<{ date: string; version: string }>(
      `select date::text as date, version from attempt_day where not stale ${after === null ? '' : 'and date > $1::date '}order by date limit 1`,
      after === null ? [] : [after],
    )
    const differs = next !== undefined && (await dayDiffers(reader, next.date))
    await reader.query('commit')
    return next === undefined ? undefined : { ...next, differs }
  } catch (error) {
    await reader.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Has a day that differed computed anew, unless something touched it since. @returns whether it does */
const invalidateDay = (sessions: Sessions, { date, version }: ComparedDay): Promise<boolean> =>
  transaction(sessions, async () => {
    const state = await readState(sessions.store)
    if (state?.state !== 'ready') return false
    const next = String(BigInt(state.version) + 1n)
    const { rowCount } = await sessions.store.query(
      'update attempt_day set stale = true, version = $3::bigint where date = $1 and version = $2::bigint and not stale',
      [date, version, next],
    )
    if (rowCount !== 1) return false
    await sessions.store.query(
      'update attempt_store set version = $1::bigint, differences = differences + 1, difference_at = now()',
      [next],
    )
    await acknowledge(sessions.primary, state, next)
    return true
  })

/** A day that is touched without end takes no more than this share of the time, and the comparison of days of less. */
const share = 0.2
const longestWaitMs = 600_000
const comparedShare = 0.02
const compareEveryMs = 1_000

/** Computes stale days one after another beside the batches, which write them; while there are none, compares the others. */
export interface DayKeeper {
  /**
   * Called between batches: writes what is done, and has the next day computed or, if `idle`, compared.
   * @returns whether one is being computed, or only waits for its turn
   */
  turn(sessions: Sessions, idle: boolean): Promise<'computing' | 'waiting' | 'none'>
  /** Ends what is under way. */
  stop(): Promise<void>
}

export function createDayKeeper(
  pool: pg.Pool,
  log: { warn(object: object, message: string): void; error(object: object, message: string): void },
): DayKeeper {
  const rest = new Map<string, { until: number; tries: number }>()
  let [computing, stopping]: [Promise<void> | undefined, boolean] = [undefined, false]
  let computed: ComputedDay | undefined
  let comparing = false
  let different: ComparedDay | undefined
  /** The walk of the comparison goes on anywhere, or where leaders are short-lived the first days alone would be compared. */
  let place: string | null = new Date(Date.now() - Math.random() * 365 * 86_400_000).toISOString().slice(0, 10)
  let compareAt = 0

  let client: pg.PoolClient | undefined
  let guard = () => {}

  async function session(): Promise<pg.PoolClient> {
    if (client === undefined) {
      client = await pool.connect()
      guard = await guardSession(pool, client)
    }
    // who stops us while we connect finds nothing to end yet
    if (stopping) throw new Error('stopping')
    return client
  }

  function leave(): void {
    guard()
    client?.release(true)
    client = undefined
  }

  async function compute(date: string): Promise<void> {
    try {
      computed = await computeDay(await session(), date)
    } catch (error) {
      leave()
      if (stopping) return
      rest.set(date, { until: Date.now() + 1_000, tries: 0 })
      log.warn({ err: error, date }, 'the KPIs of a day could not be computed; trying again')
    }
  }

  async function compare(): Promise<void> {
    const began = performance.now()
    try {
      const compared = await compareDay(await session(), place)
      place = compared?.date ?? null
      if (compared?.differs === true) different = compared
    } catch (error) {
      leave()
      if (!stopping) log.warn({ err: error }, 'the KPIs of a day could not be compared; trying again')
    }
    compareAt = Date.now() + Math.max(compareEveryMs, (performance.now() - began) * (1 / comparedShare - 1))
  }

  return {
    async turn(sessions, idle) {
      const { store } = sessions
      if (computed !== undefined) {
        const day = computed
        computed = undefined
        const tries = (await writeDay(store, day)) ? 0 : (rest.get(day.date)?.tries ?? 0) + 1
        rest.set(day.date, {
          until: Date.now() + Math.min(longestWaitMs, day.ms * (1 / share - 1) * 2 ** tries),
          tries,
        })
      }
      if (different !== undefined) {
        const day = different
        different = undefined
        if (await invalidateDay(sessions, day))
          log.error({ date: day.date }, 'the KPIs of a day differed from the rows of the store and are computed anew')
      }
      if (computing !== undefined) return comparing ? 'none' : 'computing'
      const days = await staleDays(store)
      for (const [date, { until }] of rest) if (until < Date.now() && !days.includes(date)) rest.delete(date)
      const next = days.find((date) => (rest.get(date)?.until ?? 0) <= Date.now())
      comparing = next === undefined
      if (next !== undefined)
        computing = compute(next).finally(() => {
          computing = undefined
        })
      else if (idle && days.length === 0 && Date.now() >= compareAt)
        computing = compare().finally(() => {
          computing = undefined
        })
      return next !== undefined ? 'computing' : days.length > 0 ? 'waiting' : 'none'
    },
    async stop() {
      stopping = true
      if (computing !== undefined && client !== undefined) abandon(client)
      await computing
      leave()
    },
  }
}
