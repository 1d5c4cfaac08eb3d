/** A pooler may be between the service and its database: what it drops is noticed before an answer is wrong. */
import t from 'tap'
import pg from 'pg'
import { hasOwnSession } from '../../src/database/pooler.js'
import { disableStore, enableStore, upgradeStore } from '../../src/store/enable.js'
import { createRefresher } from '../../src/store/refresher.js'
import { startApp } from '../helpers/app.js'
import { command } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'
import { lateness } from '../helpers/lateness.js'
import { migrateCommand } from '../helpers/migrate.js'
import { sessionPooler, transactionPooler } from '../helpers/pooler.js'
import { enabled } from '../helpers/store.js'
import { until } from '../helpers/until.js'

t.test('settings that a pooler drops are checked on every connection, and hold if the role has them', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true}]}', '2026-03-01T00:00:00Z')`,
  )
  const role = `pooled_${db.name}`
  await db.pool.query(
    `create role ${role} login password 'of-a-test';
    grant select on attempt, attempt_anomaly, attempt_exam, attempt_response, attempt_numbered, attempt_view_migration
      to ${role};
    alter role ${role} set timezone = 'Asia/Seoul'`,
  )
  t.teardown(async () => {
    await db.pool.query(`drop owned by ${role}; drop role ${role}`)
  })
  const by = new URL(await sessionPooler(t, db.url))
  Object.assign(by, { username: role, password: 'of-a-test' })
  const refused = await startApp(t, by.href, { contractTimeoutMs: 60_000 })
  const probe = async () => (await refused.inject('/health/ready')).json<{ status: string; reason: string }>()
  const told = await until(async () => {
    const answer = await probe()
    return answer.reason.includes('a pooler') && answer
  }, 'the probe names the pooler')
  t.match(told, { status: 'unavailable', reason: /a pooler before it does not pass on the settings of the session/ })
  for (const path of ['/v1/attempts', '/v1/attempts?format=csv', '/schema-contract'])
    t.equal((await refused.inject(path)).statusCode, 503, path)
  for (const setting of [`timezone = 'UTC'`, 'jit = off', 'max_parallel_workers_per_gather = 0']) {
    await db.pool.query(`alter role ${role} set ${setting}`)
    t.equal((await refused.inject('/v1/attempts')).statusCode, 503, `${setting} is not enough`)
  }
  await db.pool.query(`alter role ${role} set default_transaction_read_only = on`)
  // the heartbeat, which requests wait for, tries every 250 ms
  const late = lateness(t)
  const began = performance.now()
  const answer = await until(async () => {
    const response = await refused.inject('/v1/attempts')
    return response.statusCode === 200 && response
  }, 'the next connection has the settings')
  const ms = performance.now() - began
  t.ok(ms < 2_000 + late(), `it took ${Math.round(ms)} ms; timers: ${Math.round(late())} ms late`)
  t.equal(answer.json().data[0].completed_at, '2026-03-01T00:00:00.000000Z')
  await until(async () => (await refused.inject('/health/ready')).statusCode === 200, 'the service is ready')
})

t.test("one session for everybody: what is a session's is refused, what is a transaction's works", async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const { url, backend } = await transactionPooler(t, db.url)
  const [direct, pooled] = [db.url, url].map((connectionString) =>
    new pg.Pool({ connectionString, max: 2 }).on('error', () => undefined),
  ) as [pg.Pool, pg.Pool]
  t.teardown(() => Promise.all([direct.end(), pooled.end()]))
  for (const [pool, own] of [
    [direct, true],
    [pooled, false],
  ] as const) {
    const client = await pool.connect()
    t.equal(await hasOwnSession(client, pool), own)
    client.release()
  }
  t.match(await migrateCommand(url, 'up'), {
    code: 1,
    said: new RegExp(
      'applied 20251101_0900_attempt_view_lock[^]*' +
        'indexes of exam_results were not changed: a pooler in transaction mode',
    ),
  })
  t.match(await migrateCommand(url, 'up', '--no-indexes'), { code: 0 })
  t.match(await migrateCommand(url, 'status'), { code: 0, said: /hash 5010c1823a70/ })
  t.match(await migrateCommand(url, 'plan', '--again'), { code: 0, said: /passed the contract check|only the record/ })
  t.match(await migrateCommand(url, 'down'), { code: 0, said: /reverted/ }, 'no index is there to be dropped')
  t.match(await migrateCommand(db.url, 'up'), { code: 0 })
  t.match(await migrateCommand(url, 'down'), {
    code: 1,
    said: /reverted 20251101_0900_attempt_view_lock[^]*a pooler in transaction mode/,
  })
  t.match(await migrateCommand(url, 'up', '--no-indexes'), { code: 0 })
  t.match(await migrateCommand(url, 'down', '--no-indexes'), { code: 0 })
  await db.migrate()
  t.match(await migrateCommand(db.url, 'up'), { code: 0 })
  const through = { primary: pooled, store: pooled }
  const lines: string[] = []
  const say = (line: string) => {
    lines.push(line)
  }
  await enableStore(through, say)
  await upgradeStore(through, say)
  t.equal(lines.at(-1), 'The store is up to date.')
  await disableStore(through, say)
  t.equal(
    (
      await db.pool.query(
        `select to_regclass('attempt_queue') is null and to_regclass('attempt_store') is null as nothing`,
      )
    ).rows[0].nothing,
    true,
  )
  await enabled(db)
  const said: string[] = []
  const log = (_object: object, message: string) => {
    said.push(message)
  }
  const refresher = createRefresher({
    primaryUrl: url,
    storeUrl: url,
    log: {
      info: log,
      warn: (object, message) => {
        said.push(`${message}: ${(object as { err?: Error }).err?.message}`)
      },
      error: log,
    },
  })
  void refresher.run()
  // on a busy machine a connection may fail first: the one session is lent to another client for too long
  await until(() => said.some((line) => !line.includes('connection timeout')), 'the refresher says something')
  await refresher.stop()
  t.match(
    said.filter((line) => !line.includes('connection timeout')),
    [/The store is not refreshed: a pooler in transaction mode/],
  )
  t.equal(
    (await db.pool.query(`select count(*)::int as n from pg_locks where pid = ${backend} and locktype = 'advisory'`))
      .rows[0].n,
    0,
    'no advisory lock is left in the shared session',
  )
})

t.test('commands connect again without settings where a pooler refuses them', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const url = await sessionPooler(t, db.url, { refuses: true })
  for (const [line, code] of [
    ['migrate status', 4],
    ['migrate up --no-indexes', 0],
    ['contract verify', 0],
    ['migrate status', 0],
  ] as const) {
    const { status, stderr } = await command(line.split(' '), { DATABASE_URL: url, CONTRACT_TIMEOUT_MS: '60000' })
    t.equal(status, code, `${line}: ${stderr}`)
  }
})
