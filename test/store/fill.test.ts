/** The first fill of a store, and a rebuild: chunk by chunk, complete before it is read. */
import t from 'tap'
import { fillChunk, rebuild } from '../../src/store/fill.js'
import { productionIntervals } from '../../src/store/intervals.js'
import { nextStudents } from '../../src/store/students.js'
import { verifyStore } from '../../src/store/verify.js'
import {
  createSmallStore,
  insertUnknownStudent,
  leaderPid,
  questions,
  refreshBatch,
  refreshUntil,
  stateOf,
} from '../helpers/small-store.js'
import { catchUp, differentRows, noDifferentRows } from '../helpers/store.js'

t.test('a store that is rebuilt is not ready before it is complete', async (t) => {
  const small = await createSmallStore(t)
  const { db, sessions } = small
  await db.pool.query(insertUnknownStudent)
  const before = await stateOf(db)
  let marked = false
  const seen = new Set<string>()
  /** Whether rows and days are complete. */
  const complete = `select
  state,
  (select count(*) from attempt_materialized) = 48
  and (
    select sum(attempts) from attempt_topic_day join attempt_day using (date) where not stale
  ) is not distinct from (
    select count(*) from attempt_materialized
    join attempt_day on date = (completed_at at time zone 'UTC')::date and not stale
    having count(*) > 0
  ) as complete
from attempt_store`
  const readyAgain = async () => {
    if (!marked) {
      // by another session, while the refresher works
      if ((await leaderPid(db)) === undefined) return false
      await rebuild(sessions.store)
      marked = true
    }
    const { rows } = await db.pool.query<{ state: string; complete: boolean }>(complete)
    const now = rows[0]
    if (now?.state === 'ready') t.ok(now.complete, 'ready: complete')
    seen.add(now?.state ?? '')
    return now?.state === 'ready'
  }
  await refreshUntil(small, 'the store is ready again', readyAgain, { settleMs: 500 })
  t.ok(seen.has('emptying'), 'it was not ready in between')
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  const after = await stateOf(db)
  t.ok(BigInt(after.version) > BigInt(before.version))
  t.ok(BigInt(after.oldest_version) > BigInt(before.version), 'the change feed starts over')
})

t.test('a batch leaves a store alone that must be filled first, and a fill continues at its position', async (t) => {
  const { db, sessions } = await createSmallStore(t, { filled: false })
  t.equal(await refreshBatch(sessions, 10), undefined)
  t.equal((await stateOf(db)).state, 'filling')
  // students before the position are not read again: they are in the queue if they changed
  const [first] = await nextStudents(sessions.primary, null)
  await db.pool.query('update attempt_store set filled_to = $1', [first])
  t.match(await fillChunk(sessions), { done: true, rows: 44 })
  t.match(await stateOf(db), { state: 'catching_up', caught_up_at: null })
  t.match(await fillChunk(sessions), { done: true, rows: 0 }, 'nothing twice')
  await rebuild(sessions.store)
  t.equal(await refreshBatch(sessions, 10), undefined)
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
})

t.test('a fill of many students goes chunk by chunk', async (t) => {
  const { db, sessions } = await createSmallStore(t, { filled: false })
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    select 'many' || n, 'many' || n, $1 from generate_series(1, 388) as n`,
    [questions(1)],
  )
  await db.pool.query('delete from attempt_queue')
  t.match(await fillChunk(sessions), { done: false })
  t.match(await stateOf(db), { state: 'filling', caught_up_at: null })
  t.match(await fillChunk(sessions), { done: false }, 'a full chunk may not be the last')
  t.match(await fillChunk(sessions), { done: true, rows: 436 })
  await refreshBatch(sessions, 10)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  t.match(await verifyStore(sessions, 1, () => undefined), { students: 400, differences: [] })
  const { students } = await verifyStore(sessions, 0.25, () => undefined)
  t.ok(students > 60 && students < 140, `a quarter of 400: ${students}`)
})

t.test('a rebuild waits for transactions that read the store, and makes others wait only briefly', async (t) => {
  const small = await createSmallStore(t)
  const { db, sessions } = small
  const reader = await db.pool.connect()
  await reader.query('begin; select from attempt_materialized limit 1')
  await rebuild(sessions.store)
  let longestMs = 0
  let reads = 0
  const readyAfterReads = async () => {
    const began = Date.now()
    await db.pool.query('select from attempt_materialized limit 1')
    longestMs = Math.max(longestMs, Date.now() - began)
    if (++reads === 30) await reader.query('commit')
    return (await stateOf(db)).state === 'ready'
  }
  // as in production, or the reads would wait behind one attempt to empty the store after another
  const { idleMs } = productionIntervals
  await refreshUntil(small, 'the store is ready after the reader ended', readyAfterReads, { idleMs })
  t.ok(reads >= 30)
  // half a second and what a busy machine adds; without the lock timeout it would have no end
  t.ok(longestMs < 8_000, `a reader waited ${longestMs} ms`)
  reader.release()
})
