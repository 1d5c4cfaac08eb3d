/** What else goes on cannot take the probes' answers: they have connections of their own. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import t from 'tap'
import pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { enableStore } from '../../src/store/enable.js'
import type { App } from '../../src/services.js'
import { startApp, untilReady } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { until } from '../helpers/drill.js'
import { startProxy } from '../helpers/proxy.js'
import { ownServer } from '../helpers/server.js'
import { catchUp } from '../helpers/store.js'

const probes = ['/health/live', '/health/ready', '/health', '/schema-contract']

/** Sessions of the service that wait for a lock. */
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

/** The greatest delay of a timer since the call, twice: what this machine adds to every wait. */
function lateness(t: { teardown(action: () => unknown): unknown }): () => number {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  t.teardown(() => {
    delay.disable()
  })
  return () => (2 * delay.max) / 1e6
}

t.test('probes answer while every connection and every lane is taken', async (t) => {
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
    'both lanes are taken',
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

t.test('a question that hangs delays no probe, and what was mended is told at once', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  const ready = async () => {
    const began = performance.now()
    const response = await app.inject('/health/ready')
    return { status: response.statusCode, reason: response.json().reason as string, ms: performance.now() - began }
  }
  await untilReady(app)
  const holder = await db.pool.connect()
  await holder.query('begin; lock table kysely_migration in access exclusive mode')
  const began = performance.now()
  const late = lateness(t)
  const hung: Awaited<ReturnType<typeof ready>>[] = []
  await until(
    async () => hung.push(await ready()) > 0 && hung.at(-1)?.status === 503,
    'good news is over when a question has not been answered for too long',
  )
  t.ok(performance.now() - began > 1_000, 'and not before')
  const slowest = Math.max(...hung.map(({ ms }) => ms))
  t.ok(
    slowest < 1_000 + late(),
    `the slowest took ${Math.round(slowest)} ms, and a question 3 s; timers were ${Math.round(late())} ms late`,
  )
  await holder.query('delete from kysely_migration; commit')
  holder.release()
  await until(async () => /pending/.test((await ready()).reason), 'the question is answered again')
  for (let turn = 0; turn < 5; turn++) {
    t.match(await ready(), { status: 503, reason: /^migrations are pending: 20251101_0900_attempt_view_lock$/ })
    await db.migrate()
    const first = await ready()
    // a database that is late with its answer is waited for, but not for long
    t.ok(
      first.status === 200 || first.ms > 150,
      `the first probe after it asks anew: ${first.status} after ${Math.round(first.ms)} ms`,
    )
    await until(async () => (await ready()).status === 200, 'what was mended is told')
    await db.pool.query('delete from kysely_migration')
    await until(async () => (await ready()).status !== 200, 'what is missing is told')
  }
})

t.test('the question is asked where no probe comes: the first one after a silence tells what is', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  await untilReady(app)
  const holder = await db.pool.connect()
  t.teardown(() => {
    holder.release(true)
  })
  await holder.query('begin; lock table kysely_migration in access exclusive mode')
  // the next question is asked when the one before was given up
  const asked = new Set<number>()
  await until(async () => {
    for (const { pid } of (
      await db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity
          where datname = current_database() and application_name = 'attempt-api contract'
          and wait_event_type = 'Lock'`,
      )
    ).rows)
      asked.add(pid)
    return asked.size >= 2
  }, 'two questions were asked')
  t.match((await app.inject('/health/ready')).json(), {
    status: 'unavailable',
    reason: /the database does not answer in time/,
  })
})

/** Far from the two waits, one after another, that this was, of 6 s and more. */
const firstProbeMs = 4_800

t.test('the first probe is answered in its time', async (t) => {
  const first = async (app: App) => {
    const late = lateness(t)
    const began = performance.now()
    const response = await app.inject('/health/ready')
    const ms = performance.now() - began
    return {
      status: response.statusCode,
      reason: response.json().reason as string,
      soon: ms < firstProbeMs + late(),
      ms,
    }
  }
  const db = await createDatabase(t)
  const proxy = await startProxy(t, db.url)
  proxy.silent = true
  t.match(
    await first(await startApp(t, proxy.url)),
    { status: 503, reason: /the database does not answer/, soon: true },
    'of a server that takes connections and says nothing',
  )

  const holder = await db.pool.connect()
  t.teardown(() => {
    holder.release(true)
  })
  await holder.query('begin; lock table kysely_migration in access exclusive mode')
  t.match(
    await first(await startApp(t, db.url)),
    { status: 503, reason: /the database does not answer in time/, soon: true },
    'of a table that is locked',
  )
  await holder.query('rollback; begin; lock table pg_rewrite in access exclusive mode')
  t.match(
    await first(await startApp(t, db.url, { contractTimeoutMs: 20_000 })),
    { status: 503, reason: /the lock was not checked yet|the database does not answer/, soon: true },
    'of a contract check that takes its time',
  )
})

t.test('probes answer, and data requests are refused well, where the server has no connection to give', async (t) => {
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
  const migrating = new pg.Pool({ connectionString: server.url, max: 2 })
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
  // a session is over some time after its end was asked for
  await until(async () => (await app.inject('/v1/topics')).statusCode === 200, 'a connection that is free again is had')
})
