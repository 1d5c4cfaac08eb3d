/** Compares the stored KPIs of a UTC day with the store's rows. */
import type pg from 'pg'
import { acknowledgeVersion } from './acknowledgement.js'
import { dayColumns, selectDay } from './day-kpis.js'
import { columnsOf } from './recompute.js'
import { inSnapshot, type Sessions, transaction } from './sessions.js'
import { lockStoreRow, nextVersion } from './store-row.js'

const differsSql = `with fresh as (
  ${selectDay}
), old as (
  select ${dayColumns.join(', ')} from attempt_topic_day where date = $1::date
)
select
  not exists (select from attempt_day where date = $1::date and stale)
  and (
    exists (select from old group by topic_id having count(*) > 1)
    or exists (
      select from fresh
      full join old
        on (fresh.topic_id is null) = (old.topic_id is null)
        and coalesce(fresh.topic_id, '') = coalesce(old.topic_id, '')
      where (${columnsOf('fresh', dayColumns)}) is distinct from (${columnsOf('old', dayColumns)})
    )
  ) as differs`

/** Whether a day's stored KPIs differ from those of the store's rows; reads only. False for a stale day. */
export async function dayDiffers(client: pg.ClientBase, date: string): Promise<boolean> {
  const {
    rows: [comparison],
  } = await client.query<{ differs: boolean }>(differsSql, [date])
  return comparison?.differs === true
}

/** A day whose stored KPIs were compared with its rows; `version` is that of both in the snapshot. */
export interface ComparedDay {
  date: string
  version: string
  differs: boolean
}

/** Compares the next day after `after`, in its own snapshot. @returns undefined: there is no later day */
export const compareNextDay = (reader: pg.ClientBase, after: string | null): Promise<ComparedDay | undefined> =>
  inSnapshot(reader, async () => {
    const {
      rows: [next],
    } = await reader.query<{ date: string; version: string }>(
      `select date::text as date, version
from attempt_day
where not stale ${after === null ? '' : 'and date > $1::date'}
order by date
limit 1`,
      after === null ? [] : [after],
    )
    return next === undefined ? undefined : { ...next, differs: await dayDiffers(reader, next.date) }
  })

/** Marks a day that differed as stale and counts the difference. @returns false: a batch changed the day meanwhile */
export const invalidateDay = (sessions: Sessions, { date, version }: ComparedDay): Promise<boolean> =>
  transaction(sessions, async () => {
    const { primary, store } = sessions
    const row = await lockStoreRow(store)
    if (row?.state !== 'ready') return false
    const next = nextVersion(row)
    const { rowCount } = await store.query(
      `update attempt_day set stale = true, version = $3::bigint
where date = $1 and version = $2::bigint and not stale`,
      [date, version, next],
    )
    if (rowCount !== 1) return false
    await store.query(
      'update attempt_store set version = $1::bigint, differences = differences + 1, difference_at = now()',
      [next],
    )
    await acknowledgeVersion(primary, row, next)
    return true
  })
