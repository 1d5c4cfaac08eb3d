import t from 'tap'
import { readFileSync, readdirSync } from 'node:fs'
import type { InjectOptions } from 'fastify'
import { loadKeyFile } from '../../src/access/api-keys.js'
import type { AppOptions } from '../../src/app.js'
import type { App } from '../../src/services.js'
import { openGroups, type OpenGroup } from '../../src/config.js'
import { createDatabase } from '../helpers/database.js'
import { startApp } from '../helpers/app.js'
import { keyFile } from '../helpers/keys.js'

// no database answers here: whoever is let in gets 503, so that a refusal was decided before any work
const nowhere = 'postgres://nobody:secret@127.0.0.1:1/none'
const { file, keys } = keyFile(t, {
  rows: ['attempts:read'],
  kpi: ['aggregates:read'],
  prometheus: ['metrics:read'],
  everything: ['attempts:read', 'metrics:read'],
})
const expired = keyFile(t, { old: ['attempts:read'] }, '2020-01-01')

const withKeys = async (open: OpenGroup[] = ['health', 'contract', 'docs'], from = file): Promise<AppOptions> => ({
  access: { keys: await loadKeyFile(from), open: new Set(open) },
})
const closed = async (t: Tap, open?: OpenGroup[]) => startApp(t, nowhere, {}, nowhere, [], await withKeys(open))
type Tap = { teardown(action: () => unknown): unknown }
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const ofPath: Record<string, string> = { ':student_id': 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '*': 'swagger-ui.css' }
const filled = (url: string) => url.replace(/:\w+|\*/g, (part) => ofPath[part] ?? part)

/** Every route by method, HEAD included. */
const everyRoute = (app: App) =>
  app.declaredRoutes.flatMap(({ method, url, config }) =>
    [method].flat().map((one) => ({ method: one as 'GET' | 'HEAD', url, scope: config?.scope, path: filled(url) })),
  )

t.test('every route says who may ask it, and asks for that', async (t) => {
  const app = await closed(t)
  const routes = everyRoute(app)
  t.ok(
    routes.length > 30 &&
      routes.some(({ url }) => url === '/docs/static/*') &&
      routes.some(({ url }) => url === '/openapi.json') &&
      routes.some(({ method }) => method === 'HEAD'),
    'documents and HEAD are among them',
  )
  for (const { method, url, scope, path } of routes) {
    const ask = async (headers: InjectOptions['headers'] = {}) =>
      (await app.inject({ method, path, headers })).statusCode
    if (scope === 'open') {
      t.match(path, /^\/(health|schema-contract|docs|openapi\.json)/, `${method} ${path} may be open`)
      t.not(await ask(), 401, `${method} ${path}`)
      t.not(await ask(bearer('nonsense')), 401, `${method} ${path} does not look at what it does not need`)
      continue
    }
    t.ok(['attempts:read', 'aggregates:read', 'metrics:read'].includes(scope!), `${method} ${url} declares ${scope}`)
    t.equal(await ask(), 401, `${method} ${path} without a key`)
    for (const wrong of [
      { authorization: keys.rows },
      { authorization: `Basic ${keys.rows}` },
      bearer('nonsense'),
      bearer(keys.rows.slice(0, -1)),
      { 'x-api-key': '' },
      { 'x-api-key': 'nonsense' },
      { authorization: 'Bearer ' },
    ]) {
      t.equal(await ask(wrong), 401, `${method} ${path} with ${JSON.stringify(wrong).slice(0, 40)}`)
    }
    const allowed = {
      rows: scope !== 'metrics:read',
      kpi: scope === 'aggregates:read',
      prometheus: scope === 'metrics:read',
      everything: true,
    }
    for (const [name, may] of Object.entries(allowed)) {
      const key = keys[name as keyof typeof keys]
      for (const headers of [bearer(key), { 'x-api-key': key }]) {
        const status = await ask(headers)
        t.ok(may ? status !== 401 && status !== 403 : status === 403, `${method} ${path} as ${name}: ${status}`)
      }
    }
  }
  t.ok(routes.some(({ scope }) => scope === 'attempts:read') && routes.some(({ scope }) => scope === 'aggregates:read'))
})

t.test('rows of students are never to be had for aggregates:read', async (t) => {
  const app = await closed(t)
  for (const path of [
    '/v1/attempts',
    '/v1/anomalies',
    '/v1/students',
    '/v1/students/daily',
    '/v1/students/c773fdef-3889-bdad-be80-9f1e8aaeea46',
    '/v1/changes',
    '/v1/irt/responses',
  ]) {
    t.equal((await app.inject({ path, headers: bearer(keys.kpi) })).statusCode, 403, path)
    t.equal((await app.inject({ path: `${path}/`, headers: bearer(keys.kpi) })).statusCode, 403, `${path}/`)
    t.equal((await app.inject({ method: 'HEAD', path, headers: bearer(keys.kpi) })).statusCode, 403, `HEAD ${path}`)
  }
})

t.test('a route that says nothing of itself keeps the service from starting', async (t) => {
  for (const [config, why] of [
    [undefined, 'says nothing'],
    [{ work: 'page' }, 'no scope'],
    [{ scope: 'open' }, 'open, and of no group'],
  ] as const) {
    const app = startApp(t, nowhere, {}, nowhere, [], {}, (app) => {
      app.get('/v1/rogue', config === undefined ? {} : { config }, () => 'all of it')
    })
    await t.rejects(app, /declare no config\.scope.*GET \/v1\/rogue/, why)
  }
})

t.test('a refusal comes before validation and before any work, and says what is missing', async (t) => {
  const app = await closed(t)
  const ask = (path: string, headers: InjectOptions['headers'] = {}) => app.inject({ path, headers })
  const nobody = await ask('/v1/topics?until=soon&what=1')
  t.match(
    [nobody.statusCode, nobody.headers['www-authenticate'], nobody.headers['cache-control']],
    [401, 'Bearer realm="attempt-api"', 'no-store'],
  )
  t.match(nobody.json(), { status: 401, code: 'unauthenticated', detail: /Authorization: Bearer/ })
  t.match((await ask('/v1/topics?until=soon', bearer(keys.kpi))).json(), { status: 400, code: 'invalid_parameter' })
  t.match((await ask('/v1/topics', bearer(keys.kpi))).json(), { status: 503, code: 'database_unavailable' })
  const unknown = await ask('/v1/topics', bearer(keys.kpi.replace('attempt_key_', 'attempt_key_x').slice(0, -1)))
  t.match(
    [unknown.statusCode, unknown.headers['www-authenticate']],
    [401, /^Bearer realm="attempt-api", error="invalid_token", error_description="[^"]+"$/],
  )
  const forbidden = await ask('/v1/attempts', bearer(keys.kpi))
  t.match(
    [forbidden.statusCode, forbidden.headers['www-authenticate'], forbidden.json()],
    [
      403,
      'Bearer realm="attempt-api", error="insufficient_scope", scope="attempts:read"',
      { code: 'insufficient_scope', detail: /attempts:read/ },
    ],
  )
  t.equal(
    (await ask('/v1/topics', { authorization: 'Basic for-a-proxy', 'x-api-key': keys.kpi })).statusCode,
    503,
    'Authorization may be for a proxy',
  )
  t.equal(
    (await ask('/v1/topics', { authorization: `bEARER  ${keys.kpi}` })).statusCode,
    503,
    'the scheme is in any case',
  )
  for (const name of ['api_key', 'access_token', 'key']) {
    t.equal((await ask(`/v1/topics?${name}=${keys.kpi}`)).statusCode, 401, `${name} in a query is no key`)
    const both = await ask(`/v1/topics?${name}=${keys.kpi}`, bearer(keys.kpi))
    t.equal(both.statusCode, 400)
    t.notMatch(both.body, new RegExp(keys.kpi))
  }
  const old = await startApp(t, nowhere, {}, nowhere, [], await withKeys(['health'], expired.file))
  t.match((await old.inject({ path: '/v1/topics', headers: bearer(expired.keys.old) })).json(), {
    status: 401,
    detail: 'The key has expired',
  })
})

t.test('what is not there tells nothing and asks for nothing', async (t) => {
  const app = await closed(t)
  for (const [method, path, status] of [
    ['GET', '/v1/nothing', 404],
    ['GET', '/', 404],
    ['POST', '/v1/attempts', 405],
    ['DELETE', '/health', 405],
    ['OPTIONS', '/v1/attempts', 405],
    ['GET', '/docs/static/none.js', 404],
    ['GET', '/docs/..%2f..%2fpackage.json', 404],
    ['GET', '/docs/static/..%2f..%2fpackage.json', 404],
  ] as const) {
    for (const headers of [{}, bearer(keys.everything)]) {
      const answer = await app.inject({ method, path, headers })
      t.equal(answer.statusCode, status, `${method} ${path}`)
      t.match(answer.headers['content-type'], /problem\+json/, `${method} ${path}`)
    }
  }
})

t.test('what is open can be closed, and the metrics opened', async (t) => {
  const shut = await closed(t, [])
  for (const path of [
    '/health',
    '/health/live',
    '/health/ready',
    '/schema-contract',
    '/schema-contract/odcs',
    '/docs',
    '/docs/',
    '/docs/static/swagger-ui.css',
    '/docs/json',
    '/openapi.json',
  ]) {
    t.equal((await shut.inject(path)).statusCode, 401, path)
    t.notOk(
      [401, 403].includes((await shut.inject({ path, headers: bearer(keys.prometheus) })).statusCode),
      `${path}: any key will do`,
    )
  }
  for (const group of openGroups) {
    const app = await startApp(t, nowhere, {}, nowhere, [], await withKeys([group]), (app) => {
      if (!app.hasRoute({ method: 'GET', url: '/metrics' }))
        app.get('/metrics', { config: { scope: 'metrics:read' } }, () => 'metrics')
    })
    t.equal((await app.inject('/metrics')).statusCode, group === 'metrics' ? 200 : 401)
    t.equal(
      (await app.inject({ path: '/metrics', headers: bearer(keys.rows) })).statusCode,
      group === 'metrics' ? 200 : 403,
    )
    t.equal((await app.inject({ path: '/metrics', headers: bearer(keys.prometheus) })).statusCode, 200)
    for (const [path, of] of [
      ['/health/live', 'health'],
      ['/schema-contract/odcs', 'contract'],
      ['/openapi.json', 'docs'],
    ] as const)
      t.equal((await app.inject(path)).statusCode, of === group ? 200 : 401, `${path} where ${group} is open`)
  }
})

t.test('without access control nobody is asked', async (t) => {
  const app = await startApp(t, nowhere)
  t.match((await app.inject('/v1/attempts')).json(), { code: 'database_unavailable' })
})

t.test('browsers are told what they may do', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  const data = await app.inject('/v1/topics')
  t.match(data.headers, {
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  })
  for (const absent of ['x-powered-by', 'strict-transport-security', 'access-control-allow-origin', 'server'])
    t.notOk(absent in data.headers, absent)
  t.equal((await app.inject('/v1/topics?x=1')).headers['cache-control'], 'no-store')
  t.equal((await app.inject('/v1/topics?x=1')).headers['x-content-type-options'], 'nosniff')
  const stream = await app.inject('/v1/attempts?format=csv')
  t.match(stream.headers, {
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
    vary: 'Accept, Accept-Encoding',
  })
  t.match((await app.inject('/v1/nothing')).headers, { 'x-content-type-options': 'nosniff' })
})

t.test('the page of the documentation works under its own policy', async (t) => {
  const app = await startApp(t, nowhere)
  const page = await app.inject('/docs/')
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /script-src 'self';/)
  t.notMatch(policy, /upgrade-insecure-requests|https:|unsafe-eval|script-src[^;]*unsafe/)
  const scripts = [...page.body.matchAll(/<script([^>]*)>([^<]*)</g)]
  t.ok(scripts.length >= 3)
  for (const [, attributes, inline] of scripts)
    t.match(
      [attributes, inline!.trim()],
      [/src="\.\/static\/|src="\/docs\/static\//, ''],
      'nothing that the policy forbids',
    )
  t.notMatch(page.body, /\son\w+="|javascript:|https?:\/\/(?!www\.w3\.org)/)
  for (const [, path] of page.body.matchAll(/(?:src|href)="(?:\.|\/docs)?(\/static\/[^"]+)"/g))
    t.equal((await app.inject(`/docs${path}`)).statusCode, 200, path!)
  t.match(
    (await app.inject('/docs/static/swagger-initializer.js')).body,
    /"?validatorUrl"?\s*:\s*null/,
    'and asks no other service',
  )
})

t.test('CORS is off; where origins are configured, theirs alone', async (t) => {
  const db = await createDatabase(t)
  const [mine, other] = ['https://bi.example', 'https://elsewhere.example']
  const off = await startApp(t, db.url)
  t.notOk(
    'access-control-allow-origin' in (await off.inject({ path: '/v1/topics', headers: { origin: mine } })).headers,
  )
  t.equal(
    (
      await off.inject({
        method: 'OPTIONS',
        path: '/v1/topics',
        headers: { origin: mine, 'access-control-request-method': 'GET' },
      })
    ).statusCode,
    405,
  )

  const app = await startApp(t, db.url, {}, db.url, [], { ...(await withKeys()), corsOrigins: [mine] })
  const preflight = (origin: string, path = '/v1/topics') =>
    app.inject({
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    })
  const allowed = await preflight(mine)
  t.match(
    [allowed.statusCode, allowed.headers],
    [
      204,
      {
        'access-control-allow-origin': mine,
        'access-control-allow-methods': 'GET, HEAD',
        'access-control-allow-headers': /Authorization.*If-None-Match/,
        'access-control-max-age': '600',
        vary: 'Origin',
      },
    ],
  )
  t.notOk('access-control-allow-credentials' in allowed.headers)
  for (const origin of [other, `${mine}.elsewhere.example`, 'null', 'https://BI.example']) {
    const refused = await preflight(origin)
    t.match(
      [refused.statusCode, refused.json().code, refused.headers.vary],
      [405, 'method_not_allowed', 'Origin'],
      origin,
    )
    t.notOk('access-control-allow-origin' in refused.headers, origin)
  }
  const answer = await app.inject({ path: '/v1/topics', headers: { origin: mine, ...bearer(keys.kpi) } })
  t.match(
    [answer.statusCode, answer.headers],
    [
      200,
      {
        'access-control-allow-origin': mine,
        vary: 'Accept, Origin',
        'access-control-expose-headers': /ETag.*Link.*Attempt-Source.*Attempt-Next-Token/,
      },
    ],
  )
  const unnamed = await app.inject({ path: '/v1/topics', headers: bearer(keys.kpi) })
  t.match(
    [unnamed.statusCode, unnamed.headers.vary, unnamed.headers['access-control-allow-origin']],
    [200, 'Accept, Origin', undefined],
    'a cache must not give it to a page either',
  )
  const refused = await app.inject({ path: '/v1/topics', headers: { origin: mine } })
  t.match(
    [refused.statusCode, refused.headers['access-control-allow-origin']],
    [401, mine],
    'a page can read why it was refused',
  )
  const stream = await app.inject({ path: '/v1/attempts?format=csv', headers: { origin: mine, ...bearer(keys.rows) } })
  t.match([stream.statusCode, stream.headers.vary], [200, 'Accept, Accept-Encoding, Origin'])
})

t.test('every header of ours that an answer has may be read by a page', async (t) => {
  const exposed = readFileSync('src/plugins/headers.ts', 'utf8').toLowerCase()
  const folder = 'src'
  const sent = new Set(
    (readdirSync(folder, { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) =>
        [
          ...readFileSync(`${folder}/${name}`, 'utf8').matchAll(/header\('(attempt-[a-z-]+)'|'(attempt-[a-z-]+)': /g),
        ].map(([, set, member]) => (set ?? member)!),
      ),
  )
  t.ok(sent.size >= 5)
  for (const header of sent) t.ok(exposed.includes(`'${header}'`), header)
})
