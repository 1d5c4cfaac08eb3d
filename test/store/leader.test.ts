/** Which of several refreshers works, and what the others do meanwhile. */
import t from 'tap'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { createRefresher } from '../../src/store/refresher.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import {
  beforeStatement,
  createSmallStore,
  leaderPid,
  onOneSession,
  refreshBatch,
  stateOf,
  touch,
} from '../helpers/small-store.js'
import { catchUp, differentRows, noDifferentRows, shortIntervals, silentLog } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

const refresherOf = ({ url }: TestDatabase) =>
  createRefresher({ primaryUrl: url, storeUrl: url, log: silentLog, intervals: shortIntervals })

async function refresherBackends({ pool }: TestDatabase): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity
    where application_name = 'attempt-api refresher' and datname = current_database()`,
  )
  return rows.map(({ pid }) => pid)
}

t.test('a refresher that waits, for a store or for its turn, keeps its one connection', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  const one = refresherOf(db)
  void one.run()
  /** All backends seen in a number of looks, several of them between two attempts to lead. */
  const backendsSeen = async (looks: number) => {
    const pids = new Set<number>()
    for (let look = 0; look < looks; look++) {
      for (const pid of await refresherBackends(db)) pids.add(pid)
      await sleep(10)
    }
    return [...pids]
  }
  await until(async () => (await refresherBackends(db)).length > 0, 'the refresher has connected')
  t.equal((await backendsSeen(50)).length, 1, 'there is no store')
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  await until(async () => (await stateOf(db)).state === 'ready', 'the refresher finds the store by itself')
  // the session that leads, the one that compares days, and the one that checks both
  const first = await until(async () => {
    const pids = await refresherBackends(db)
    return pids.length === 3 && pids
  }, 'the leader has three connections')
  const two = refresherOf(db)
  void two.run()
  await until(
    async () => (await refresherBackends(db)).some((pid) => !first.includes(pid)),
    'the second refresher has connected',
  )
  t.equal((await backendsSeen(50)).filter((pid) => !first.includes(pid)).length, 1, 'another one leads')
  await Promise.all([one.stop(), two.stop()])
})

t.test('one of two refreshers leads; once ends when the leader has caught up', async (t) => {
  const { db } = await createSmallStore(t)
  const one = refresherOf(db)
  void one.run()
  await until(() => leaderPid(db), 'the refresher leads')
  await db.pool.query(`delete from exam_results where user_id = 'u3'`)
  await catchUp(db.url)
  // the leader computes the days after the rows
  await until(
    async () => (await db.pool.query('select from attempt_day where stale')).rowCount === 0,
    'no day is stale',
  )
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  await one.stop()
})

t.test(
  'a leader that lost its advisory lock and still commits fails the batch of the next one, which retries',
  async (t) => {
    const { db, sessions } = await createSmallStore(t)
    await touch(db, 'u4')
    await touch(db, 'u5')
    const second = await db.pool.connect()
    const { rows } = await second.query<{ pid: number }>('select pg_backend_pid() as pid')
    const blocked = async () =>
      (await db.pool.query('select where cardinality(pg_blocking_pids($1)) > 0', [rows[0]?.pid])).rowCount === 1
    let raced: Promise<unknown> = Promise.resolve()
    const first = beforeStatement(sessions.primary, 'update attempt_store set version', async () => {
      raced = refreshBatch(onOneSession(second), 10)
      raced.catch(() => undefined)
      await until(blocked, 'the second batch waits for the first')
    })
    await refreshBatch(onOneSession(first), 10)
    await t.rejects(raced, { code: '40001' })
    t.match(await refreshBatch(onOneSession(second), 10), { exams: 0 })
    second.release(true)
  },
)

t.test('with once, a refresher ends at an error that only an operator can mend, whatever it did before', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    values ('one', 'user-1', '{"questions": [{"question_id": 1, "topic": "t"}]}')`,
  )
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const role = `refresher_${db.name}`
  await db.pool.query(
    `create role ${role} login password 'unused';
    grant all on all tables in schema public to ${role};
    revoke all on attempt_topic_day from ${role}`,
  )
  t.teardown(() => db.pool.query(`drop owned by ${role}; drop role ${role}`))
  const url = Object.assign(new URL(db.url), { username: role, password: 'unused' }).href
  // fills the store, which is progress, and then cannot write the KPIs of the day
  await t.rejects(catchUp(url), /permission denied for table attempt_topic_day/)
})
