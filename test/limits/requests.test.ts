import t from 'tap'
import { connect, type AddressInfo } from 'node:net'
import type { App } from '../../src/services.js'
import type { FastifyRequest } from 'fastify'
import { loadKeyFile } from '../../src/access/api-keys.js'
import { readConfig } from '../../src/config.js'
import { clientOf } from '../../src/http/client.js'
import { startApp, type testConfig, untilReady } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { keyFile } from '../helpers/keys.js'
import { until } from '../helpers/until.js'

const db = await createDatabase(t)

async function listening(
  t: { teardown(action: () => unknown): unknown },
  settings: Partial<typeof testConfig> = {},
): Promise<{ app: App; port: number }> {
  const app = await startApp(t, db.url, settings)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** Sends bytes, piece by piece, and gives what comes back until the server closes. */
function send(port: number, pieces: string[], everyMs = 0): Promise<{ text: string; ms: number }> {
  return new Promise((done) => {
    const start = performance.now()
    let text = ''
    const socket = connect(port, '127.0.0.1')
    socket
      .on('data', (part) => {
        text += part.toString('latin1')
      })
      .on('error', () => undefined)
    const timers = pieces.map((piece, index) =>
      setTimeout(() => {
        if (socket.writable) socket.write(piece, 'latin1')
      }, index * everyMs),
    )
    socket.on('close', () => {
      timers.forEach(clearTimeout)
      done({ text, ms: performance.now() - start })
    })
  })
}

t.test('a client may ask so often; probes are not counted, and each client is', async (t) => {
  const app = await startApp(t, db.url, { rateLimit: 3, rateWindowS: 600, trustProxy: ['127.0.0.1'] })
  const asked = []
  for (let turn = 0; turn < 4; turn++) asked.push(await app.inject('/v1/topics'))
  t.strictSame(
    asked.map(({ statusCode }) => statusCode),
    [200, 200, 200, 429],
  )
  t.equal(asked[0]!.headers['ratelimit-policy'], '"client";q=3;w=600')
  t.match(asked[0]!.headers['ratelimit'], /^"client";r=2;t=(600|[1-5]\d\d)$/)
  t.match(asked[3]!.headers['ratelimit'], /^"client";r=0;t=(600|[1-5]\d\d)$/)
  t.match(asked[3]!.headers['retry-after'], /^(600|[1-5]\d\d)$/)
  t.match(asked[3]!.json(), { code: 'too_many_requests', status: 429 })
  t.match(asked[3]!.headers['content-type'], /^application\/problem\+json/)
  await untilReady(app)
  for (const path of ['/health/live', '/health/ready', '/schema-contract', '/openapi.json']) {
    const response = await app.inject(path)
    t.equal(response.statusCode, 200, path)
    t.equal(response.headers['ratelimit'], undefined)
  }
  // a trusted proxy tells of others, and an IPv6 network is one client
  const of = (address: string) => app.inject({ path: '/v1/topics', headers: { 'x-forwarded-for': address } })
  t.equal((await of('10.9.9.9')).statusCode, 200)
  for (let host = 1; host <= 3; host++) t.equal((await of(`2001:db8::${host}`)).statusCode, 200)
  t.equal((await of('2001:db8::4')).statusCode, 429)

  const brief = await startApp(t, db.url, { rateLimit: 1, rateWindowS: 1 })
  // on a machine that needs a second from one to the next, each is the first of its window
  await until(async () => (await brief.inject('/v1/topics')).statusCode === 429)
  await until(async () => (await brief.inject('/v1/topics')).statusCode === 200)

  const wary = await startApp(t, db.url, { rateLimit: 1, rateWindowS: 600 })
  t.equal((await wary.inject({ path: '/v1/topics', headers: { 'x-forwarded-for': '10.0.0.1' } })).statusCode, 200)
  t.equal(
    (await wary.inject({ path: '/v1/topics', headers: { 'x-forwarded-for': '10.0.0.2' } })).statusCode,
    429,
    'without TRUST_PROXY it says nothing',
  )
})

t.test('whoever is refused is counted as well: by address, or by what the key names', async (t) => {
  const { file, keys } = keyFile(t, { rows: ['attempts:read'], kpi: ['aggregates:read'] })
  const app = await startApp(t, db.url, { rateLimit: 3, rateWindowS: 600 }, db.url, [], {
    access: { keys: await loadKeyFile(file), open: new Set(['health']) },
  })
  const ask = (path: string, key?: string) =>
    app.inject({ path, headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })
  const statuses = async (path: string, key?: string) => [
    (await ask(path, key)).statusCode,
    (await ask(path, key)).statusCode,
  ]
  t.strictSame([...(await statuses('/v1/topics', 'wrong')), ...(await statuses('/metrics'))], [401, 401, 401, 429])
  t.match((await ask('/v1/topics', 'wrong')).json(), { code: 'too_many_requests' })
  t.strictSame(
    [...(await statuses('/v1/attempts', keys.kpi)), ...(await statuses('/v1/attempts', keys.kpi))],
    [403, 403, 403, 429],
  )
  t.equal(
    (await ask('/v1/topics', keys.rows)).statusCode,
    200,
    'a key that is good is no worse off at the same address',
  )
  t.strictSame(await statuses('/health/live'), [200, 200])
})

t.test('whoever has authenticated is counted by that, not by address', async (t) => {
  const from = (ip: string, id?: string) =>
    clientOf({ ip, caller: id === undefined ? undefined : { id } } as unknown as FastifyRequest)
  t.equal(from('10.0.0.1', 'key kpi'), from('10.0.0.2', 'key kpi'))
  t.not(from('10.0.0.1', 'key kpi'), from('10.0.0.1', 'key irt'))
  t.not(from('10.0.0.1'), from('10.0.0.2'))
  t.equal(from('::ffff:10.0.0.1'), from('10.0.0.1'))
  t.not(from('10.0.0.1', 'address 10.0.0.1'), from('10.0.0.1'), 'no name is an address')
})

t.test(
  'while the event loop is late data requests are refused and probes answered; then all is well again',
  async (t) => {
    const { app, port } = await listening(t, { overloadDelayMs: 100 })
    await untilReady(app)
    const status = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return {
        status: response.status,
        body: (await response.json()) as { code?: string },
        retry: response.headers.get('retry-after'),
      }
    }
    // a crowded machine may make it late by itself
    await until(async () => (await status('/v1/topics')).status === 200)
    t.equal((await status('/health/ready')).status, 200)
    const busy = setInterval(() => {
      const end = performance.now() + 300
      while (performance.now() < end) {
        /* as a loop that has too much to do */
      }
    }, 1)
    t.teardown(() => {
      clearInterval(busy)
    })
    await until(async () => (await status('/v1/topics')).status !== 200)
    const refused = await status('/v1/topics')
    t.equal(refused.status, 503)
    t.equal(refused.body.code, 'overloaded')
    t.equal(refused.retry, '1')
    t.equal((await status('/health/live')).status, 200)
    t.equal((await status('/health/ready')).status, 200)
    clearInterval(busy)
    await until(async () => (await status('/v1/topics')).status === 200)
  },
)

t.test('what is too large or no request at all is a problem too', async (t) => {
  const { port } = await listening(t)
  const raw = (head: string) =>
    send(port, [head]).then(({ text }) => ({
      status: Number(text.slice(9, 12)),
      type: /content-type: (\S+)/i.exec(text)?.[1],
      bare: [
        /^x-content-type-options: nosniff\r$/im,
        /^content-security-policy: default-src 'none'/im,
        /^referrer-policy: no-referrer\r$/im,
      ].every((header) => header.test(text)),
      body: JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { code: string; status: number },
    }))
  for (const [name, request, code, status] of [
    ['headers', `GET /v1/topics HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(70_000)}\r\n\r\n`, 'headers_too_large', 431],
    ['no HTTP', 'nonsense\r\n\r\n', 'bad_request', 400],
    [
      'URL',
      `GET /v1/topics?since=${'a'.repeat(62_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      'uri_too_long',
      414,
    ],
    [
      'part of a path',
      `GET /v1/students/${'a'.repeat(300)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      'uri_too_long',
      414,
    ],
    ['broken escape', 'GET /v1/students/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'bad_request', 400],
    [
      'broken escape in the query',
      'GET /v1/attempts?user_id=50%25%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'bad_request',
      400,
    ],
    [
      'escape that is not UTF-8',
      'GET /v1/attempts?user_id=%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'bad_request',
      400,
    ],
    [
      'body',
      'POST /v1/topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n' +
        `Content-Length: 20000\r\n\r\n${'x'.repeat(20_000)}`,
      'payload_too_large',
      413,
    ],
    ['no host', 'GET /v1/topics HTTP/1.1\r\nConnection: close\r\n\r\n', 'bad_request', 400],
    ['expectation', 'GET /v1/topics HTTP/1.1\r\nHost: x\r\nExpect: much\r\n\r\n', 'expectation_failed', 417],
  ] as const) {
    const answer = await raw(request)
    t.match(answer, { status, type: 'application/problem+json', bare: true, body: { code, status } }, name)
  }
  // what the router refuses passes no hook
  const refused = await fetch(`http://127.0.0.1:${port}/v1/students/%zz`, {
    headers: { prefer: 'wait=5', traceparent: '00-0-0-0' },
  })
  t.equal(refused.status, 400)
  // a request of many mistakes gets no answer that is many times as long
  const wrong = await fetch(
    `http://127.0.0.1:${port}/v1/attempts?${Array.from({ length: 5_000 }, (_value, index) => `x${index}=`).join('&')}`,
  )
  t.equal(wrong.status, 400)
  t.equal(((await wrong.json()) as { errors: unknown[] }).errors.length, 20)
  // what the documentation allows fits
  const many = Array.from(
    { length: 1_000 },
    (_value, index) => `item_id=${9_007_199_254_740_993n + BigInt(index)}`,
  ).join('&')
  t.equal((await fetch(`http://127.0.0.1:${port}/v1/attempts?${many}`)).status, 200)
})

t.test('a request that comes drop by drop is ended', async (t) => {
  const { app, port } = await listening(t)
  t.match(
    { request: app.server.requestTimeout, headers: app.server.headersTimeout },
    { request: 20_000, headers: 15_000 },
  )
  // the limits themselves are too long for a test
  app.server.headersTimeout = 1_000
  app.server.requestTimeout = 1_500
  const { text, ms } = await send(
    port,
    ['GET /v1/topics HTTP/1.1\r\nHost: x\r\n', ...Array.from({ length: 600 }, (_value, index) => `X-${index}: y\r\n`)],
    100,
  )
  t.match(text, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/)
  // it would go on for a minute
  t.equal(ms < 50_000, true, `${ms} ms`)
})

t.test('a flood of requests on one connection is answered in order, and leaves room for others', async (t) => {
  const { app, port } = await listening(t, { poolSize: 2, poolQueue: 20 })
  await untilReady(app)
  const flood = send(port, [
    'GET /v1/topics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_500),
    'GET /v1/topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  ])
  await new Promise((done) => setTimeout(done, 50))
  t.equal((await fetch(`http://127.0.0.1:${port}/health/ready`)).status, 200)
  const { text } = await flood
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)
  t.equal(statuses.length, 1_501)
  t.strictSame(
    [...new Set(statuses)].filter((status) => status !== '200' && status !== '503'),
    [],
  )
  t.equal(statuses.includes('200'), true)
})

t.test('more connections than there may be are closed', async (t) => {
  const { app, port } = await listening(t, { maxConnections: 3 })
  const open = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  await Promise.all(
    open.map(
      (socket) =>
        new Promise((done) => {
          socket.on('connect', done)
        }),
    ),
  )
  const connections = () =>
    new Promise<number>((done) => {
      app.server.getConnections((_error, count) => {
        done(count)
      })
    })
  await until(async () => (await connections()) === 3)
  t.equal((await send(port, ['GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'])).text, '')
  for (const socket of open) socket.destroy()
})

t.test('limits are read from the environment', async (t) => {
  t.throws(
    () => readConfig({ TRUST_PROXY: '10.0.0.0/33, proxy', TIMEOUT_MAX_MS: '10', RATE_LIMIT: '-1' }),
    /(?=.*TRUST_PROXY)(?=.*TIMEOUT_MAX_MS)(?=.*RATE_LIMIT)/,
  )
  t.throws(() => readConfig({ TRUST_PROXY: '1' }), /TRUST_PROXY/, 'a count of hops tells nobody apart')
  t.strictSame(readConfig({ TRUST_PROXY: '10.0.0.1, 10.0.0.0/8,::1,fd00::/8' }).trustProxy, [
    '10.0.0.1',
    '10.0.0.0/8',
    '::1',
    'fd00::/8',
  ])
})
