/** Reserved connections stay open while the server accepts no others, and are renewed when it does. */
import pg from 'pg'
import t from 'tap'
import { createReservedPool } from '../../src/database/reserved-pool.js'
import { createPool, dropConnections } from '../../src/database/pool.js'
import { createDatabase } from '../helpers/database.js'
import { until } from '../helpers/until.js'

t.test('connections stay open while their successors are refused', async (t) => {
  const db = await createDatabase(t, { bare: true })
  const role = `kept_${db.name}`
  await db.pool.query(`create role ${role} login password 'kept' connection limit 2`)
  t.teardown(async () => {
    const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] })
    await admin.connect()
    await admin.query(`drop role if exists ${role}`)
    await admin.end()
  })
  const url = new URL(db.url)
  url.username = role
  url.password = 'kept'
  let made = 0
  const kept = createReservedPool(() => {
    made++
    return createPool({ statementTimeoutMs: 20_000 }, url.href, { max: 2, name: 'attempt-api kept', reserved: true })
  }, 200)
  t.teardown(() => kept.close())
  t.equal(kept.pool.totalCount, 0, 'nothing is opened before start')
  kept.start()
  const open = async () =>
    (
      await db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity
        where application_name = 'attempt-api kept' and datname = current_database() order by pid`,
      )
    ).rows.map(({ pid }) => pid)
  await until(async () => (await open()).length === 2, 'both are opened by start')
  const first = await open()
  await until(() => made >= 5, 'renewals were tried')
  t.strictSame(await open(), first)
  t.ok(first.includes((await kept.pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid))

  await db.pool.query(`alter role ${role} connection limit 10`)
  // queries run all the time, and none of them fails
  let asked = 0
  await until(async () => {
    await Promise.all(Array.from({ length: 5 }, () => kept.pool.query('select 1')))
    asked++
    return !(await open()).some((pid) => first.includes(pid))
  }, 'they are renewed')
  t.comment(`asked ${asked} times until then`)
  await until(async () => (await open()).length === 2, 'and the old ones are closed')
  dropConnections(kept.pool)
  await db.pool.query(`drop owned by ${role}`)
})
