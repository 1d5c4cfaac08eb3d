import t from 'tap'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import type { App } from '../../src/services.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { preferredWait } from '../../src/plugins/timeouts.js'
import { startApp, testConfig } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { startProxy } from '../helpers/proxy.js'
import { catchUp } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

type Test = { teardown(action: () => unknown): unknown }

// each waits for its limits, on a database of its own
t.jobs = 4

/**
 * A service whose answers from the store stand still until `go` is called; those from the view do not. Its connections
 * are open by then: on a crowded machine that alone takes longer than the requests may, and then they get 503.
 */
async function standing(
  t: Test,
  settings: Partial<typeof testConfig> = {},
): Promise<{ db: TestDatabase; app: App; go: () => Promise<void>; running: () => Promise<number> }> {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  await catchUp(db.url)
  const app = await startApp(t, db.url, settings)
  const open = async () =>
    Number(
      (
        await db.pool.query(
          `select count(*) as n from pg_stat_activity
          where datname = current_database() and application_name in ('attempt-api', 'attempt-api stream')`,
        )
      ).rows[0].n,
    )
  const { poolSize, streamPoolSize } = { ...testConfig, ...settings }
  await until(async () => {
    await Promise.all([
      ...Array.from({ length: poolSize }, () => app.inject({ path: student, headers: { prefer: 'wait=30' } })),
      ...Array.from({ length: streamPoolSize }, () =>
        app.inject({ path: `${student}&format=csv`, headers: { prefer: 'wait=30' } }),
      ),
    ])
    return (await open()) === poolSize + streamPoolSize
  }, 'all connections are open')
  const holder: pg.PoolClient = await db.pool.connect()
  await holder.query('begin; lock table attempt_materialized in access exclusive mode')
  let held = true
  const go = async () => {
    if (!held) return
    held = false
    await holder.query('rollback')
    holder.release()
  }
  t.teardown(go)
  return {
    db,
    app,
    go,
    running: async () =>
      Number(
        (
          await db.pool.query(
            `select count(*) as n from pg_stat_activity
            where datname = current_database() and application_name = 'attempt-api' and state <> 'idle'`,
          )
        ).rows[0].n,
      ),
  }
}

const student = '/v1/attempts?source=store&user_id=alice'

t.test('a page and an aggregate have their own time, after which the server works on neither any more', async (t) => {
  const { app, running, go } = await standing(t, {
    timeoutPageMs: 2_000,
    timeoutAggregateMs: 4_000,
    timeoutMaxMs: 600_000,
  })
  const timed = async (path: string) => {
    const start = performance.now()
    const response = await app.inject(path)
    return { ms: performance.now() - start, response }
  }
  // one statement; several in one snapshot; an aggregate
  for (const [path, least] of [
    [student, 2_000],
    ['/v1/attempts?source=store', 2_000],
    ['/v1/items?source=store', 4_000],
    ['/v1/changes?since=x', 0],
  ] as const) {
    const { ms, response } = await timed(path)
    if (least === 0) continue
    t.equal(response.statusCode, 504, path)
    t.equal(response.json().code, 'timeout')
    t.equal(ms >= least - 5, true, `${path} took ${ms} ms`)
  }
  await until(async () => (await running()) === 0, 'no statement runs')
  await go()
  for (let turn = 0; turn < 12; turn++) t.equal((await app.inject(student)).statusCode, 200, 'the connections are good')
})

t.test('Prefer: wait asks for less, or for more up to the most there is', async (t) => {
  const { app } = await standing(t, { timeoutPageMs: 60_000, timeoutMaxMs: 60_000 })
  const start = performance.now()
  const less = await app.inject({ path: student, headers: { prefer: 'respond-async, wait=2' } })
  t.equal(less.statusCode, 504)
  t.equal(performance.now() - start >= 1_995, true)
  t.equal(less.headers['preference-applied'], 'wait=2')

  const { app: short, go } = await standing(t, { timeoutPageMs: 3_000, timeoutMaxMs: 40_000 })
  t.equal((await short.inject(student)).statusCode, 504)
  const asked = short.inject({ path: student, headers: { prefer: 'wait="99999"' } })
  await sleep(4_000)
  await go()
  const more = await asked
  t.equal(more.statusCode, 200)
  t.equal(more.headers['preference-applied'], 'wait=40', 'what was given')
  const ignored = await short.inject({ path: student, headers: { prefer: 'wait=soon' } })
  t.equal(ignored.statusCode, 200)
  t.equal(ignored.headers['preference-applied'], undefined)
  t.strictSame(
    [
      'wait=5',
      'WAIT = 5',
      'x, wait="5";y',
      'wait=5, wait=9',
      'wait=0',
      'wait=-1',
      'wait=1.5',
      'wait',
      '',
      'waiting=5',
      'wait="5',
      'wait=1000000000',
      `wait=${'9'.repeat(400)}`,
    ].map(preferredWait),
    [5, 5, 5, 5, undefined, undefined, undefined, undefined, undefined, undefined, undefined, 1e9, Infinity],
  )
})

t.test('a page that is asked for as a stream has the time of a stream, or the one it asks for', async (t) => {
  const { app, go } = await standing(t, { timeoutPageMs: 2_000, streamTimeoutS: 60 })
  const stream = app.inject('/v1/attempts?source=store&format=csv')
  const late = await app.inject({ path: '/v1/attempts?source=store&format=csv', headers: { prefer: 'wait=4' } })
  t.equal(late.statusCode, 504)
  t.equal(late.headers['preference-applied'], 'wait=4')
  await go()
  t.equal((await stream).statusCode, 200)
})

t.test(
  'the time runs while a connection is made, of pages and of streams, and the connection is not lost',
  async (t) => {
    const db = await createDatabase(t)
    const proxy = await startProxy(t, db.url)
    const app = await startApp(t, proxy.url, { poolSize: 1, streamPoolSize: 1 })
    const paths = ['/v1/attempts?source=live', '/v1/attempts?source=live&format=csv', '/v1/irt/responses?source=live']
    proxy.silent = true
    for (const path of paths) {
      const start = performance.now()
      const late = await app.inject({ path, headers: { prefer: 'wait=1' } })
      const ms = performance.now() - start
      t.match(late.json(), { status: 503, code: 'too_busy' }, path)
      // 5 where the driver gives the connection up, after 5 s
      t.equal(late.headers['retry-after'], '1')
      t.equal(ms >= 995, true, `${path}: ${ms} ms`)
    }
    proxy.silent = false
    proxy.cut()
    for (const path of paths) await until(async () => (await app.inject(path)).statusCode === 200, path)
  },
)

t.test('a client that disconnects ends the statement of its page', async (t) => {
  const { app, running } = await standing(t, { timeoutPageMs: 600_000, timeoutMaxMs: 600_000 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const request = http.get({
    host: '127.0.0.1',
    port: (app.server.address() as AddressInfo).port,
    path: '/v1/attempts?source=store',
  })
  request.on('error', () => undefined)
  await until(async () => (await running()) > 0, 'it runs')
  request.destroy()
  await until(async () => (await running()) === 0, 'it runs no more')
})

t.test('a request that finds the queue full is refused at once, one that waits too long in its time', async (t) => {
  const { app, go, running } = await standing(t, { poolSize: 2, poolQueue: 3, timeoutPageMs: 60_000 })
  const served = Array.from({ length: 2 }, () => app.inject(student).then((response) => response))
  await until(async () => (await running()) === 2, 'both connections are busy')
  const start = performance.now()
  // one after the other, and quickly: a request waits at most 5 s for a connection
  for (let more = 0; more < 3; more++) served.push(app.inject(student).then((response) => response))
  const refused = await app.inject(student)
  t.equal(refused.statusCode, 503)
  t.equal(refused.json().code, 'too_busy')
  t.equal(refused.headers['retry-after'], '1')
  t.equal(performance.now() - start < 30_000, true, 'at once, and not when its minute is over')
  await go()
  t.strictSame(
    (await Promise.all(served)).map(({ statusCode }) => statusCode),
    [200, 200, 200, 200, 200],
  )

  const { app: other, running: runs } = await standing(t, { poolSize: 1, poolQueue: 40, timeoutPageMs: 60_000 })
  const holds = other.inject({ path: student, headers: { prefer: 'wait=8' } })
  await until(async () => (await runs()) === 1, 'the connection is busy')
  const waits = await other.inject({ path: student, headers: { prefer: 'wait=2' } })
  t.equal(waits.statusCode, 503, 'waited for a connection as long as it may')
  t.equal(waits.json().code, 'too_busy')
  t.equal((await holds).statusCode, 504)
})
