import t from 'tap'
import type { AddressInfo } from 'node:net'
import { sendBadRequests, type OpenApi } from '../../bench/bad-requests.js'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp, untilReady } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { catchUp } from '../helpers/store.js'

t.test('no generated request is answered 5xx, or as its schema does not allow', async (t) => {
  const db = await createDatabase(t)
  const exams = cohort({
    exams: 60,
    questions: 10,
    students: 15,
    items: 40,
    days: 20,
    end: new Date('2026-01-01T00:00:00Z'),
    seed: 5,
  })
  await loadExamResults(
    db.pool,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  await catchUp(db.url)
  const app = await startApp(t, db.url, { streamPoolSize: 4 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  await untilReady(app)
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  // the full size is `npm run bench -- bad-requests`
  const verdict = await sendBadRequests(url, app.swagger() as unknown as OpenApi, {
    count: 3_000,
    seed: 7,
    concurrency: 4,
  })
  t.strictSame(verdict.failures.slice(0, 10), [])
  // what was sent came to the routes as well
  t.equal((verdict.statuses['200'] ?? 0) > 300, true, JSON.stringify(verdict.statuses))
  for (const status of ['400', '404', '405', '406', '414', '431'])
    t.equal((verdict.statuses[status] ?? 0) > 0, true, status)
})

t.test('digits beyond every number are refused', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  for (const path of [
    '/v1/students?min_attempts',
    '/v1/attempts?limit',
    '/v1/attempts?attempt_no',
    '/v1/irt/readiness?min_per_item',
  ]) {
    for (const value of ['9'.repeat(400), 'Infinity', '1e400'])
      t.equal((await app.inject(`${path}=${value}`)).statusCode, 400, `${path}=${value.slice(0, 10)}`)
  }
})

t.test('a cursor whose values look right and are none is a damaged cursor', async (t) => {
  const db = await createDatabase(t)
  const exams = cohort({
    exams: 10,
    questions: 5,
    students: 5,
    items: 9,
    days: 5,
    end: new Date('2026-01-01T00:00:00Z'),
    seed: 5,
  })
  await loadExamResults(
    db.pool,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  const app = await startApp(t, db.url)
  for (const [path, value] of [
    ['/v1/topics/daily?since=2020-01-01&limit=1', '2025-49-23'],
    ['/v1/students/daily?since=2020-01-01&limit=1', '2025-02-30'],
    ['/v1/topics/daily?since=2020-01-01&limit=1', '0000-01-01'],
    ['/v1/items?limit=1', '-9223372036854775809'],
    ['/v1/attempts?limit=1', '2025-13-31 22:12:55.655+00'],
  ] as const) {
    const parts = JSON.parse(
      Buffer.from((await app.inject(path)).json().next_cursor as string, 'base64url').toString(),
    ) as string[]
    parts[2] = value
    const response = await app.inject(`${path}&cursor=${Buffer.from(JSON.stringify(parts)).toString('base64url')}`)
    t.match(response.json(), { status: 400, code: 'invalid_cursor' }, path)
  }
})
