/** Empties a store that is marked for a rebuild, fills it from where the last fill stopped, and logs the progress. */
import { pause } from '../database/pause.js'
import { emptyStore, type FilledChunk, fillChunk } from './fill.js'
import type { RefresherIntervals } from './intervals.js'
import type { RefresherLog } from './leader.js'
import type { Sessions } from './sessions.js'
import { logSetAside } from './set-aside.js'
import type { StoreRow } from './store-row.js'
import { shareUpTo } from './students.js'

interface FillOptions {
  log: RefresherLog
  intervals: Pick<RefresherIntervals, 'idleMs' | 'progressMs' | 'settleMs'>
  signal: AbortSignal
}

/** Milliseconds until a store marked for a rebuild may be emptied. Its version is the time at which it was marked. */
async function msUntilSettled({ store }: Sessions, settleMs: number): Promise<number> {
  const { rows } = await store.query<{ ms: number }>(
    `select greatest(
  0,
  least($1::bigint, version + $1::bigint - floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
)::integer as ms
from attempt_store`,
    [settleMs],
  )
  return rows[0]?.ms ?? settleMs
}

async function emptyWhenUnread(sessions: Sessions, { log, intervals, signal }: FillOptions): Promise<void> {
  log.warn({}, 'emptying the store to fill it again')
  await pause(await msUntilSettled(sessions, intervals.settleMs), signal)
  while (!signal.aborted && !(await emptyStore(sessions.store))) await pause(intervals.idleMs, signal)
}

/** @param began when this process began to fill (milliseconds); the store had `rowsBefore` rows then */
function progress({ done, filledTo, rows }: FilledChunk, began: number, rowsBefore: number) {
  const share = done || filledTo === null ? 1 : shareUpTo(filledTo)
  const rowsPerSecond = Math.round((rows - rowsBefore) / Math.max(0.001, (Date.now() - began) / 1000))
  const rowsLeft = rows * (1 / Math.max(share, 1e-9) - 1)
  return {
    rows,
    share: Math.round(share * 1000) / 1000,
    rowsPerSecond,
    secondsLeft: rowsPerSecond === 0 ? null : Math.round(rowsLeft / rowsPerSecond),
  }
}

export async function fillStore(sessions: Sessions, options: FillOptions): Promise<void> {
  const { log, intervals, signal } = options
  const {
    rows: [before],
  } = await sessions.store.query<Pick<StoreRow, 'state' | 'filled_rows'>>(
    'select state, filled_rows from attempt_store',
  )
  if (before?.state === 'emptying') await emptyWhenUnread(sessions, options)
  const began = Date.now()
  let loggedAt = 0
  while (!signal.aborted) {
    const chunk = await fillChunk(sessions)
    logSetAside(log, chunk.setAside)
    if (chunk.done || Date.now() - loggedAt > intervals.progressMs) {
      loggedAt = Date.now()
      log.info(progress(chunk, began, Number(before?.filled_rows ?? 0)), 'filling the store')
    }
    if (chunk.done) return
  }
}
