/** What /health says of the store: it changes with the store, and the status never does. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import type { App } from '../../src/app.js'
import { buildIndexes } from '../../src/database/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { catchUp } from '../helpers/store.js'

/** The member `store`; a machine under load may take longer than a probe waits. */
async function store(app: App): Promise<Record<string, unknown> | null> {
  for (let look = 0; ; look++) {
    const response = await app.inject('/health/ready')
    t.equal(response.statusCode, 200)
    const { store: told } = response.json() as { store: Record<string, unknown> | null }
    if (told?.['detail'] !== 'unreachable' || look === 10) return told
  }
}

t.test('says what the store is, and stays ready', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json) values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true}]}')`)
  const app = await startApp(t, db.url, { storeLagS: 50 })
  t.equal(await store(app), null)
  await enableStore({ source: db.pool, store: db.pool }, () => undefined)
  t.match(await store(app), { state: 'filling', as_of: null, lag_s: null, differences: 0, detail: 'filling' })
  await catchUp(db.url)
  t.match(await store(app), { state: 'ready', version: /^\d+$/, as_of: /\.\d{6}Z$/, lag_s: Number, differences: 0, detail: 'ok' })
  t.match((await app.inject('/health')).json(), { status: 'ready', store: { detail: 'ok' } })
  await db.pool.query(`update attempt_store set caught_up_at = now() - interval '1 minute'`)
  const lagging = await store(app)
  t.equal(lagging?.['detail'], 'lagging')
  t.equal(Number(lagging?.['lag_s']) >= 60, true)
  await db.pool.query('update attempt_store set differences = 3, difference_at = now()')
  t.match(await store(app), { differences: 3, detail: 'degraded' })
  await db.pool.query(`update attempt_store set caught_up_at = now(), difference_at = now() - interval '25 hours'`)
  t.match(await store(app), { differences: 3, detail: 'ok' }, 'after a day the count alone tells')
})

t.test('a store whose database is away or silent makes no probe fail or wait', async (t) => {
  const db = await createDatabase(t)
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => { sockets.add(socket.on('error', () => undefined)) })
  await new Promise<void>((done) => { silent.listen(0, '127.0.0.1', done) })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  for (const url of ['postgres://nobody:secret@127.0.0.1:1/none', `postgres://nobody:secret@127.0.0.1:${(silent.address() as AddressInfo).port}/none`]) {
    const app = await startApp(t, db.url, {}, url)
    // the first probe runs the contract check
    await app.inject('/health')
    for (let probe = 0; probe < 3; probe++) {
      const began = Date.now()
      const response = await app.inject('/health')
      t.equal(response.statusCode, 200)
      t.match(response.json().store, { state: null, version: null, as_of: null, lag_s: null, differences: null, detail: 'unreachable' })
      t.equal(Date.now() - began < 1_500, true, `${Date.now() - began} ms`)
      t.notMatch(response.body, /secret/)
    }
  }
})
