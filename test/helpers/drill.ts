/** One drill: a fault begins, is observed from outside and ends, and the service recovers by itself. */
import { get, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import pg from 'pg'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { enableStore } from '../../src/store/enable.js'
import type { Answer, Service } from './service.js'
import { migrate } from './database.js'
import { until } from './until.js'

/** A pool that outlives every fault. It keeps idle connections: a closed one would leave its place to the service. */
export function steadyPool(t: { teardown(action: () => unknown): unknown }, url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 3, connectionTimeoutMillis: 30_000, idleTimeoutMillis: 0 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  t.teardown(() => pool.end())
  return pool
}

/**
 * Creates a database with views, exams, indexes and, with `store`, the store, owned by a role without superuser rights.
 * @returns its URL for that role
 */
export async function prepare(server: string, { exams = 60, questions = 20, store = false } = {}): Promise<string> {
  const admin = new pg.Client(server)
  await admin.connect()
  await admin.query(`create role drill login password 'drill'`)
  await admin.query('create database drill owner drill')
  await admin.end()
  const url = new URL(server)
  url.username = url.password = 'drill'
  url.pathname = '/drill'
  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => undefined)
  try {
    await pool.query(createExamResults)
    await migrate(pool)
    await load(pool, exams, questions)
    await buildIndexes(pool, () => undefined)
    if (store) await enableStore({ primary: pool, store: pool }, () => undefined)
    return url.href
  } finally {
    await pool.end()
  }
}

export async function load(pool: pg.Pool, exams: number, questions: number): Promise<void> {
  const lines = cohort({
    exams,
    questions,
    students: 20,
    items: 200,
    days: 6,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 3,
  })
  await loadExamResults(
    pool,
    (function* () {
      for (const exam of lines) yield JSON.stringify(exam)
    })(),
  )
}

/**
 * A user whose stream of 49 MB is more than the sockets between service and client can hold on Linux, 4 MB to send and
 * 32 MB to receive: it cannot end while its client reads nothing.
 */
export const vastStream = '/v1/attempts?format=csv&user_id=vast&fields=topic_id,item_id'
export async function loadVast(pool: pg.Pool): Promise<void> {
  await pool.query(`insert into exam_results (session_id, user_id, result_json)
    select 'vast-' || exam, 'vast', jsonb_build_object('questions', questions)
    from generate_series(1, 60) as exam, (
      select jsonb_agg(jsonb_build_object('question_id', n, 'topic', repeat(md5(n::text), 256))) as questions
      from generate_series(1, 100) as n
    ) as every`)
}

/** Small limits, so that drills are short; the statement limit is still far above what a busy machine needs. */
export const settings = {
  POOL_SIZE: '4',
  STREAM_POOL_SIZE: '2',
  STREAMS_PER_CLIENT: '1000',
  TIMEOUT_PAGE_MS: '2000',
  TIMEOUT_AGGREGATE_MS: '2000',
  TIMEOUT_MAX_MS: '2000',
  STREAM_TIMEOUT_S: '60',
  CONTRACT_TIMEOUT_MS: '4000',
  CONTRACT_INTERVAL_S: '3600',
}

/** Pages, aggregates, streams, the model: every way to a database. */
export const dataPaths = [
  '/v1/attempts?user_id=student-1&limit=5',
  '/v1/topics',
  '/v1/students?limit=3',
  '/v1/items?limit=3',
  '/v1/attempts?user_id=student-1&format=csv',
  '/v1/changes',
  '/v1/irt/responses',
]

/** A stream whose client reads nothing until `ended` is called. */
export interface HeldStream {
  status: number
  /** Reads on. @returns whether it came to its proper end */ ended(): Promise<boolean>
}

export function holdStream(service: Service, path = '/v1/attempts?format=csv'): Promise<HeldStream> {
  return new Promise((done, fail) => {
    get(`${service.url}${path}`, { agent: false }, (response: IncomingMessage) => {
      response.pause()
      const closed = new Promise<boolean>((end) => {
        response.on('error', () => {
          end(false)
        })
        response.on('close', () => {
          end(response.complete)
        })
      })
      done({
        status: response.statusCode ?? 0,
        ended: () => {
          response.resume()
          return closed
        },
      })
    }).on('error', fail)
  })
}

const asked = (service: Service, paths: readonly string[], times = 1): Promise<Answer[]> =>
  Promise.all(
    Array.from({ length: times }, () => paths)
      .flat()
      .map((path) => service.get(path)),
  )

export interface Drill {
  name: string
  begin(): Promise<unknown>
  /** Ends the fault; what is measured counts from when it returns. */
  end(): Promise<unknown>
  /** The reason that /health/ready gives; undefined: it stays ready. */
  reason?: RegExp
  /** The status of data requests. */
  status?: 503 | 504
  /** Milliseconds within which every answer comes while the fault is noticed, and afterwards. */
  noticedMs: number
  knownMs: number
  paths?: readonly string[]
}

export interface Measured {
  drill: string
  'slowest first, ms': number
  'slowest later, ms': number
  'first correct after, ms': number
  'ready after, ms': number
}

/** Milliseconds beyond the limits of a drill, for a busy machine. */
const slack = 10_000

/** Checks what the service promises for every outage, and measures its recovery. */
export async function drill(t: Test, service: Service, one: Drill): Promise<Measured> {
  const reference = '/v1/attempts?user_id=student-1&limit=50'
  let first = await service.get(reference)
  await until(
    async () => first.status === 200 || (first = await service.get(reference)).status === 200,
    `${one.name}: answers before`,
  )
  const before = first.json()['data']
  t.equal((before as unknown[]).length > 0, true, `${one.name}: there is something to compare`)
  const { status = 503, paths = dataPaths } = one
  const slowest = (answers: Answer[]) => Math.round(Math.max(...answers.map(({ ms }) => ms)))
  const refused = (answers: Answer[], within: number, also: number[] = []) => {
    for (const answer of answers) {
      if (!also.includes(answer.status))
        t.equal(answer.status, status, `${one.name}: ${answer.status} ${answer.text.slice(0, 200)}`)
      // 1 where only a connection was not available, 60 where an operator must act
      if (answer.status === 503)
        t.match(answer.headers.get('retry-after'), /Retrying does not help/.test(answer.text) ? /^60$/ : /^[15]$/)
      if (answer.status >= 500)
        t.match(answer.json(), {
          code: /^(database_unavailable|too_busy|timeout|too_many_streams)$/,
          status: answer.status,
        })
      if (answer.ms > within + slack) t.fail(`${one.name}: ${Math.round(answer.ms)} ms`)
    }
  }
  await one.begin()
  const noticing = await asked(service, paths, 2)
  refused(noticing, one.noticedMs, [503, 504])
  if (one.reason !== undefined) {
    const { reason } = one
    let ready = await service.get('/health/ready')
    await until(async () => {
      ready = await service.get('/health/ready')
      return ready.status === 503 && reason.test(String(ready.json()['reason']))
    }, `${one.name}: /health/ready says why`)
    t.equal(ready.headers.get('retry-after'), '5')
    t.match(ready.json(), { status: 'unavailable', database: 'unreachable', reason })
  }
  const later = await asked(service, paths, 2)
  refused(later, one.knownMs, status === 504 ? [503] : [])
  t.equal(
    later.some((answer) => answer.status === status),
    true,
    `${one.name}: ${status}`,
  )
  const [contract, live] = await Promise.all([service.get('/schema-contract'), service.get('/health/live')])
  t.equal(contract.status, 503, `${one.name}: no drift is claimed`)
  t.match(contract.json(), { status: 'error' })
  t.equal(live.status, 200)
  if (live.ms > 1_000 + slack) t.fail(`${one.name}: live after ${live.ms} ms`)
  t.notMatch(
    later.map(({ text }) => text).join(''),
    /drill|127\.0\.0\.1|ECONN/,
    `${one.name}: reveals nothing of the database`,
  )

  await one.end()
  const ended = performance.now()
  let [correct, ready] = [0, 0]
  await Promise.all([
    (async () => {
      let answer: Answer | undefined
      await until(async () => (answer = await service.get(reference)).status === 200, `${one.name}: answers again`)
      correct = performance.now() - ended
      t.strictSame(answer?.json()['data'], before, `${one.name}: correctly`)
    })(),
    until(async () => (await service.get('/health/ready')).status === 200, `${one.name}: is ready again`).then(() => {
      ready = performance.now() - ended
    }),
  ])
  // a check that does not end in its time answers 503: retry
  await until(async () => (await service.get('/schema-contract')).status === 200, `${one.name}: the contract holds`)
  const measured = {
    drill: one.name,
    'slowest first, ms': slowest(noticing),
    'slowest later, ms': slowest(later),
    'first correct after, ms': Math.round(correct),
    'ready after, ms': Math.round(ready),
  }
  t.comment(JSON.stringify(measured))
  t.equal(correct < 20_000, true, `${one.name}: answered after ${Math.round(correct)} ms`)
  return measured
}

/** Sessions of the service at the server, by what they are for. */
export async function sessions(pool: pg.Pool): Promise<Record<string, { sessions: number; busy: number }>> {
  const { rows } = await pool.query<{
    name: string
    sessions: number
    busy: number
  }>(`select application_name as name, count(*)::integer as sessions,
    count(*) filter (where state <> 'idle')::integer as busy
    from pg_stat_activity where application_name like 'attempt-api%' group by 1`)
  return Object.fromEntries(rows.map(({ name, ...rest }) => [name, rest]))
}

export const most: Record<string, number> = {
  'attempt-api': 4,
  'attempt-api stream': 2,
  'attempt-api contract': 2,
  'attempt-api refresher': 3,
  'attempt-api pulse': 1,
  'attempt-api state': 1,
  'attempt-api anomalies': 1,
  'attempt-api explain': 1,
  'attempt-api metrics': 1,
}

/** Waits until no session leaks: at most as many as the pools allow, all idle. A server ends a lost one within 25 s. */
export async function settles(t: Test, pool: pg.Pool): Promise<void> {
  let left = {}
  await until(
    async () => {
      const held = await sessions(pool)
      left = held
      return Object.entries(held).every(([name, { sessions: count, busy }]) => count <= (most[name] ?? 0) && busy === 0)
    },
    { message: 'sessions are idle and no more than they may be', seconds: 45 },
  ).catch((error: unknown) => {
    t.fail(`${String(error)}: ${JSON.stringify(left)}`)
  })
}
