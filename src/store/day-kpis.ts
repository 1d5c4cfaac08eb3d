/**
 * The topic KPIs of UTC days. Computing them costs as much as the day has rows, so a batch only marks the days that it
 * changed as stale. A second session computes stale days one after another. Until then, requests compute a stale day's
 * KPIs from its rows.
 */
import type pg from 'pg'
import { literalText } from '../database/statement.js'
import { dayMeasures } from '../measures.js'
import type { ColumnArrays } from './transfer.js'
import { inSnapshot, inTransaction } from './sessions.js'
import { lockStoreRow } from './store-row.js'

const typedColumns = [
  ['date', 'date'],
  ['topic_id', 'text'],
  ...dayMeasures.map(({ name, kind }) => [name, kind === 'number' ? 'double precision' : 'bigint'] as const),
] as const
export const dayColumns: readonly string[] = typedColumns.map(([name]) => name)
const columns = dayColumns.join(', ')

/** SQL: the KPIs of one UTC day ($1), computed from the store's rows. */
export const selectDay = `select
  $1::date as date,
  topic_id,
  ${dayMeasures.map(({ sql, name }) => `${literalText(sql)} as ${name}`).join(',\n  ')}
from attempt_materialized
where completed_at >= ($1::date)::timestamp at time zone 'UTC'
  and completed_at < ($1::date + 1)::timestamp at time zone 'UTC'
group by topic_id`

/** Marks days with a row that changed under this version as stale, inside the caller's transaction. */
export async function markDaysStale(store: pg.ClientBase, days: readonly string[], version: string): Promise<void> {
  if (days.length === 0) return
  await store.query(
    `insert into attempt_day (date, version, stale)
select unnest($1::date[]), $2::bigint, true
on conflict (date) do update set version = excluded.version, stale = excluded.stale
where attempt_day.version <> excluded.version or not attempt_day.stale`,
    [days, version],
  )
}

/** The days whose KPIs must be computed, latest first; at most 200. */
export async function staleDays(store: pg.ClientBase): Promise<string[]> {
  const { rows } = await store.query<{ date: string }>(
    'select date::text as date from attempt_day where stale order by date desc limit 200',
  )
  return rows.map(({ date }) => date)
}

/** Bytes of the KPIs of a day that are read into this process. A day with more is computed in one transaction. */
const dayBytes = 8 * 1024 * 1024

/** Of a day's KPIs for one topic without its name. */
const topicBytes = 200

/** The KPIs of a day, and the version of the rows from which they were computed. */
export interface ComputedDay {
  date: string
  version: string
  /** Milliseconds that the computation took. */
  ms: number
  arrays: ColumnArrays
}

/**
 * Computes one day in its own snapshot; writes nothing.
 * @returns undefined: the day is not stale, or was too large to be read and has been written
 */
export async function computeDay(reader: pg.ClientBase, date: string): Promise<ComputedDay | undefined> {
  const computed = await readDay(reader, date)
  if (computed !== 'too large') return computed
  await writeLargeDay(reader, date)
  return undefined
}

function readDay(reader: pg.ClientBase, date: string): Promise<ComputedDay | 'too large' | undefined> {
  const began = performance.now()
  return inSnapshot(reader, async () => {
    const {
      rows: [day],
    } = await reader.query<{ version: string }>('select version from attempt_day where date = $1 and stale', [date])
    if (day === undefined) return undefined
    const { rows } = await reader.query<(string | null)[]>({
      name: 'attempt_store_day',
      // of a day that is too large, one row without the topic
      text: `select
  ${dayColumns.map((name) => (name === 'topic_id' ? topicThatFits : `${name}::text`)).join(', ')},
  (bytes > ${dayBytes})::text
from (
  select
    *,
    row_number() over () as n,
    sum(${topicBytes} + coalesce(octet_length(topic_id), 0)) over () as bytes
  from (${selectDay}) as topic
) as fresh
where bytes <= ${dayBytes} or n = 1`,
      values: [date],
      rowMode: 'array',
    })
    if (rows[0]?.[dayColumns.length] === 'true') return 'too large'
    return {
      date,
      version: day.version,
      ms: performance.now() - began,
      arrays: dayColumns.map((_name, index) => rows.map((row) => row[index] ?? null)),
    }
  })
}

const topicThatFits = `case when bytes <= ${dayBytes} then topic_id end`

const insertDay = `insert into attempt_topic_day (${columns})
select ${columns}
from unnest(${typedColumns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')}) as f (${columns})`

/** Computes and writes a day without reading it; batches wait meanwhile. */
const writeLargeDay = (store: pg.ClientBase, date: string): Promise<void> =>
  inTransaction(store, async () => {
    await lockStoreRow(store)
    const { rowCount } = await store.query('update attempt_day set stale = false where date = $1 and stale', [date])
    if (rowCount !== 1) return
    await store.query('delete from attempt_topic_day where date = $1', [date])
    await store.query(`insert into attempt_topic_day (${columns}) ${selectDay}`, [date])
  })

/** Writes a day's KPIs. @returns false: nothing was written, because a batch changed the day since it was computed */
export const writeDay = (store: pg.ClientBase, { date, version, arrays }: ComputedDay): Promise<boolean> =>
  inTransaction(store, async () => {
    await lockStoreRow(store)
    const { rowCount } = await store.query(
      'update attempt_day set stale = false where date = $1 and version = $2::bigint and stale',
      [date, version],
    )
    if (rowCount !== 1) return false
    await store.query('delete from attempt_topic_day where date = $1', [date])
    await store.query(insertDay, arrays)
    return true
  })
