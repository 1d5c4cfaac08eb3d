/** A refresher at work while the triggers cannot record: it says so, requests read the view, and it fills by itself. */
import t from 'tap'
import { fillChunk } from '../../src/store/fill.js'
import { createRefresher } from '../../src/store/refresher.js'
import { command } from '../helpers/cli.js'
import { startApp } from '../helpers/app.js'
import { createSmallStore, refreshBatch, stateOf, type SmallStore } from '../helpers/small-store.js'
import { catchUp, differentRows, shortIntervals, silentLog } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

const insert = (session: string, column = 'user_id') =>
  `insert into exam_results (session_id, ${column}, result_json)
  values ('${session}', 'u1', '{"questions": [{"question_id": 9}]}')`

/** A refresher, what it logs as errors, and how often it reports an incomplete queue. */
function refreshing({ db, store }: SmallStore, intervals = shortIntervals) {
  const errors: string[] = []
  let emptied = 0
  let incomplete = 0
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: store.url,
    log: {
      ...silentLog,
      warn: (_object, message) => {
        if (message.startsWith('emptying')) emptied++
      },
      error: (_object, message) => {
        errors.push(message)
      },
    },
    events: {
      leads: () => undefined,
      refreshed: () => undefined,
      sampled: () => undefined,
      incomplete: () => {
        incomplete++
      },
    },
    intervals,
  })
  void refresher.run()
  const reaches = (state: string) =>
    until(async () => (await stateOf(store)).state === state, { message: `the store is ${state}`, everyMs: 2 })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= refresher.stop())
  /** Rows and days. */
  const matches = () =>
    until(async () => {
      const different = await differentRows(db.pool, store.pool)
      return different.rows.length + different.days.length === 0
    }, 'the store matches the view')
  return { errors, incomplete: () => incomplete, emptied: () => emptied, reaches, matches, stop }
}

for (const separate of [false, true])
  t.test(`a renamed column, and its name back; a database of its own: ${separate}`, async (t) => {
    const small = await createSmallStore(t, { separate })
    const { db, store } = small
    const app = await startApp(t, db.url, { ...(separate ? { storeUrl: store.url } : {}), storeLagS: 3600 })
    const status = async () =>
      (await command(['store', 'status'], { DATABASE_URL: db.url, STORE_DATABASE_URL: separate ? store.url : '' }))
        .stdout
    const { errors, incomplete, reaches, matches, stop } = refreshing(small)
    t.teardown(stop)
    await db.pool.query('alter table exam_results rename column user_id to student_ref')
    await db.pool.query(insert('renamed', 'student_ref'))
    await reaches('emptying')
    await until(() => errors.length > 0, 'the refresher logs why')
    t.match(errors[0], /user_id of exam_results was renamed to student_ref.*Requests read the view until then/)
    t.match(await status(), /The column user_id of exam_results was renamed to student_ref/)
    await until(async () => {
      const answer = await app.inject('/v1/attempts?session_id=renamed')
      return answer.headers['attempt-source'] === 'live' && answer.json<{ data: unknown[] }>().data.length === 1
    }, 'answers come from the view')
    t.match((await app.inject('/v1/attempts?source=store')).json(), { code: 'store_unavailable' })

    await db.pool.query('alter table exam_results rename column student_ref to user_id')
    await reaches('ready')
    await matches()
    t.notMatch(await status(), /renamed|could not be recorded/)
    await stop()
    t.ok(incomplete() > 0)
    t.ok(errors.length <= 2, errors.join('\n'))
  })

t.test('a statement that was not recorded: the refresher names the reason and fills the store again', async (t) => {
  const small = await createSmallStore(t)
  const { db } = small
  await db.pool.query('alter table attempt_queue rename to away')
  await db.pool.query(insert('unrecorded'))
  await db.pool.query('alter table away rename to attempt_queue')
  const before = await stateOf(db)
  t.match(
    (await command(['store', 'status'], { DATABASE_URL: db.url })).stdout,
    /1 statement on exam_results since 20.* could not be recorded in the queue \(42P01 .*\)\. The refresher fills/,
  )
  const { errors, incomplete, reaches, matches, stop } = refreshing(small)
  t.teardown(stop)
  await until(async () => (await stateOf(db)).version !== before.version, 'the store is marked for a rebuild')
  await reaches('ready')
  await matches()
  await stop()
  t.equal(errors.length, 1, errors.join('\n'))
  t.match(errors[0], /1 statement on exam_results since 20.* \(42P01 .*\)\. The store is filled again/)
  t.equal(incomplete(), 1)
})

t.test('a fill that meets such a statement starts over, and a batch does not count as complete', async (t) => {
  const { db, sessions } = await createSmallStore(t, { filled: false })
  const gap = `insert into attempt_queue_gap (problem) values ('42P01')`
  await db.pool.query(gap)
  t.match(await fillChunk(sessions), { done: true, rows: 0 })
  t.equal((await stateOf(db)).state, 'emptying')
  await db.pool.query('delete from attempt_queue_gap')
  await catchUp(db.url)
  const ready = await stateOf(db)
  t.equal(ready.state, 'ready')
  await db.pool.query(gap)
  t.equal(await refreshBatch(sessions, 10), undefined)
  t.match(await stateOf(db), { state: 'emptying', caught_up_at: null })
})

t.test('while statements keep missing in the queue, the store is not filled in vain', async (t) => {
  const small = await createSmallStore(t)
  const { db } = small
  const intervals = { ...shortIntervals, triggerCheckMs: 400 }
  const { errors, emptied, reaches, matches, stop } = refreshing(small, intervals)
  t.teardown(stop)
  await db.pool.query('alter table attempt_queue add constraint none check (user_id is null)')
  await db.pool.query(insert('first'))
  await reaches('emptying')
  const end = Date.now() + 4 * intervals.triggerCheckMs
  for (let n = 0; Date.now() < end; n++) {
    await db.pool.query(insert(`n${n}`))
    t.not((await stateOf(db)).state, 'ready')
    await sleep(5)
  }
  // a fill takes a tenth of that time; on a machine that paused for 400 ms there may be one
  t.ok(emptied() <= 2, `emptied ${emptied()} times`)
  await db.pool.query('alter table attempt_queue drop constraint none')
  await reaches('ready')
  await matches()
  await stop()
  t.ok(errors.length < 4, errors.join('\n'))
})
