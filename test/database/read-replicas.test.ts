/** Reads on standbys: each test has a primary and a standby of its own, and a database that both have. */
import { platform } from 'node:os'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { App } from '../../src/services.js'
import { readConfig } from '../../src/config.js'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp, walk } from '../helpers/app.js'
import { startReplicated, type Replicated } from '../helpers/standby.js'
import { migrate } from '../helpers/database.js'
import { lateness } from '../helpers/lateness.js'
import { startProxy } from '../helpers/proxy.js'
import { catchUp } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

interface Pair extends Replicated {
  writer: pg.Pool
  reader: pg.Pool
  /** URLs for a role that may only read. */ ordinary: { primary: string; standby: string }
}

// each has servers of its own, and mostly waits until they are seen to lag, to stop or to be back
t.jobs = 3

const skip = platform() === 'win32' ? 'the folder is copied with cp' : false

function pool(t: Test, url: string): pg.Pool {
  const made = new pg.Pool({ connectionString: url, max: 3 })
  made.on('error', () => undefined)
  made.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  t.teardown(() => made.end())
  return made
}

async function pair(t: Test, { store = false }: { store?: boolean } = {}): Promise<Pair> {
  const servers = await startReplicated(t)
  const [writer, reader] = [pool(t, servers.primary), pool(t, servers.standby)]
  await writer.query(createExamResults)
  await migrate(writer)
  const exams = cohort({
    exams: 60,
    questions: 5,
    students: 10,
    items: 20,
    days: 6,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 3,
  })
  await loadExamResults(
    writer,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  await buildIndexes(writer, () => undefined)
  if (store) {
    await enableStore({ primary: writer, store: writer }, () => undefined)
    await catchUp(servers.primary)
  }
  await writer.query(
    `create role ordinary login password 'ordinary'; grant select on all tables in schema public to ordinary`,
  )
  await servers.caughtUp()
  const as = (where: string) => {
    const url = new URL(where)
    url.username = url.password = 'ordinary'
    return url.href
  }
  return { ...servers, writer, reader, ordinary: { primary: as(servers.primary), standby: as(servers.standby) } }
}

/** An exam whose session names it, so that an answer shows what it has. */
const exam = (session: string) =>
  `insert into exam_results (session_id, user_id, result_json, updated_at)
  values ('${session}', 'marker', '{"questions": [{"question_id": 1, "is_correct": true}]}', '2026-03-13T00:00:00Z')`

/** Connections that the service holds there. */
const backends = async (server: pg.Pool, application: string) =>
  Number(
    (
      await server.query<{ n: string }>('select count(*) as n from pg_stat_activity where application_name = $1', [
        application,
      ])
    ).rows[0]?.n,
  )

/** Which server answers: the one where a session of the service runs a statement meanwhile; one that ends does not. */
async function answeredBy(
  app: App,
  pair: Pair,
  path: string,
  application = 'attempt-api',
): Promise<'primary' | 'standby' | 'both'> {
  const ran = async (server: pg.Pool) =>
    (
      await server.query<{ session: string }>(
        `select pid || ' ' || state_change as session from pg_stat_activity where application_name = $1`,
        [application],
      )
    ).rows.map(({ session }) => session)
  const before = await Promise.all([ran(pair.writer), ran(pair.reader)])
  const response = await app.inject(path)
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${response.body}`)
  // a stream's connection is released after its last byte
  await sleep(30)
  const after = await Promise.all([ran(pair.writer), ran(pair.reader)])
  const [primary = false, standby = false] = after.map((sessions, at) =>
    sessions.some((session) => before[at]?.includes(session) === false),
  )
  return primary && standby ? 'both' : standby ? 'standby' : 'primary'
}

/** Waits until the standby answers: on a busy machine it may lag too far for a moment, and then the primary answers. */
const untilRead = (app: App, pair: Pair, path: string, application?: string) =>
  until(
    async () => (await answeredBy(app, pair, path, application)) === 'standby',
    `${path} is answered by the standby`,
  )

/** Whether the service would read the standby for a request of this moment. */
const isRead = async (app: App): Promise<boolean> => (await app.inject('/health')).json().standbys[0].read

/** The standby answers unless it lags too far for a moment, as /health says then: on a busy machine it may. */
async function answeredByStandby(t: Test, app: App, pair: Pair, path: string, application?: string): Promise<void> {
  for (let turn = 0; turn < 100; turn++) {
    const before = await isRead(app)
    const server = await answeredBy(app, pair, path, application)
    if (server === 'standby' || (before && (await isRead(app)))) {
      t.equal(server, 'standby', path)
      return
    }
  }
  t.fail(`${path}: the standby is not read`)
}

const paths = [
  '/v1/attempts',
  '/v1/students',
  '/v1/topics',
  '/v1/items',
  '/v1/anomalies',
  '/v1/students/c773fdef-3889-bdad-be80-9f1e8aaeea46',
]
const streams = ['/v1/attempts?format=csv', '/v1/students?format=ndjson', '/v1/irt/responses', '/v1/irt/readiness']

t.test('configuration: every URL is checked, and all problems are reported at once', (t) => {
  t.strictSame(readConfig({}).readUrls, [])
  t.strictSame(
    readConfig({ DATABASE_URL: 'postgres://a/b', DATABASE_READ_URL: 'postgres://c/d, postgresql://e/f' }).readUrls,
    ['postgres://c/d', 'postgresql://e/f'],
  )
  t.equal(readConfig({}).readLagS, 10)
  t.throws(
    () => readConfig({ DATABASE_READ_URL: 'postgres://u:secret@c/d,mysql://x:secret@y,', READ_LAG_S: '0' }),
    /number 2 is mysql:..y, number 3 is a text that .*READ_LAG_S must be .*DATABASE_READ_URL needs DATABASE_URL/,
  )
  try {
    readConfig({ DATABASE_READ_URL: 'mysql://x:secret@y' })
  } catch (error) {
    t.notMatch((error as Error).message, /secret/)
  }
  t.end()
})

t.test(
  'a role that may only read is answered by the standby, pages and streams, and an idle primary makes no difference',
  { skip },
  async (t) => {
    const servers = await pair(t)
    await servers.writer.query(exam('known'))
    await servers.caughtUp()
    const readLagS = 10
    const app = await startApp(t, servers.ordinary.primary, { readLagS }, servers.ordinary.primary, [
      servers.ordinary.standby,
    ])
    await untilRead(app, servers, '/v1/topics')
    // nothing is written meanwhile: the last replayed commit grows older than the limit
    await sleep(readLagS * 1_000 + 500)
    for (const path of paths.slice(0, -1)) await answeredByStandby(t, app, servers, path)
    for (const path of streams) await answeredByStandby(t, app, servers, path, 'attempt-api stream')
    t.equal(await backends(servers.writer, 'attempt-api stream'), 0)
    t.equal((await app.inject(paths.at(-1) as string)).statusCode, 404)
    const before = Date.now()
    const response = await app.inject('/v1/attempts?session_id=known')
    const age = before - Date.parse(response.json().as_of)
    t.equal(response.headers['attempt-as-of'], response.json().as_of)
    t.equal(age >= 0 && age <= readLagS * 1_000, true, `measured ${age} ms before the request`)
    t.strictSame(
      await walk(app, '/v1/attempts?limit=37'),
      await walk(await startApp(t, servers.primary), '/v1/attempts?limit=37'),
    )
    const health = await until(async () => {
      const answer = await app.inject('/health')
      return answer.statusCode === 200 && answer.json().standbys[0].read === true && answer
    }, 'the service is healthy and reads the standby')
    t.match(health.json().standbys, [{ server: 'standby 1', read: true, lag_s: Number, reason: '' }])
    t.notMatch(health.body, /postgres:|127\.0\.0\.1/)
  },
)

t.test('an idle primary whose log continues in a new segment keeps its standbys in use', { skip }, async (t) => {
  const servers = await pair(t)
  const readLagS = 8
  const app = await startApp(t, servers.primary, { readLagS }, servers.primary, [servers.standby])
  await untilRead(app, servers, '/v1/topics')
  const late = lateness(t)
  // a record that other tests write in between moves the end of the log: repeat
  let position = ''
  for (let turn = 0; turn < 10 && !position.endsWith('000028'); turn++) {
    await servers.writer.query('select pg_switch_wal()')
    await sleep(readLagS * 1_000 + 1_000)
    position =
      (await servers.writer.query<{ at: string }>('select pg_current_wal_insert_lsn()::text as at')).rows[0]?.at ?? ''
  }
  t.match(position, /000028$/, 'nothing but the header of the segment')
  const { standbys } = (await app.inject('/health')).json()
  if (late() < 1_000) t.match(standbys, [{ server: 'standby 1', read: true, reason: '' }])
  await until(() => isRead(app), 'the standby is read')
  await answeredByStandby(t, app, servers, '/v1/topics')
})

t.test('a standby that lags is not read, and its answers never claim what they lack', { skip }, async (t) => {
  const servers = await pair(t)
  const readLagS = 8
  const app = await startApp(t, servers.primary, { readLagS }, servers.primary, [servers.standby])
  await untilRead(app, servers, '/v1/topics')
  await servers.reader.query('select pg_wal_replay_pause()')
  await until(
    async () =>
      (await servers.reader.query(`select pg_get_wal_replay_pause_state() as state`)).rows[0].state === 'paused',
    'replay is paused',
  )
  await servers.writer.query(exam('while paused'))
  const committed = Date.now()
  let missing = 0
  for (let present = false; !present;) {
    const asked = Date.now()
    const response = await app.inject('/v1/attempts?session_id=while%20paused')
    t.equal(response.statusCode, 200)
    present = response.json().data.length > 0
    if (!present) {
      missing++
      t.equal(Date.parse(response.json().as_of) <= committed, true, 'as of before it was committed')
      t.equal(
        asked - Date.parse(response.json().as_of) <= readLagS * 1_000,
        true,
        'and within READ_LAG_S: then the primary answers',
      )
    }
    await sleep(100)
  }
  t.equal(missing > 0, true, 'within the limit the standby answers')
  t.equal(await answeredBy(app, servers, '/v1/topics'), 'primary')
  t.equal(await answeredBy(app, servers, '/v1/attempts?format=csv', 'attempt-api stream'), 'primary')
  await app.inject('/schema-contract')
  let standbys: unknown
  await until(async () => {
    const { status, standbys: told } = (await app.inject('/health/ready')).json()
    standbys = told
    return status === 'ready' && told[0].reason === `it is more than ${readLagS} s behind`
  }, 'the probe says why')
  t.match(standbys, [{ server: 'standby 1', read: false }])
  await servers.reader.query('select pg_wal_replay_resume()')
  await untilRead(app, servers, '/v1/topics')
  t.equal((await app.inject('/v1/attempts?session_id=while%20paused')).json().data.length, 1)
})

t.test('no request fails when the standby stops, and it is used again when it is back', { skip }, async (t) => {
  const servers = await pair(t)
  const app = await startApp(t, servers.primary, { readLagS: 5 }, servers.primary, [servers.standby])
  await untilRead(app, servers, '/v1/topics')
  const failures: string[] = []
  let [going, answers, slowest, cuts] = [true, 0, 0, 0]
  const ask = async (all: string[]) => {
    for (let at = 0; going; at++) {
      const path = all[at % all.length] as string
      const began = Date.now()
      const response = await app.inject(path).catch((error: Error & { code?: string }) => {
        // the client may have the first rows of a stream, and no other server has the rest of that snapshot
        if (all !== streams || error.code !== 'LIGHT_ECONNRESET') throw error
        cuts++
      })
      slowest = Math.max(slowest, Date.now() - began)
      answers++
      if (response !== undefined && response.statusCode !== 200)
        failures.push(`${path}: ${response.statusCode} ${response.body}`)
    }
  }
  const asking = Promise.all([ask(paths.slice(0, -1)), ask(paths.slice(0, -1).reverse()), ask(streams)])
  const someMore = async () => {
    const before = answers
    await until(() => answers > before + 10, 'there are answers')
  }
  await someMore()
  await servers.stopStandby()
  await Promise.all([someMore(), sleep(1_000)])
  await servers.startStandby()
  await until(
    async () => (await backends(servers.reader, 'attempt-api').catch(() => 0)) > 0,
    'the standby is used again',
  )
  await someMore()
  going = false
  await asking
  t.strictSame(failures, [])
  t.ok(cuts <= 1, 'one was under way when it stopped')
  t.comment(`${answers} answers, ${cuts} streams cut`)
  // far less than a request may take
  t.equal(slowest < 15_000, true, `the slowest took ${slowest} ms`)
})

t.test('a standby that stops responding delays only the requests that run on it', { skip }, async (t) => {
  const servers = await pair(t)
  const line = await startProxy(t, servers.standby)
  const app = await startApp(t, servers.primary, { readLagS: 60 }, servers.primary, [line.url])
  await untilRead(app, servers, '/v1/topics')
  t.equal((await app.inject('/v1/attempts?format=csv')).statusCode, 200)
  line.silent = true
  const timed = async (path: string) => {
    const began = Date.now()
    const { statusCode } = await app.inject(path)
    return { statusCode, ms: Date.now() - began }
  }
  for (const answer of await Promise.all([...paths.slice(0, -1), ...streams.slice(0, 2)].map(timed))) {
    t.equal(answer.statusCode, 200)
    t.equal(answer.ms < 20_000, true, `${answer.ms} ms`)
  }
  const end = Date.now() + 6_000
  let [answers, slow] = [0, 0]
  while (Date.now() < end) {
    const answer = await timed('/v1/topics')
    answers++
    t.equal(answer.statusCode, 200)
    // a connection attempt takes 1 s, and a query without an answer 2 s
    if (answer.ms >= 1_000) slow++
    await sleep(50)
  }
  t.comment(`${answers} answers, ${slow} of them slow`)
  t.equal(slow <= 1 || slow < answers / 4, true, `${slow} of ${answers} answers were slow`)
  line.silent = false
  await untilRead(app, servers, '/v1/topics')
})

t.test(
  'a cancelled statement is asked of the primary; two standbys take turns; strangers are not read',
  { skip },
  async (t) => {
    const servers = await pair(t)
    const [first, second] = [await startProxy(t, servers.standby), await startProxy(t, servers.standby)]
    // the primary itself, and a server of another cluster
    const other = await startReplicated(t)
    // its log is further on, so that its position alone would look current
    const stranger = pool(t, other.primary)
    for (let segment = 0; segment < 4; segment++)
      await stranger.query(`select pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`)
    await other.caughtUp()
    // no lag of a busy machine: here each answer must come from a standby
    const app = await startApp(t, servers.primary, { readLagS: 60 }, servers.primary, [
      first.url,
      servers.primary,
      second.url,
      other.standby,
    ])
    await untilRead(app, servers, '/v1/topics')
    await until(async () => {
      await app.inject('/v1/topics')
      return first.connections > 1 && second.connections > 1
    }, 'both are used')
    await sleep(2_500)
    for (let turn = 0; turn < 8; turn++) t.equal(await answeredBy(app, servers, '/v1/topics'), 'standby')

    // a query that conflicts with replay is cancelled on the standby, and answered by the primary
    await servers.reader.query('alter system set max_standby_streaming_delay = 0')
    await servers.reader.query('select pg_reload_conf()')
    await until(
      async () =>
        (await servers.reader.query('show max_standby_streaming_delay')).rows[0].max_standby_streaming_delay === '0',
      'it knows',
    )
    await servers.writer.query(`alter view attempt_anomaly rename to anomaly_before;
    create view attempt_anomaly as select a.* from anomaly_before as a
      cross join (select case when pg_is_in_recovery() then pg_sleep(20) end) as slow`)
    await servers.caughtUp()
    const answer = answeredBy(app, servers, '/v1/anomalies')
    await until(
      async () =>
        Number(
          (
            await servers.reader.query(
              `select count(*) as n from pg_stat_activity
              where application_name = 'attempt-api' and wait_event = 'PgSleep'`,
            )
          ).rows[0].n,
        ) > 0,
      'it runs on the standby',
    )
    await servers.writer.query('begin; lock table exam_results in access exclusive mode; commit')
    t.equal(await answer, 'both')
    await until(
      async () =>
        Number(
          (
            await servers.reader.query(
              `select confl_lock as n from pg_stat_database_conflicts where datname = current_database()`,
            )
          ).rows[0].n,
        ) > 0,
      'it was cancelled for that reason',
    )
    t.equal(await answeredBy(app, servers, '/v1/topics'), 'standby', 'which is nothing against the standby')

    // a promoted standby is no longer a copy of the primary, however far it had replayed
    await servers.reader.query('select pg_promote()')
    await until(async () => (await answeredBy(app, servers, '/v1/topics')) === 'primary', 'the primary answers')
    for (let turn = 0; turn < 4; turn++) t.equal(await answeredBy(app, servers, '/v1/topics'), 'primary')
  },
)

t.test('the store on a standby is read as of what was replayed, with its version and moment', { skip }, async (t) => {
  const servers = await pair(t, { store: true })
  const beat = setInterval(() => {
    void servers.writer.query('update attempt_store set caught_up_at = now()').catch(() => undefined)
  }, 300)
  t.teardown(() => {
    clearInterval(beat)
  })
  const app = await startApp(t, servers.ordinary.primary, { readLagS: 6, storeLagS: 6 }, servers.ordinary.primary, [
    servers.ordinary.standby,
  ])
  await untilRead(app, servers, '/v1/topics?source=store')
  for (const path of ['/v1/attempts', '/v1/topics', '/v1/topics/daily?since=2026-03-01&until=2026-03-14']) {
    const response = await app.inject(path)
    t.equal(response.headers['attempt-source'], 'store')
    t.equal(
      response.headers['attempt-version'],
      (await servers.reader.query('select version from attempt_store')).rows[0].version,
    )
    if (path !== '/v1/attempts')
      t.equal(
        (await app.inject({ path, headers: { 'if-none-match': String(response.headers['etag']) } })).statusCode,
        304,
      )
    await answeredByStandby(t, app, servers, path)
  }
  await answeredByStandby(t, app, servers, '/v1/attempts?format=csv&source=store', 'attempt-api stream')
  await servers.reader.query('select pg_wal_replay_pause()')
  await until(
    async () =>
      (await servers.reader.query(`select pg_get_wal_replay_pause_state() as state`)).rows[0].state === 'paused',
    'replay is paused',
  )
  const {
    rows: [there],
  } = await servers.reader.query<{ version: string; at: Date }>('select version, caught_up_at as at from attempt_store')
  await servers.writer.query('update attempt_store set version = version + 1')
  const behind = await app.inject('/v1/topics')
  t.equal(behind.headers['attempt-version'], there?.version, 'not yet the new one')
  t.equal(Date.parse(String(behind.headers['attempt-as-of'])) <= Number(there?.at) + 1, true)
  await until(
    async () => (await app.inject('/v1/topics')).headers['attempt-version'] !== there?.version,
    'the primary answers',
  )
  t.equal((await app.inject('/v1/topics')).headers['attempt-source'], 'store')
  t.equal(await answeredBy(app, servers, '/v1/topics'), 'primary')
})
