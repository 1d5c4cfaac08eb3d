import t from 'tap'
import http from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { tableFromIPC } from 'apache-arrow'
import type { App } from '../../src/services.js'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { startApp, type testConfig, walk } from '../helpers/app.js'
import { readByJavaScript } from '../helpers/arrow.js'
import { parseCsv } from '../helpers/csv.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { until } from '../helpers/until.js'

/** Text that no compression makes small. */
const noise = (length: number) => randomBytes(length / 2).toString('hex')

async function filled({
  padding = 0,
  ...options
}: {
  exams: number
  questions: number
  students: number
  padding?: number
}): Promise<TestDatabase> {
  const db = await createDatabase(t)
  const exams = cohort({ items: 40, days: 20, end: new Date('2026-01-20T00:00:00Z'), seed: 7, ...options })
  await loadExamResults(
    db.pool,
    (function* () {
      for (const exam of exams) {
        const { questions } = exam.result_json as { questions: { topic: string }[] }
        if (padding > 0) for (const question of questions) question.topic = noise(padding)
        yield JSON.stringify(exam)
      }
    })(),
  )
  // ties, repeats, defaults, exclusions, texts that need quotes and escapes
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
    select E'odd "\\n\\t, ü ' || n, 'odd',
      '{"questions": [
        {"question_id": 9007199254740993, "topic": "a,b"},
        {"question_id": "Q7"},
        {"question_id": 5, "used_hints": true},
        {"question_id": 5, "topic": "\\"q\\""}
      ]}',
      '2026-01-05T00:00:00.000001Z'
    from generate_series(1, 9) as n`)
  await buildIndexes(db.pool, () => undefined)
  return db
}

const small = await filled({ exams: 300, questions: 9, students: 20 })
// more than the sockets hold while their client reads slowly
const large = await filled({ exams: 350, questions: 50, students: 100, padding: 1024 })
// more than the sockets from PostgreSQL to the client can hold on Linux: twice 4 MB to send and 32 MB to receive
const vast = await filled({ exams: 350, questions: 50, students: 100, padding: 4096 })

const values = (rows: Record<string, unknown>[]) =>
  rows.map((row) => Object.values(row).map((value) => (value === null ? '' : String(value))))

/** A value of a page as it stands in Arrow: 64-bit integers, microseconds and days as decimal digits. */
function inArrow(name: string, value: unknown): unknown {
  if (typeof value !== 'string')
    return typeof value === 'number' &&
      /^(attempts|correct|.*_attempts|.*_correct|hints|sum_.*|items|topics|sessions|students)$/.test(name)
      ? String(value)
      : value
  if (name.endsWith('_at'))
    return String(BigInt(Date.parse(value.slice(0, 19) + 'Z')) * 1000n + BigInt(value.slice(20, 26)))
  return name === 'date' ? String(Date.parse(value) / 86_400_000) : value
}

t.test('every list gives the same rows in the same order in every format', async (t) => {
  const app = await startApp(t, small.url)
  const range = 'since=2026-01-04T00:00:00Z&until=2026-01-09T00:00:00Z'
  for (const path of [
    '/v1/attempts?',
    `/v1/attempts?${range}`,
    `/v1/attempts?${range}&order=desc`,
    '/v1/attempts?user_id=odd',
    '/v1/attempts?fields=topic_id,item_id,session_id',
    `/v1/attempts?fields=item_id,completed_at&${range}`,
    '/v1/attempts?attempt_no=2&topic_id=algebra',
    '/v1/attempts?since=2027-01-01T00:00:00Z',
    '/v1/attempts?session_id=none',
    '/v1/anomalies?',
    '/v1/anomalies?outcome=kept',
    `/v1/anomalies?${range}`,
    '/v1/students?',
    `/v1/students?${range}&min_attempts=20`,
    '/v1/students?user_id=odd',
    '/v1/students/daily?since=2026-01-03&until=2026-01-07&tz=Asia/Seoul',
    '/v1/topics?',
    `/v1/topics?${range}`,
    '/v1/topics/daily?since=2026-01-03&until=2026-01-07&tz=Europe/Berlin',
    '/v1/items?',
    `/v1/items?${range}&topic_id=algebra`,
  ]) {
    const pages = await walk(app, `${path}&limit=113`)
    const ndjson = await app.inject({ path, headers: { accept: 'application/x-ndjson' } })
    t.equal(ndjson.statusCode, 200, path)
    t.strictSame(
      ndjson.body
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
      pages,
      `${path} ndjson`,
    )
    t.equal(ndjson.raw.res.statusCode, 200)
    const csv = await app.inject(`${path}&format=csv`)
    const [header, ...rows] = parseCsv(csv.body)
    if (pages[0] !== undefined) t.strictSame(header, Object.keys(pages[0]), `${path} header`)
    t.strictSame(rows, values(pages), `${path} csv`)
    const arrow = readByJavaScript(
      (await app.inject({ path, headers: { accept: 'application/vnd.apache.arrow.stream' } })).rawPayload,
    )
    t.equal(arrow.metadata['contract_version'], '1.0.0')
    t.strictSame(
      arrow.columns,
      arrow.schema.map(({ name }) => pages.map((row) => inArrow(name, row[name]))),
      `${path} arrow`,
    )
  }
  t.equal(
    (await app.inject('/v1/attempts?format=ndjson&limit=7')).body.split('\n').length - 1,
    7,
    'limit gives the first rows',
  )
  t.equal((await app.inject('/v1/attempts?format=ndjson&cursor=x')).json().errors[0].parameter, 'cursor')
  t.equal((await app.inject('/v1/attempts?format=ndjson&limit=1000000')).statusCode, 200)
  t.equal((await app.inject('/v1/attempts?limit=10001')).json().errors[0].parameter, 'limit')
})

async function listen(
  t: { teardown(action: () => unknown): unknown },
  settings: Partial<typeof testConfig> = {},
  db = large,
): Promise<{ app: App; port: number }> {
  const app = await startApp(t, db.url, { streamTimeoutS: 600, ...settings })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as AddressInfo).port }
}

interface Answer {
  response: http.IncomingMessage
  request: http.ClientRequest
}
const ask = (port: number, path: string, headers: Record<string, string> = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      resolve({ response, request })
    })
    request.on('error', reject)
  })
/** Reads to the end; rejects where the transfer breaks. */
async function drain(response: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  if (!response.complete) throw new Error('the transfer is not complete')
  return Buffer.concat(parts)
}
const backends = async (state = 'true', db = large) =>
  (
    await db.pool.query<{ pid: number; state: string }>(
      `select pid, state from pg_stat_activity
      where application_name = 'attempt-api stream' and datname = current_database() and ${state}`,
    )
  ).rows
const busy = `state <> 'idle'`
/** Waits until the one stream of `vast` waits for its reader, and kills its backend. */
async function killStalled() {
  await until(
    async () => (await backends(`wait_event = 'ClientWrite'`, vast)).length === 1,
    'the server waits for the reader: nothing piles up in between',
  )
  for (const { pid } of await backends(busy, vast)) await vast.pool.query('select pg_terminate_backend($1)', [pid])
}

t.test('the trailer tells the rows, in every format and encoding', async (t) => {
  const { port } = await listen(t)
  const rows = Number((await large.pool.query('select count(*) as n from attempt')).rows[0].n)
  const plain: Record<string, Buffer> = {}
  for (const format of ['csv', 'ndjson', 'arrow']) {
    const { response } = await ask(port, `/v1/attempts?format=${format}`)
    plain[format] = await drain(response)
    t.equal(response.trailers['attempt-rows'], String(rows), format)
    t.equal(response.headers['content-encoding'], undefined)
  }
  t.equal(plain['csv']?.toString().split('\r\n').length, rows + 2)
  t.equal(tableFromIPC(plain['arrow']).numRows, rows)
  const codings: [string, ((bytes: Buffer) => Buffer) | undefined][] = [
    ['gzip', zlib.gunzipSync],
    ['br', zlib.brotliDecompressSync],
    ['zstd', (zlib as unknown as { zstdDecompressSync?: (bytes: Buffer) => Buffer }).zstdDecompressSync],
  ]
  for (const [coding, undo] of codings) {
    if (undo === undefined) continue
    const { response } = await ask(port, '/v1/attempts?format=csv', { 'accept-encoding': `${coding}, identity;q=0.5` })
    t.equal(response.headers['content-encoding'], coding)
    t.equal(undo(await drain(response)).equals(plain['csv'] as Buffer), true, coding)
    t.equal(response.trailers['attempt-rows'], String(rows), coding)
  }
  for (const [accept, coding] of [
    ['gzip;q=0.1, br;q=0.9', 'br'],
    ['br, gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip, identity', 'gzip'],
    ['gzip; q=0.5, identity', 'gzip'],
    ['gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
    ['br;q=0.2, *', 'br'],
    // what browsers send: ours is the order of preference
    ['gzip, deflate, br, zstd', 'createZstdCompress' in zlib ? 'zstd' : 'gzip'],
    ['gzip;q=0', undefined],
    ['identity', undefined],
    ['*', undefined],
  ] as const) {
    const { response } = await ask(port, '/v1/attempts?format=csv&limit=1', { 'accept-encoding': accept })
    t.equal(response.headers['content-encoding'], coding, accept)
    await drain(response)
  }
})

t.test('a backend killed in mid-stream breaks the transfer, in every format and encoding', async (t) => {
  const { app, port } = await listen(t, {}, vast)
  for (const format of ['csv', 'ndjson', 'arrow']) {
    for (const coding of ['identity', 'gzip']) {
      const { response } = await ask(port, `/v1/attempts?format=${format}`, { 'accept-encoding': coding })
      t.equal(response.statusCode, 200)
      response.pause()
      await killStalled()
      await t.rejects(drain(response), `${format} ${coding}`)
      t.equal(response.trailers['attempt-rows'], undefined)
    }
  }
  t.equal((await app.inject('/v1/attempts?limit=1')).statusCode, 200)
})

t.test('a problem that comes instead of a stream is not compressed', async (t) => {
  const { port } = await listen(t)
  const { response } = await ask(port, '/v1/irt/responses?anchor_item_id=424242', { 'accept-encoding': 'gzip' })
  t.equal(response.statusCode, 422)
  t.equal(response.headers['content-encoding'], undefined)
  t.match(JSON.parse((await drain(response)).toString()), { code: 'anchor_without_responses' })
})

t.test(
  'a reader that leaves frees the connection long before its time is over, also while the server computes',
  async (t) => {
    const { port } = await listen(t, {}, vast)
    const sending = await ask(port, '/v1/attempts?format=ndjson')
    sending.response.pause()
    await until(async () => (await backends(busy, vast)).length === 1, 'the stream runs')
    sending.request.destroy()
    await until(
      async () => (await backends(busy, vast)).length === 0,
      'a reader that leaves while rows are sent frees the connection',
    )

    const lock = await vast.pool.connect()
    await lock.query('begin; lock table exam_results in access exclusive mode')
    const waiting = http.get({ host: '127.0.0.1', port, path: '/v1/topics?format=csv', agent: false })
    waiting.on('error', () => undefined)
    await until(
      async () => (await backends(`wait_event_type = 'Lock'`, vast)).length === 1,
      'the aggregate waits for the lock',
    )
    waiting.destroy()
    await until(async () => (await backends(busy, vast)).length === 0, 'and one that leaves while the server computes')
    await lock.query('rollback')
    lock.release()
  },
)

t.test('streams have their own connections: over the limit 503, everything else goes on', async (t) => {
  const { app, port } = await listen(t, { streamPoolSize: 2 }, vast)
  const open = [await ask(port, '/v1/attempts?format=csv'), await ask(port, '/v1/attempts?format=arrow')]
  for (const { response } of open) response.pause()
  const refused = await app.inject('/v1/attempts?format=csv')
  t.equal(refused.statusCode, 503)
  t.equal(refused.json().code, 'too_many_streams')
  t.equal(refused.headers['retry-after'], '5')
  t.equal((await app.inject('/v1/topics/daily?since=2026-01-03&until=2026-01-04')).statusCode, 200)
  t.equal((await app.inject('/schema-contract')).statusCode, 200)
  for (const { response } of open) await drain(response)
  t.equal((await app.inject('/v1/attempts?format=csv&limit=3')).statusCode, 200)
})

t.test('one snapshot: what is written meanwhile is not in it', async (t) => {
  const { port } = await listen(t)
  const count = async () => Number((await large.pool.query('select count(*) as n from attempt')).rows[0].n)
  const before = await count()
  for (const path of [
    '/v1/attempts?format=csv',
    '/v1/attempts?format=csv&since=2000-01-01T00:00:00Z',
    '/v1/attempts?format=csv&fields=item_id',
  ]) {
    const { response } = await ask(port, path)
    response.pause()
    await large.pool.query(
      `insert into exam_results (session_id, user_id, result_json, updated_at)
      values ('late', 'late', '{"questions": [{"question_id": 1, "is_correct": true}]}', '2026-01-19T23:59:59Z')`,
    )
    await drain(response)
    t.equal(response.trailers['attempt-rows'], String(before), path)
    await large.pool.query(`delete from exam_results where session_id = 'late'`)
  }
  t.equal(await count(), before)
})

t.test('a stream over its time is cut, or answered 504 where nothing was sent', async (t) => {
  // its first rows, which come at once without attempt_no, must be there by then
  const { app, port } = await listen(t, { streamTimeoutS: 6 }, vast)
  const { response } = await ask(port, '/v1/attempts?format=csv&fields=topic_id,item_id')
  t.equal(response.statusCode, 200)
  response.pause()
  await until(async () => (await backends(busy, vast)).length === 0, 'the stream is cut')
  await t.rejects(drain(response))
  const lock = await vast.pool.connect()
  await lock.query('begin; lock table exam_results in access exclusive mode')
  const late = await app.inject('/v1/attempts?format=csv')
  t.equal(late.statusCode, 504)
  t.equal(late.json().code, 'timeout')
  await lock.query('rollback')
  lock.release()
  t.equal((await app.inject('/v1/attempts?format=csv&limit=2')).statusCode, 200)
})

t.test('a service that stops cuts its streams, and stops', async (t) => {
  const { app, port } = await listen(t, {}, vast)
  const { response } = await ask(port, '/v1/attempts?format=csv', { 'accept-encoding': 'gzip' })
  response.pause()
  const closing = app.close()
  await t.rejects(drain(response))
  await closing
  await until(async () => (await backends('true', vast)).length === 0, 'no connection is left')
})

t.test('HTTP/1.0 is refused, and HEAD runs nothing', async (t) => {
  const { app, port } = await listen(t)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /v1/attempts?format=csv HTTP/1.0\r\n\r\n')
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString()
  })
  await once(socket, 'close')
  t.match(text, /^HTTP\/1.1 505 [\s\S]*http_version_not_supported/)
  // those of the tests before, whose services are closed
  await until(async () => (await backends()).length === 0, 'the connections of the tests before are closed')
  const head = await app.inject({ method: 'HEAD', path: '/v1/attempts?format=csv' })
  t.equal(head.statusCode, 200)
  t.match(head.headers['content-type'], /^text\/csv/)
  t.equal((await backends()).length, 0)
})

t.test(
  'curl notices a broken stream',
  { skip: spawnSync('curl', ['--version']).status === 0 ? false : 'no curl here' },
  async (t) => {
    const { port } = await listen(t, {}, vast)
    const { spawn } = await import('node:child_process')
    const curl = spawn('curl', ['--silent', '--limit-rate', '1M', `http://127.0.0.1:${port}/v1/attempts?format=csv`], {
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    await killStalled()
    const [code] = (await once(curl, 'exit')) as [number]
    t.not(code, 0)
  },
)
