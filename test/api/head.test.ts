/** HEAD answers as GET does, without a body: a client that plans a download by it must not read 0 bytes. */
import t from 'tap'
import { request, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { catchUp, enabled } from '../helpers/store.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'

const ask = (port: number, method: string, path: string, headers: Record<string, string> = {}) =>
  new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      buffer(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      }, reject)
    })
      .on('error', reject)
      .end()
  })

/** Headers of one answer, of the transfer of its body, or found while the body is made (RFC 9110, 9.3.2). */
const ofOneAnswer = new Set([
  'date',
  'x-request-id',
  'server-timing',
  'connection',
  'transfer-encoding',
  'trailer',
  'content-length',
  'attempt-as-of',
  'attempt-columns',
])
const kept = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneAnswer.has(name)))

t.test('HEAD has the status and the headers of GET; its length is that of GET, or is left out', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    select 's' || n, 'u' || n % 3, jsonb_build_object('questions', jsonb_build_array(
      jsonb_build_object('question_id', n, 'is_correct', n % 2 = 0, 'topic', 'algebra')))
    from generate_series(1, 50) n`,
  )
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  await catchUp(db.url)
  const app = await startApp(t, db.url)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const lists = ['attempts', 'students', 'students/daily', 'topics', 'topics/daily', 'items', 'anomalies']
  const paths = [
    ...lists.flatMap((list) => ['json', 'csv', 'ndjson', 'arrow'].map((format) => `/v1/${list}?format=${format}`)),
    '/v1/attempts?format=csv&source=live',
    '/v1/attempts?limit=0',
    '/v1/attempts?format=pdf',
    '/v1/nothing',
    '/v1/changes',
    '/v1/changes?format=ndjson',
    '/v1/irt/responses',
    '/v1/irt/responses?layout=wide',
    '/v1/irt/responses?layout=subjects',
    '/v1/irt/readiness',
    '/health/live',
    '/openapi.json',
    '/metrics',
    '/docs/static/index.html',
  ]
  for (const path of paths)
    for (const encoding of ['identity', 'gzip']) {
      const headers = { 'accept-encoding': encoding }
      const [get, head] = [await ask(port, 'GET', path, headers), await ask(port, 'HEAD', path, headers)]
      const what = `${path} ${encoding}`
      t.equal(head.status, get.status, what)
      t.equal(head.body.length, 0, what)
      t.strictSame(kept(head.headers), kept(get.headers), what)
      const length = head.headers['content-length']
      // the metrics count the requests before
      if (length !== undefined && path !== '/metrics') t.equal(Number(length), get.body.length, `${what}: length`)
      if (get.body.length > 0) t.not(length, '0', what)
    }
  const { headers } = await ask(port, 'GET', '/v1/topics')
  const unchanged = await ask(port, 'HEAD', '/v1/topics', { 'if-none-match': String(headers.etag) })
  t.equal(unchanged.status, 304)
  t.equal(unchanged.headers['content-length'], undefined)
})
