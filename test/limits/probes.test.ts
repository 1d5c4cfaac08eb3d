/** Probes answer whatever else the service does: they have reserved connections. */
import t, { type Test } from 'tap'
import pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { enableStore } from '../../src/store/enable.js'
import type { App } from '../../src/services.js'
import { startApp, untilReady } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { lateness } from '../helpers/lateness.js'
import { startProxy } from '../helpers/proxy.js'
import { ownServer } from '../helpers/server.js'
import { catchUp } from '../helpers/store.js'
import { until } from '../helpers/until.js'

// the tests wait, and each has a database of its own
t.jobs = 6

const probes = ['/health/live', '/health/ready', '/health', '/schema-contract']

/** Sessions of the service that wait for a table lock. */
const waiting = async (db: TestDatabase, name: string) =>
  Number(
    (
      await db.pool.query(
        `select count(*) as n from pg_stat_activity
         where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'`,
        [name],
      )
    ).rows[0].n,
  )

/** A probe, and how long it took. */
async function ready(app: App) {
  const began = performance.now()
  const response = await app.inject('/health/ready')
  return { status: response.statusCode, reason: response.json().reason as string, ms: performance.now() - began }
}

t.test('probes answer while every connection and both queues are taken', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  await catchUp(db.url)
  const app = await startApp(t, db.url, {
    poolSize: 1,
    poolQueue: 5,
    streamPoolSize: 1,
    timeoutPageMs: 600_000,
    timeoutMaxMs: 600_000,
    streamTimeoutS: 600,
  })
  await untilReady(app)
  const holder = await db.pool.connect()
  await holder.query('begin; lock table attempt_materialized in access exclusive mode')
  const backfill = Array.from({ length: 30 }, (_value, index) =>
    app.inject(`/v1/attempts?source=store${index % 2 === 0 ? '&format=csv' : ''}`),
  )
  await until(
    async () => (await waiting(db, 'attempt-api')) === 1 && (await waiting(db, 'attempt-api stream')) === 1,
    'both pools are taken',
  )
  for (const path of probes) t.equal((await app.inject(path)).statusCode, 200, path)
  t.strictSame([await waiting(db, 'attempt-api'), await waiting(db, 'attempt-api stream')], [1, 1])
  await holder.query('rollback')
  holder.release()
  const statuses = (await Promise.all(backfill)).map(({ statusCode }) => statusCode)
  t.equal(statuses.filter((status) => status === 200).length >= 2, true, statuses.join())
  t.strictSame(
    statuses.filter((status) => status !== 200 && status !== 503),
    [],
  )
})

t.test('a read that hangs delays no probe, and a repair is reported at once', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  await untilReady(app)
  const holder = await db.pool.connect()
  await holder.query('begin; lock table attempt_view_migration in access exclusive mode')
  const began = performance.now()
  const late = lateness(t)
  const hung: Awaited<ReturnType<typeof ready>>[] = []
  await until(
    async () => hung.push(await ready(app)) > 0 && hung.at(-1)?.status === 503,
    'a good state is void when a read has not ended for too long',
  )
  t.ok(performance.now() - began > 1_000, 'and not before')
  const slowest = Math.max(...hung.map(({ ms }) => ms))
  t.ok(
    slowest < 1_000 + late(),
    `the slowest took ${Math.round(slowest)} ms, a read 3 s; timers: ${Math.round(late())} ms late`,
  )
  await holder.query('delete from attempt_view_migration; commit')
  holder.release()
  await until(async () => /pending/.test((await ready(app)).reason), 'the state is read again')
  for (let turn = 0; turn < 5; turn++) {
    t.match(await ready(app), {
      status: 503,
      reason: /^migrations are pending: 20251101_0900_attempt_view_lock; run attempt-api migrate up$/,
    })
    await db.migrate()
    const first = await ready(app)
    // a probe waits for a database that is late with its answer, but not for long
    t.ok(
      first.status === 200 || first.ms > 150,
      `the first probe after it reads again: ${first.status} after ${Math.round(first.ms)} ms`,
    )
    await until(async () => (await ready(app)).status === 200, 'the repair is reported')
    await db.pool.query('delete from attempt_view_migration')
    await until(async () => (await ready(app)).status !== 200, 'the missing migration is reported')
  }
})

t.test('the state is read without probes: the first one after a pause is current', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  await untilReady(app)
  const holder = await db.pool.connect()
  t.teardown(() => {
    holder.release(true)
  })
  await holder.query('begin; lock table attempt_view_migration in access exclusive mode')
  // the next read begins when the one before was cancelled
  const readers = new Set<number>()
  await until(async () => {
    for (const { pid } of (
      await db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity
         where datname = current_database() and application_name = 'attempt-api contract' and wait_event_type = 'Lock'`,
      )
    ).rows)
      readers.add(pid)
    return readers.size >= 2
  }, 'two reads began')
  t.match((await app.inject('/health/ready')).json(), {
    status: 'unavailable',
    reason: /the database does not answer in time/,
  })
})

/** Far from two waits one after another, which a first probe once took: over 6 s. */
const firstProbeMs = 4_800

/** The first probe of an app that has just started, with what it takes at the most. */
async function firstProbe(t: Test, url: string, settings: { contractTimeoutMs?: number } = {}) {
  const app = await startApp(t, url, settings)
  const late = lateness(t)
  const probe = await ready(app)
  return { ...probe, soon: probe.ms < firstProbeMs + late() }
}

t.test('the first probe of a server that takes connections and sends nothing', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  const proxy = await startProxy(t, db.url)
  proxy.silent = true
  t.match(await firstProbe(t, proxy.url), { status: 503, reason: /the database does not answer/, soon: true })
})

t.test('the first probe while a table is locked, and while a contract check is slow', { buffered: true }, async (t) => {
  const db = await createDatabase(t)
  const holder = await db.pool.connect()
  t.teardown(() => {
    holder.release(true)
  })
  await holder.query('begin; lock table attempt_view_migration in access exclusive mode')
  t.match(await firstProbe(t, db.url), { status: 503, reason: /the database does not answer in time/, soon: true })
  await holder.query('rollback; begin; lock table pg_rewrite in access exclusive mode')
  t.match(await firstProbe(t, db.url, { contractTimeoutMs: 20_000 }), {
    status: 503,
    reason: /the contract has not been checked yet|the database does not answer/,
    soon: true,
  })
})

t.test(
  'probes answer, and data requests get 503, where the server has no connection left',
  { buffered: true },
  async (t) => {
    const server = await ownServer(
      t,
      'max_connections=20',
      'superuser_reserved_connections=0',
      ...(Number(process.env['PGMAJOR'] ?? 18) >= 16 ? ['reserved_connections=0'] : []),
    )
    const admin = new pg.Client({ connectionString: server.url })
    admin.on('error', () => undefined)
    await admin.connect()
    await admin.query(createExamResults)
    const migrating = new pg.Pool({ connectionString: server.url, max: 2 }).on('error', () => undefined)
    await migrateUp(migrating)
    await migrating.end()
    const app = await startApp(t, server.url)
    await untilReady(app)
    for (const path of probes) t.equal((await app.inject(path)).statusCode, 200, path)
    const others: pg.Client[] = []
    t.teardown(async () => {
      await Promise.all([admin, ...others].map((one) => one.end().catch(() => undefined)))
    })
    for (let full = false; !full;) {
      const one = new pg.Client({ connectionString: server.url })
      one.on('error', () => undefined)
      full = await one.connect().then(
        () => {
          others.push(one)
          return false
        },
        () => true,
      )
    }
    for (const path of [...probes, ...probes]) {
      const response = await app.inject(path)
      t.equal(response.statusCode, 200, `${path}: ${response.body.slice(0, 200)}`)
    }
    const refused = await app.inject('/v1/topics')
    t.equal(refused.statusCode, 503)
    t.equal(refused.json().code, 'database_unavailable')
    t.equal(refused.headers['retry-after'], '5')
    await others.pop()?.end()
    // the server ends a session some time after the request to end it
    await until(
      async () => (await app.inject('/v1/topics')).statusCode === 200,
      'a connection that becomes free is used',
    )
  },
)
