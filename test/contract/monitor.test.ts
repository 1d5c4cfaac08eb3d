/** The check under CONTRACT_TIMEOUT_MS: it answers in time, leaves nothing behind, and the next call starts anew. */
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { createContractMonitor } from '../../src/health/contract-monitor.js'
import { createDatabase } from '../helpers/database.js'
import { startApp } from '../helpers/app.js'
import { until } from '../helpers/until.js'

// far above what the check takes on a busy machine
const contractTimeoutMs = 6_000
/** What is not ended by the time that it has is not ended at all: the lock stays, and the silence. */
const inTime = 2 * contractTimeoutMs

/** Asks for the check; how long the answer took comes with it. */
async function ask(app: Awaited<ReturnType<typeof startApp>>) {
  const start = Date.now()
  const { statusCode, body } = await app.inject('/schema-contract')
  return { statusCode, body, ms: Date.now() - start }
}

t.test('a check that waits for a lock ends in time, on the server as well', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url, { contractTimeoutMs })
  t.equal((await ask(app)).statusCode, 200)
  const locker = await db.pool.connect()
  t.teardown(() => {
    locker.release(true)
  })
  for (const lock of ['pg_class', 'pg_rewrite']) {
    await locker.query(`begin; lock table ${lock} in access exclusive mode`)
    const late = await ask(app)
    t.equal(late.statusCode, 503, lock)
    t.ok(late.ms < inTime, `${lock}: ${late.ms} ms`)
    await until(
      async () =>
        (
          await locker.query(`
      select from pg_stat_get_activity(null) where application_name like 'attempt-api%' and state is distinct from 'idle'
        and datid = (select oid from pg_database where datname = current_database())`)
        ).rowCount === 0,
      `${lock}: no session is left at work`,
    )
    await locker.query('rollback')
    t.equal((await ask(app)).statusCode, 200, `${lock}: recovers`)
  }
})

t.test(
  'however many ask, at most two checks begin within a second, and whoever waits gets one that began afterwards',
  async (t) => {
    const db = await createDatabase(t)
    const monitor = createContractMonitor({ contractTimeoutMs: 30_000, contractIntervalS: 3600 }, db.url)
    t.teardown(() => monitor.close())
    const began = performance.now()
    const [runs, answers]: [Set<unknown>, unknown[]] = [new Set(), []]
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        while (performance.now() - began < 2_500) {
          const report = await monitor.check()
          answers.push(report.status)
          runs.add(report)
        }
      }),
    )
    t.strictSame([...new Set(answers)], ['pass'])
    t.ok(runs.size <= (performance.now() - began) / 500 + 2, `${runs.size} checks in ${performance.now() - began} ms`)
    t.ok(answers.length > runs.size, 'who waits shares them')
    await db.pool.query('drop view attempt cascade')
    t.equal((await monitor.check()).status, 'fail', 'not the result of a moment ago')
  },
)

t.test('drift that was found before the time was up is reported', async (t) => {
  const db = await createDatabase(t)
  // a tenth is kept for the way back
  const app = await startApp(t, db.url, { contractTimeoutMs: 8_000 })
  await db.pool
    .query(`create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
    attempt_no, session_id, topic_id from attempt_numbered where pg_sleep(1) is not null`)
  const slow = await ask(app)
  t.equal(slow.statusCode, 409)
  t.ok(slow.ms < 30_000, `${slow.ms} ms`)
  t.match(slow.body, /pg_sleep/)
})

t.test('a database that stops answering blocks no later call', async (t) => {
  const db = await createDatabase(t)
  const sockets = new Set<Socket>()
  let silent = false
  const server = new URL(db.url)
  const proxy = createServer((near) => {
    const far = connect(Number(server.port), server.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => {
        if (!silent) to.write(bytes)
      })
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
      })
    }
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const url = new URL(db.url)
  url.port = String((proxy.address() as { port: number }).port)
  const app = await startApp(t, url.href, { contractTimeoutMs })
  t.equal((await ask(app)).statusCode, 200)
  silent = true
  // more of them than the monitor has connections
  for (let call = 1; call <= 3; call++) {
    const [late, other] = await Promise.all([ask(app), ask(app)])
    t.equal(late.statusCode, 503)
    t.equal(late.body, other.body, 'concurrent callers share one run')
    t.ok(late.ms < inTime, `call ${call}: ${late.ms} ms`)
    t.equal((await app.inject('/health')).statusCode, 503)
  }
  silent = false
  t.equal((await ask(app)).statusCode, 200, 'recovers at once')
  // a question of the silence may still wait for its answer: 3 s, and one more after it
  await until(async () => (await app.inject('/health')).statusCode === 200, 'it is ready again')
})
