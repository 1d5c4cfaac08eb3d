/** The check under CONTRACT_TIMEOUT_MS: it answers in time, leaves nothing behind, and the next call starts anew. */
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { createDatabase } from '../helpers/database.js'
import { startApp } from '../helpers/app.js'

// far above what the check takes on a busy machine
const contractTimeoutMs = 3_000
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

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
  t.teardown(() => { locker.release(true) })
  for (const lock of ['pg_class', 'pg_rewrite']) {
    await locker.query(`begin; lock table ${lock} in access exclusive mode`)
    const late = await ask(app)
    t.equal(late.statusCode, 503, lock)
    t.ok(late.ms < contractTimeoutMs + 700, `${lock}: ${late.ms} ms`)
    await pause(300)
    const { rows } = await locker.query(`
      select state, query from pg_stat_get_activity(null) where application_name like 'attempt-api%' and state is distinct from 'idle'
        and datid = (select oid from pg_database where datname = current_database())`)
    t.strictSame(rows, [], `${lock}: no session is left at work`)
    await locker.query('rollback')
    t.equal((await ask(app)).statusCode, 200, `${lock}: recovers`)
  }
})

t.test('drift that was found before the time was up is reported', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url, { contractTimeoutMs })
  await db.pool.query(`create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at,
    attempt_no, session_id, topic_id from attempt_numbered where pg_sleep(1) is not null`)
  const slow = await ask(app)
  t.equal(slow.statusCode, 409)
  t.ok(slow.ms < contractTimeoutMs, `${slow.ms} ms`)
  t.match(slow.body, /pg_sleep/)
})

t.test('a database that stops answering blocks no later call', async (t) => {
  const db = await createDatabase(t)
  const sockets = new Set<Socket>()
  let silent = false
  const server = new URL(db.url)
  const proxy = createServer((near) => {
    const far = connect(Number(server.port), server.hostname)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from)
      from.on('data', (bytes) => { if (!silent) to.write(bytes) })
      from.on('error', () => undefined)
      from.on('close', () => { to.destroy() })
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
    t.ok(late.ms < contractTimeoutMs + 700, `call ${call}: ${late.ms} ms`)
    t.equal((await app.inject('/health')).statusCode, 503)
  }
  silent = false
  t.equal((await ask(app)).statusCode, 200, 'recovers at once')
  t.equal((await app.inject('/health')).statusCode, 200)
})
