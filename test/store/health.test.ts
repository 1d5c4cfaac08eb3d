/** What /health reports of the store: it changes with the store, and the status never does. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import type { App } from '../../src/services.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { catchUp } from '../helpers/store.js'
import { readerOf } from '../../src/database/reader.js'
import { readStoreState } from '../../src/store/state.js'

/** The service after its first contract check: until then it is not ready, however long that takes here. */
async function started(...given: Parameters<typeof startApp>): Promise<App> {
  const [t, url, settings, ...rest] = given
  const app = await startApp(
    t,
    url,
    { contractTimeoutMs: 60_000, intervals: { readEveryMs: 100, freshMs: 150 }, ...settings },
    ...rest,
  )
  await app.inject('/schema-contract')
  return app
}

/** The member `store` as soon as its detail is this; it is as of a moment ago. */
async function store(
  app: App,
  detail: string | undefined,
  differences?: number,
): Promise<Record<string, unknown> | null> {
  for (const end = Date.now() + 60_000; ;) {
    const response = await app.inject('/health/ready')
    t.equal(response.statusCode, 200)
    const { store: reported } = response.json() as { store: Record<string, unknown> | null }
    if (
      (reported?.['detail'] === detail && (differences === undefined || reported?.['differences'] === differences)) ||
      Date.now() > end
    )
      return reported
    await new Promise((again) => setTimeout(again, 50))
  }
}

t.test('looking for a store that does not exist is not an error in the log of the server', async (t) => {
  const db = await createDatabase(t)
  const failed: unknown[] = []
  const reader = readerOf(db.pool)
  t.equal(
    await readStoreState({
      store: true,
      rows: (one) =>
        reader.rows(one).catch((error: unknown) => {
          failed.push(error)
          throw error
        }),
    }),
    undefined,
  )
  t.strictSame(failed, [])
  t.equal(await readStoreState(reader, true), undefined, 'nor is a store that was dropped since')
})

t.test('reports the state of the store, and stays ready', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
     values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
  )
  const app = await started(t, db.url, { storeLagS: 50 })
  t.equal(await store(app, undefined), null)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  t.match(await store(app, 'filling'), {
    state: 'filling',
    as_of: null,
    lag_s: null,
    differences: 0,
    detail: 'filling',
  })
  await catchUp(db.url)
  t.match(await store(app, 'ok'), {
    state: 'ready',
    version: /^\d+$/,
    as_of: /\.\d{6}Z$/,
    lag_s: Number,
    differences: 0,
    detail: 'ok',
  })
  t.match((await app.inject('/health')).json(), { status: 'ready', store: { detail: 'ok' } })
  await db.pool.query(`update attempt_store set caught_up_at = now() - interval '1 minute'`)
  const lagging = await store(app, 'lagging')
  t.equal(lagging?.['detail'], 'lagging')
  t.equal(Number(lagging?.['lag_s']) >= 60, true)
  await db.pool.query('update attempt_store set differences = 3, difference_at = now()')
  t.match(await store(app, 'degraded'), { differences: 3, detail: 'degraded' })
  await db.pool.query(`update attempt_store set caught_up_at = now(), difference_at = now() - interval '25 hours'`)
  t.match(await store(app, 'ok', 3), { differences: 3, detail: 'ok' }, 'after a day the count alone remains')
})

t.test('a store whose database is down or does not respond makes no probe fail or wait', async (t) => {
  const db = await createDatabase(t)
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
  })
  await new Promise<void>((done) => {
    silent.listen(0, '127.0.0.1', done)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  for (const url of [
    'postgres://nobody:secret@127.0.0.1:1/none',
    `postgres://nobody:secret@127.0.0.1:${(silent.address() as AddressInfo).port}/none`,
  ]) {
    const app = await started(t, db.url, {}, url)
    const took: number[] = []
    for (let probe = 0; probe < 5; probe++) {
      const began = Date.now()
      const response = await app.inject('/health')
      t.equal(response.statusCode, 200)
      t.match(response.json().store, {
        state: null,
        version: null,
        as_of: null,
        lag_s: null,
        differences: null,
        detail: 'unreachable',
      })
      took.push(Date.now() - began)
      t.notMatch(response.body, /secret/)
    }
    // each would take the 2.5 s of a read; a busy machine makes some late
    t.equal(Math.min(...took) < 1_500, true, `${took.join()} ms`)
  }
})
