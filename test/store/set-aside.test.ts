/** One exam that the store cannot take is set aside, listed and retried; the others are taken. */
import t from 'tap'
import { migrateDown } from '../../src/migrate/runner.js'
import { storeMigrations } from '../../src/migrate/migration-sets.js'
import { upgradeStore } from '../../src/store/enable.js'
import { emptyStore, fillChunk, rebuild } from '../../src/store/fill.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { retrySetAside } from '../../src/store/set-aside.js'
import { verifyStore } from '../../src/store/verify.js'
import { startApp } from '../helpers/app.js'
import { command } from '../helpers/cli.js'
import type { TestDatabase } from '../helpers/database.js'
import {
  createSmallStore,
  questions,
  queueLength,
  refreshBatch,
  setQuestions,
  touch,
  type SmallStore,
} from '../helpers/small-store.js'
import { differentRows, noDifferentRows } from '../helpers/store.js'
import { until } from '../helpers/until.js'

/** The store rejects rows of this item, as a value would that one of its expressions cannot take. */
const rejectedItem = 666
const reject = ({ pool }: TestDatabase) =>
  pool.query(`alter table attempt_materialized add constraint rejected check (item_id <> ${rejectedItem})`)
const accept = ({ pool }: TestDatabase) => pool.query('alter table attempt_materialized drop constraint rejected')

const insert = ({ pool }: TestDatabase, session: string, ...items: number[]) =>
  pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ($1, 'u1', $2, '2026-02-01Z')`,
    [session, questions(...items)],
  )

const listed = async ({ pool }: TestDatabase) =>
  (
    await pool.query<{ session: string; reason: string; count: number }>(
      `select reason, (select set_aside from attempt_store) as count from attempt_set_aside`,
    )
  ).rows

const itemsOf = async ({ pool }: TestDatabase, session: string) =>
  (await pool.query(`select item_id from attempt_materialized where session_id = $1`, [session])).rowCount

async function drain({ sessions }: SmallStore): Promise<number> {
  let setAside = 0
  for (let emptied = false; !emptied;) {
    const batch = await refreshBatch(sessions, 100)
    if (batch === undefined) throw new Error('the store must be filled')
    setAside += batch.setAside.length
    emptied = batch.queueEmptied
  }
  return setAside
}

for (const separate of [false, true])
  t.test(`a batch takes the others; the store in a database of its own: ${separate}`, async (t) => {
    const small = await createSmallStore(t, { separate })
    const { db, store, sessions } = small
    await reject(store)
    for (const user of ['u1', 'u2', 'u3']) await touch(db, user)
    await insert(db, 'rejected', 1, rejectedItem)
    await insert(db, 'good', 1, 3)
    t.equal(await drain(small), 1)
    t.equal(await queueLength(db), 0)
    t.strictSame(await listed(store), [{ reason: '23514', count: 1 }])
    t.equal(await itemsOf(store, 'good'), 2)
    t.equal(await itemsOf(store, 'rejected'), 0)

    const app = await startApp(t, db.url, { storeLagS: 3600 }, separate ? store.url : undefined)
    await until(async () => {
      const health = (await app.inject('/health')).json<{ store: { set_aside: number } }>()
      return health.store.set_aside === 1
    }, '/health counts the exam')
    t.match((await app.inject('/health')).json(), { store: { detail: 'incomplete' } })
    for (const path of ['attempts?source=store', 'attempts?source=store&format=csv', 'topics?source=store', 'changes'])
      t.equal((await app.inject(`/v1/${path}`)).headers['attempt-set-aside'], '1', path)
    t.notOk('attempt-set-aside' in (await app.inject('/v1/attempts?source=live')).headers)
    const environment = { DATABASE_URL: db.url, STORE_DATABASE_URL: separate ? store.url : '' }
    t.match(
      (await command(['store', 'status'], environment)).stdout,
      /1 exam is set aside:.*\n {2}[0-9a-f-]{36}: 23514/,
    )
    // the view numbers the student's first item with the exam, the store without it
    t.match(await verifyNextStudents(sessions, null, 20), { differences: 0, timedOut: false })
    t.match(await verifyStore(sessions, 1, () => undefined), { setAside: 1, differences: [] })

    t.match((await command(['store', 'retry'], environment)).stdout, /The refresher retries 1 exam/)
    t.equal(await drain(small), 1, 'is set aside again')
    t.equal(await drain(small), 0, 'and not retried before its time')
    await setQuestions(db, 'rejected', questions(1, 5))
    t.equal(await drain(small), 0, 'a change of the exam retries it')
    t.strictSame(await listed(store), [])
    t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)

    await setQuestions(db, 's1', questions(rejectedItem))
    t.equal(await drain(small), 1)
    t.equal(await itemsOf(store, 's1'), 0, 'the rows of before the change are deleted')
    await accept(store)
    t.equal(await retrySetAside(store.pool, '00000000-0000-0000-0000-000000000000'), 0)
    t.equal(await retrySetAside(store.pool), 1)
    t.equal(await drain(small), 0)
    t.strictSame(await listed(store), [])
    t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
    t.match((await command(['store', 'retry'], environment)).stdout, /No exam is set aside/)
  })

for (const separate of [false, true])
  t.test(`a fill takes the others; the store in a database of its own: ${separate}`, async (t) => {
    const small = await createSmallStore(t, { separate })
    const { db, store, sessions } = small
    await insert(db, 'rejected', 1, rejectedItem)
    await drain(small)
    await rebuild(sessions.store)
    await emptyStore(sessions.store)
    await reject(store)
    const chunk = await fillChunk(sessions)
    t.equal(chunk.done, true)
    t.equal((await store.pool.query('select from attempt_materialized')).rowCount, 48)
    t.equal(chunk.setAside.length, 1)
    t.strictSame(await listed(store), [{ reason: '23514', count: 1 }])
    await drain(small)
    await accept(store)
    await retrySetAside(store.pool)
    await drain(small)
    t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  })

t.test('an error that is not that of an exam stops the batch, and sets nothing aside', async (t) => {
  const { db, store, sessions } = await createSmallStore(t)
  await touch(db, 'u1')
  await db.pool.query('alter table attempt_deleted rename to away')
  await t.rejects(refreshBatch(sessions, 100), { code: '42P01' })
  await db.pool.query('alter table away rename to attempt_deleted')
  await db.pool.query(
    `insert into attempt_set_aside (exam_result_id, students, reason, retry_at)
    select gen_random_uuid(), '{}', '23514', now() + interval '1 day' from generate_series(1, 1000)`,
  )
  await reject(store)
  await insert(db, 'rejected', rejectedItem)
  await t.rejects(refreshBatch(sessions, 100), { code: '23514' }, 'a thousand exams are not single ones')
})

t.test('an upgrade replaces the index by session, builds it concurrently, and repairs a failed build', async (t) => {
  const { db } = await createSmallStore(t)
  await migrateDown(db.pool, storeMigrations)
  const name = 'attempt_materialized_session_hash_idx'
  await db.pool.query(`create index ${name} on attempt_materialized (hashtextextended(session_id, 0))`)
  await db.pool.query(`update pg_index set indisvalid = false where indexrelid = '${name}'::regclass`)
  const said: string[] = []
  await upgradeStore({ primary: db.pool, store: db.pool }, (line) => said.push(line))
  t.strictSame(said, [
    `${name}: building concurrently; readers and the refresher continue`,
    'applied 20261201_0910_attempt_store_limits',
  ])
  const { rows } = await db.pool.query(
    `select indexrelid::regclass::text as name, indisvalid as valid
    from pg_index where indrelid = 'attempt_materialized'::regclass and indexrelid::regclass::text like '%session%'`,
  )
  t.strictSame(rows, [{ name, valid: true }])
})
