/** The check under CONTRACT_TIMEOUT_MS: it ends in time, leaves no work on the server, and can be repeated. */
import t, { type Test } from 'tap'
import { createContractMonitor, type ContractMonitor } from '../../src/health/contract-monitor.js'
import { createProbeConnections } from '../../src/health/probe-connections.js'
import { readinessIntervals } from '../../src/health/readiness.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { lateness } from '../helpers/lateness.js'
import { startProxy } from '../helpers/proxy.js'
import { until } from '../helpers/until.js'

// the tests wait, and each has a database of its own
t.jobs = 4

// far above what a check takes on a busy machine
const contractTimeoutMs = 6_000
/** A check that does not end within its timeout does not end at all: the table stays locked, and the server silent. */
const inTime = 2 * contractTimeoutMs

/** A check, and how long its answer took. */
async function check(app: Awaited<ReturnType<typeof startApp>>) {
  const start = Date.now()
  const { statusCode, body } = await app.inject('/schema-contract')
  return { statusCode, body, ms: Date.now() - start }
}

function createMonitor(t: Test, url: string, config: { contractTimeoutMs: number }): ContractMonitor {
  const connections = createProbeConnections(config, url, readinessIntervals.stateMs)
  const monitor = createContractMonitor({ ...config, contractIntervalS: 3_600 }, connections)
  t.teardown(() => Promise.all([monitor.close(), connections.close()]))
  return monitor
}

/**
 * Whether the next check passes, as soon as one by a monitor that has seen no outage. A machine on which that one needs
 * half of the timeout proves nothing by a failure, and both are repeated.
 */
async function passesAtOnce(t: Test, url: string, checkPasses: () => Promise<boolean>): Promise<boolean> {
  const late = lateness(t)
  const timed = async (action: () => Promise<boolean>) => {
    const began = performance.now()
    return { passed: await action(), ms: performance.now() - began }
  }
  for (let turn = 0; turn < 20; turn++) {
    const control = createMonitor(t, url, { contractTimeoutMs })
    const [own, other] = await Promise.all([
      timed(checkPasses),
      timed(async () => (await control.check()).status === 'pass'),
    ])
    if (!own.passed && (!other.passed || other.ms > contractTimeoutMs / 2)) continue
    t.ok(own.ms < other.ms + 2_000 + late(), `it took ${own.ms} ms, a check of a new monitor ${other.ms} ms`)
    return own.passed
  }
  return false
}

t.test('a check that waits for a table lock ends in time, on the server as well', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  // by itself: the other monitors of a service read the same catalogs
  const monitor = createMonitor(t, db.url, { contractTimeoutMs })
  const passes = () => passesAtOnce(t, db.url, () => monitor.check().then(({ status }) => status === 'pass'))
  await until(async () => (await monitor.check()).status === 'pass', 'it passes before')
  const locker = await db.pool.connect()
  t.teardown(() => {
    locker.release(true)
  })
  for (const table of ['pg_class', 'pg_rewrite']) {
    await locker.query(`begin; lock table ${table} in access exclusive mode`)
    const start = Date.now()
    const late = await monitor.check()
    const ms = Date.now() - start
    t.equal(late.status, 'error', table)
    t.match(
      late.checks.find(({ status }) => status === 'error')?.detail,
      /within CONTRACT_TIMEOUT_MS \(6000 ms\); retry|cancel/,
      table,
    )
    t.ok(ms < inTime, `${table}: ${ms} ms`)
    await until(
      async () =>
        (
          await locker.query(`
            select from pg_stat_get_activity(null)
            where application_name like 'attempt-api%' and state is distinct from 'idle'
              and datid = (select oid from pg_database where datname = current_database())`)
        ).rowCount === 0,
      `${table}: no session is left at work`,
    )
    await locker.query('rollback')
    t.ok(await passes(), `${table}: recovers at once`)
  }
})

t.test(
  'at most two checks begin within a second, and a caller that waits gets one that began afterwards',
  { buffered: true },
  async (t) => {
    const db = await createDatabase(t)
    const monitor = createMonitor(t, db.url, { contractTimeoutMs: 30_000 })
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
    t.ok(answers.length > runs.size, 'callers that wait share them')
    await db.pool.query('drop view attempt cascade')
    t.equal((await monitor.check()).status, 'fail', 'not the result of a moment ago')
  },
)

t.test('drift that was found before the time was over is reported', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  // a tenth is kept for the way back
  const app = await startApp(t, db.url, { contractTimeoutMs: 16_000 })
  await db.pool.query(`
      create or replace view attempt as
      select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
        attempt_no, session_id, topic_id
      from attempt_numbered
      where pg_sleep(1) is not null`)
  const slow = await check(app)
  t.equal(slow.statusCode, 409)
  t.ok(slow.ms < 30_000, `${slow.ms} ms`)
  t.match(slow.body, /pg_sleep/)
})

t.test('a database that stops responding blocks no later call', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  const proxy = await startProxy(t, db.url)
  const app = await startApp(t, proxy.url, { contractTimeoutMs })
  const passes = () => passesAtOnce(t, db.url, async () => (await check(app)).statusCode === 200)
  await until(async () => (await check(app)).statusCode === 200, 'it passes before')
  proxy.silent = true
  // more calls than the monitor has connections
  for (let call = 1; call <= 3; call++) {
    const [late, other] = await Promise.all([check(app), check(app)])
    t.equal(late.statusCode, 503)
    t.equal(late.body, other.body, 'concurrent callers share one run')
    t.ok(late.ms < inTime, `call ${call}: ${late.ms} ms`)
    t.equal((await app.inject('/health')).statusCode, 503)
  }
  proxy.silent = false
  t.ok(await passes(), 'recovers at once')
  // a read that began in the silence may still wait: for at most 3 s, and one more read follows
  await until(async () => (await app.inject('/health')).statusCode === 200, 'it is ready again')
})
