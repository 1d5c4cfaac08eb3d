/** KPIs of days: computed beside the batches, and compared with the rows while the queue is empty. */
import t from 'tap'
import { computeDay, staleDays, writeDay } from '../../src/store/day-kpis.js'
import { refreshBatch } from '../../src/store/refresh-batch.js'
import { createSmallStore, questions, refreshUntil, setQuestions, stateOf, touch } from '../helpers/small-store.js'
import { differentRows, noDifferentRows, settleDays } from '../helpers/store.js'

t.test('a day that changes while it is computed stays stale', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  const { store } = sessions
  await touch(db, 'u1')
  t.match(await refreshBatch(sessions, 10), { written: 0 })
  t.strictSame(await staleDays(store), [], 'no row changed, no day is stale')
  await setQuestions(db, 's1', questions(4))
  await refreshBatch(sessions, 10)
  t.equal((await staleDays(store)).at(-1), '2026-03-01')
  const before = await computeDay(store, '2026-03-01')
  await setQuestions(db, 's2', questions(5))
  await refreshBatch(sessions, 10)
  if (before === undefined) throw new Error('the day was not computed')
  t.equal(await writeDay(store, before), false)
  t.ok((await staleDays(store)).includes('2026-03-01'))
  const after = await computeDay(store, '2026-03-01')
  if (after === undefined) throw new Error('the day was not computed')
  t.equal(await writeDay(store, after), true)
  t.equal(await writeDay(store, after), false, 'once')
  t.equal(await computeDay(store, '2026-03-01'), undefined)
  await settleDays(store)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
})

t.test('a running refresher compares days while the queue is empty, and recomputes those that differ', async (t) => {
  const small = await createSmallStore(t)
  const { db, sessions } = small
  await settleDays(sessions.store)
  const version = async (date: string | undefined) => {
    const { rows } = await db.pool.query<{ version: string }>('select version from attempt_day where date = $1', [date])
    return BigInt(rows[0]?.version ?? 0)
  }
  const { rows: days } = await db.pool.query<{ date: string }>(
    'select distinct date::text as date from attempt_topic_day order by 1',
  )
  t.ok(days.length > 2)
  const [first, last] = [days[0]?.date ?? '', days.at(-1)?.date ?? '']
  const before = { first: await version(first), last: await version(last) }
  await db.pool.query('update attempt_topic_day set accuracy = 0.123 where date = $1', [first])
  await db.pool.query('delete from attempt_topic_day where date = $1', [last])
  t.not((await differentRows(db.pool, db.pool)).days.length, 0)
  const lines = await refreshUntil(
    small,
    'both days were recomputed',
    async () => (await stateOf(db)).differences === '2' && (await differentRows(db.pool, db.pool)).days.length === 0,
  )
  for (const date of [first, last])
    t.ok(
      lines.some((line) => line.includes('the KPIs of a day differed') && line.includes(date)),
      date,
    )
  t.ok((await version(first)) > before.first && (await version(last)) > before.last, 'their ETags change with them')
})
