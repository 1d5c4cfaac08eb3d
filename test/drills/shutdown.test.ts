/** A signal to stop: probes report it at once, requests in flight end, others are cut, and the process ends in time. */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { holdStream, load, loadVast, vastStream } from '../helpers/drill.js'
import { startService, type Service } from '../helpers/service.js'
import { sleep, until } from '../helpers/until.js'

/** For a busy machine. A process that does not end in time would run for much longer. */
const slackMs = 12_000

// most of their time is the delay, the grace and the end of a process; each has a database of its own
t.jobs = 4

async function place(t: Test) {
  const db = await createDatabase(t)
  await load(db.pool, 60, 20)
  const settings = {
    DATABASE_URL: db.url,
    STORE_REFRESH: 'off',
    STREAM_POOL_SIZE: '3',
    STREAMS_PER_CLIENT: '3',
    TIMEOUT_PAGE_MS: '120000',
  }
  return { db, settings }
}

async function ended(t: Test, service: Service, within: number, code: number | string = 0): Promise<void> {
  const signalled = Date.now()
  t.equal(await service.exited, code, service.log.slice(-3).join('\n'))
  t.equal(Date.now() - signalled <= within + slackMs, true, `${Date.now() - signalled} ms`)
}

const student = '/v1/attempts?user_id=student-1&limit=1'

/** Locks a table that every request needs. @returns what unlocks it */
async function lock(db: TestDatabase): Promise<() => Promise<void>> {
  const client = await db.pool.connect()
  await client.query('begin; lock table exam_results in access exclusive mode')
  return async () => {
    await client.query('rollback')
    client.release()
  }
}
const waiting = (db: TestDatabase) =>
  until(
    async () =>
      Number(
        (
          await db.pool.query(
            `select count(*) as n from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).rows[0].n,
      ) > 0,
    'the request waits for the lock',
  )

t.test(
  'during the delay requests are served and probes report the shutdown; ' +
    'then requests in flight end, new ones are refused, and keep-alive connections close',
  async (t) => {
    const { db, settings } = await place(t)
    const service = await startService(t, { ...settings, SHUTDOWN_DELAY_S: '8', SHUTDOWN_GRACE_S: '60' })
    await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')
    // two idle connections: one that sent a request, one that never does
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const [kept] = (await once(get(`${service.url}/health/live`, { agent }), 'response')) as [IncomingMessage]
    kept.resume()
    const mute = connect(Number(new URL(service.url).port), '127.0.0.1')
    // reads what it receives, or it would never close
    const closed = once(mute.on('error', () => undefined).resume(), 'close')
    const unlock = await lock(db)
    const page = service.get(student)
    await waiting(db)

    service.signal('SIGTERM')
    const over = ended(t, service, 60_000)
    await until(async () => (await service.get('/health/ready')).status === 503, {
      message: 'the probe says so at once',
      seconds: 6,
    })
    for (const path of ['/health/ready', '/health']) {
      const ready = await service.get(path)
      t.equal(ready.status, 503)
      t.match(ready.json(), { status: 'unavailable', reason: 'the service is shutting down', database: 'unknown' })
      t.equal(ready.headers.get('connection'), 'close')
    }
    t.equal((await service.get('/openapi.json')).status, 200, 'still served')
    // a request that is refused in any case, and needs no lock
    await until(async () => (await service.get('/v1/topics?limit=x')).status === 503, 'after the delay it is refused')
    const refused = await service.get('/v1/topics')
    t.match(refused.json(), { status: 503, code: 'shutting_down' })
    t.match(refused.headers.get('content-type'), /^application\/problem\+json/)
    t.equal(refused.headers.get('connection'), 'close')
    t.equal(refused.headers.get('retry-after'), '5')
    t.match((await service.get('/health/ready')).json(), { reason: 'the service is shutting down' })
    t.equal((await service.get('/health/live')).status, 200)
    await unlock()
    const answer = await page
    t.equal(answer.status, 200, 'the request in flight is answered')
    t.equal((answer.json()['data'] as unknown[]).length, 1)
    t.equal(answer.headers.get('connection'), 'close')
    const before = Date.now()
    await over
    t.equal(Date.now() - before < 20_000, true, 'and the process does not wait for the end of its grace')
    await closed
    agent.destroy()
  },
)

t.test('a stream that ends within the grace is whole, one whose client reads nothing is cut', async (t) => {
  const { db, settings } = await place(t)
  await loadVast(db.pool)
  const patient = await startService(t, { ...settings, SHUTDOWN_GRACE_S: '90' })
  const read = await holdStream(patient, vastStream)
  t.equal(read.status, 200)
  patient.signal('SIGTERM')
  const whole = ended(t, patient, 60_000)
  // longer than fastify waits for a plugin that starts
  const longer = sleep(11_000)

  const service = await startService(t, { ...settings, SHUTDOWN_GRACE_S: '4' })
  const stalled = await holdStream(service, vastStream)
  t.equal(stalled.status, 200)
  service.signal('SIGTERM')
  await ended(t, service, 4_000)
  t.equal(await stalled.ended(), false, 'cut')

  await longer
  t.equal(await read.ended(), true, 'whole')
  await whole
})

t.test('a request that still waits for the database after the grace gets an answer', async (t) => {
  const { db, settings } = await place(t)
  const service = await startService(t, { ...settings, SHUTDOWN_GRACE_S: '1' })
  const unlock = await lock(db)
  const page = service.get(student)
  await waiting(db)
  service.signal('SIGTERM')
  await ended(t, service, 1_000)
  t.match((await page).json(), { status: 503, code: 'database_unavailable' })
  await unlock()
})

t.test('a refresher that is stopped in the middle of a batch rolls it back', async (t) => {
  const refreshed = await createDatabase(t)
  await load(refreshed.pool, 20, 5)
  await buildIndexes(refreshed.pool, () => undefined)
  await enableStore({ primary: refreshed.pool, store: refreshed.pool }, () => undefined)
  const service = await startService(t, { DATABASE_URL: refreshed.url, SHUTDOWN_GRACE_S: '2' })
  await until(
    async () => (await service.get('/v1/attempts?limit=1')).headers.get('attempt-source') === 'store',
    'the store is filled',
  )
  const locker = await refreshed.pool.connect()
  await locker.query('begin; lock table attempt_deleted in access exclusive mode')
  await refreshed.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    values ('late', 'late', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
  )
  await until(
    async () =>
      Number(
        (
          await refreshed.pool.query(
            `select count(*) as n from pg_stat_activity
            where application_name = 'attempt-api refresher' and wait_event_type = 'Lock'
              and datname = current_database()`,
          )
        ).rows[0].n,
      ) > 0,
    'it is in the middle of a batch',
  )
  service.signal('SIGTERM')
  await ended(t, service, 2_000)
  await locker.query('rollback')
  locker.release()
  t.equal(
    (await refreshed.pool.query(`select 1 from attempt_queue`)).rowCount,
    1,
    'the batch was rolled back, and its exam waits for the next refresher',
  )
})

t.test('a second signal ends the process at once', async (t) => {
  const { db, settings } = await place(t)
  await loadVast(db.pool)
  const impatient = await startService(t, { ...settings, SHUTDOWN_GRACE_S: '60' })
  const held = await holdStream(impatient, vastStream)
  impatient.signal('SIGINT')
  // a terminal and npm both send the first one
  impatient.signal('SIGINT')
  await until(
    async () => (await impatient.get('/health/ready')).json()['reason'] === 'the service is shutting down',
    'the service is shutting down',
  )
  await sleep(1_500)
  impatient.signal('SIGTERM')
  await ended(t, impatient, 0, 1)
  t.equal(await held.ended(), false)
})

t.test('an uncaught rejection ends the process and is logged', async (t) => {
  const rejects = `process.on('SIGUSR2', () => { Promise.reject(new Error('nobody_caught_this')) })`
  const { settings } = await place(t)
  const service = await startService(t, {
    ...settings,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(rejects)}`,
  })
  service.signal('SIGUSR2')
  t.equal(await service.exited, 1)
  t.match(service.log.join('\n'), /"level":60.*nobody_caught_this/)
})
