/** Streams of a client that reads slowly, or that takes more than its share. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { finished } from 'node:stream/promises'
import t from 'tap'
import { loadKeyFile } from '../../src/access/api-keys.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import type { App } from '../../src/services.js'
import { startApp, type TestSettings } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { keyFile } from '../helpers/keys.js'
import { parseMetrics, valueOf } from '../metrics/parse.js'
import { sleep, until } from '../helpers/until.js'

// each has a service of its own, and waits for its limits
t.jobs = 4

const db = await createDatabase(t)
// 80 MB, more than the sockets from PostgreSQL to the client hold; few bytes on disk
const exams = 800
await db.pool.query(
  `insert into exam_results (session_id, user_id, result_json, updated_at)
  select n || repeat('a', 100000), 'u' || n % 9, '{"questions": [{"question_id": 1}]}',
    timestamptz '2026-03-01Z' + n * interval '1 minute'
  from generate_series(1, ${exams}) as n`,
)
await buildIndexes(db.pool, () => undefined)

const path = '/v1/attempts?format=csv&fields=session_id'
const { file, keys } = keyFile(t, {
  greedy: ['attempts:read'],
  other: ['attempts:read'],
  patient: ['attempts:read'],
})
type Name = keyof typeof keys

interface Started {
  app: App
  lines: string[]
  /** A stream of this key; its client reads nothing yet. */
  open(name?: Name, more?: string): Promise<http.IncomingMessage>
  cuts(): Promise<number>
}

async function start(settings: TestSettings, { withKeys = true } = {}): Promise<Started> {
  const lines: string[] = []
  const stream = {
    write(line: string) {
      lines.push(line)
    },
  }
  const access = withKeys ? { keys: await loadKeyFile(file), open: new Set(['metrics'] as const) } : undefined
  const app = await startApp(t, db.url, settings, db.url, [], { logger: { level: 'warn', stream }, access })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    lines,
    async open(name = 'greedy', more = '') {
      const headers = { authorization: `Bearer ${keys[name]}`, 'x-request-id': name }
      const request = http.get({ host: '127.0.0.1', port, path: `${path}${more}`, headers, agent: false })
      request.on('error', () => undefined)
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      return response.pause()
    },
    cuts: async () =>
      valueOf(parseMetrics((await app.inject('/metrics')).body), 'attempt_streams_cut_total', {
        reason: 'slow_client',
      }),
  }
}

/** Reads to the end. @returns the trailer Attempt-Rows @throws Error if the stream is aborted */
async function drain(response: http.IncomingMessage): Promise<string | undefined> {
  await finished(response.resume())
  return response.trailers['attempt-rows']
}

const problemOf = async (response: http.IncomingMessage) => {
  let body = ''
  for await (const part of response.setEncoding('utf8')) body += part
  return JSON.parse(body) as { status: number; code: string; detail: string }
}

t.test('readers that stall do not take every stream, and are aborted', async (t) => {
  const { open, lines, cuts } = await start({
    streamPoolSize: 4,
    streamsPerClient: 0,
    streamMinRate: 16_384,
    // the fourth request and the other client ask within this time
    streamStallS: 5,
  })
  const stalled = await Promise.all([open(), open(), open()])
  t.strictSame(
    stalled.map(({ statusCode }) => statusCode),
    [200, 200, 200],
  )
  const refused = await open()
  t.match({ status: refused.statusCode, retry: refused.headers['retry-after'] }, { status: 429, retry: '5' })
  t.match(await problemOf(refused), {
    status: 429,
    code: 'too_many_client_streams',
    detail: '3 streams of this client are running, which is the limit per client. Retry when one has ended.',
  })
  t.equal(await drain(await open('other', '&limit=3')), '3', 'another client has a stream')
  await until(async () => (await cuts()) === 3, 'all three are aborted')
  for (const response of stalled) await t.rejects(drain(response), 'its client sees an error, never an end')
  const warnings = lines.filter((line) => line.includes('STREAM_MIN_RATE'))
  t.equal(warnings.length, 3)
  for (const warning of warnings)
    t.match(JSON.parse(warning), {
      level: 40,
      caller: 'greedy',
      route: '/v1/attempts',
      msg: 'stream aborted: client greedy reads less than STREAM_MIN_RATE=16384 bytes/s',
    })
  t.equal(await drain(await open('greedy', '&limit=3')), '3', 'its streams are free again')
})

t.test('a client that reads steadily is not aborted, however long it takes', async (t) => {
  const { open, cuts } = await start({ streamMinRate: 100_000, streamStallS: 1 })
  const response = await open()
  const began = performance.now()
  // for twice as long as it might stall, far above the lowest rate and far below the rate of the service
  while (performance.now() - began < 3_000) {
    response.read()
    await sleep(5)
  }
  t.equal(await drain(response), String(exams))
  t.equal(await cuts(), 0)
})

t.test('the time in which PostgreSQL sends nothing is not that of the client', async (t) => {
  const { open, cuts } = await start({ streamMinRate: 1_000_000_000, streamStallS: 4 })
  const response = await open('patient')
  // a comment in the statement has the request id
  const { rows } = await db.pool.query<{ pid: number }>(
    `select pid from pg_stat_activity
    where datname = current_database() and application_name = 'attempt-api stream' and query like '%patient%'`,
  )
  t.equal(rows.length, 1)
  const pid = rows[0]!.pid
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => {
    process.kill(pid, 'SIGCONT')
  })
  const drained = drain(response)
  await sleep(6_000)
  t.equal(await cuts(), 0)
  process.kill(pid, 'SIGCONT')
  t.equal(await drained, String(exams))
})

t.test('without access control a client is an address, which the log names', async (t) => {
  const { open, lines, cuts } = await start(
    { streamPoolSize: 2, streamsPerClient: 1, streamMinRate: 16_384, streamStallS: 1 },
    { withKeys: false },
  )
  const stalled = await open()
  t.match(await problemOf(await open()), {
    code: 'too_many_client_streams',
    detail: /^1 stream of this client is running/,
  })
  await until(async () => (await cuts()) === 1, 'it is aborted')
  await t.rejects(drain(stalled))
  t.match(lines.join('\n'), /stream aborted: client address 127\.0\.0\.1 reads less/)
})
