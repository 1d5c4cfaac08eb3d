import t from 'tap'
import { readFileSync } from 'node:fs'
import { checkListening, readConfig } from '../src/config.js'

t.test('every variable is in the table of the README, and nothing else is', async (t) => {
  const read = readFileSync('src/config.ts', 'utf8')
  const variables = [
    ...new Set(
      [...read.matchAll(/env\['([A-Z_]+)'\]|(?:integer|list)\('([A-Z_]+)'/g)].map(
        ([, plain, number]) => plain ?? number,
      ),
    ),
  ].sort()
  const table = [...readFileSync('README.md', 'utf8').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name).sort()
  t.strictSame(table, variables)
  t.equal(variables.length > 10, true)
})

t.test('every problem of the configuration is told at once', async (t) => {
  t.throws(
    () =>
      readConfig({
        PORT: 'x',
        LOG_LEVEL: 'loud',
        STREAM_POOL_SIZE: '0',
        STORE_REFRESH: 'maybe',
        NODE_ENV: 'production',
        STORE_DATABASE_URL: 'mysql://x',
      }),
    /(?=.*PORT)(?=.*LOG_LEVEL)(?=.*STREAM_POOL_SIZE)(?=.*STORE_REFRESH)(?=.*DATABASE_URL is not set)(?=.*STORE_DATABASE_URL)/,
  )
  t.equal(Object.isFrozen(readConfig({})), true)
})

t.test('URLs that the driver cannot read are refused, without what stands in them', async (t) => {
  for (const url of [
    'postgres://u:p@127.0.0.1:port/x',
    'postgres://u:se/cret@127.0.0.1:5432/x',
    'postgres://u:p w@ h/x',
    'http://u:p@h/x',
  ]) {
    for (const env of [
      { DATABASE_URL: url },
      { STORE_DATABASE_URL: url },
      { DATABASE_URL: 'postgres://h/x', DATABASE_READ_URL: url },
    ])
      t.throws(() => readConfig(env), { message: /^(?!.*cret)[A-Z_]+_URL must be (a URL|URLs)/ }, url)
  }
  for (const url of [
    'postgres://h/x',
    'postgresql://u:p%40@h:5432/x?sslmode=require',
    'postgres://u:p@/x?host=/run/postgresql',
    'postgres:///x',
    'postgres://u@%2Frun%2Fpostgresql/x',
    'postgres://u:p@[::1]:5432/x',
  ])
    t.equal(readConfig({ DATABASE_URL: url }).databaseUrl, url)
})

t.test('who may ask is said, and without contradiction', async (t) => {
  const jwt = { JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'a, b', JWT_JWKS_URL: 'https://login.example/keys' }
  t.match(readConfig({}), { access: 'unsaid', jwt: undefined, accessOpen: new Set(['health', 'contract', 'docs']) })
  t.match(readConfig(jwt), { access: 'keys', jwt: { issuer: 'https://login.example', audience: ['a', 'b'] } })
  t.match(
    readConfig({
      API_KEYS_FILE: '/keys',
      ACCESS_OPEN: 'health, metrics',
      CORS_ORIGINS: 'https://a.example, http://localhost:8080',
    }),
    {
      access: 'keys',
      accessOpen: new Set(['health', 'metrics']),
      corsOrigins: ['https://a.example', 'http://localhost:8080'],
    },
  )
  t.equal(readConfig({ ACCESS_OPEN: 'none' }).accessOpen.size, 0)
  t.equal(readConfig({ ...jwt, JWT_JWKS_URL: 'http://127.0.0.1:8080/keys' }).access, 'keys')
  for (const [env, said] of [
    [{ ACCESS: 'off' }, /ACCESS can only be none/],
    [{ ACCESS: 'none', API_KEYS_FILE: '/keys' }, /contradicts/],
    [{ ACCESS: 'none', ...jwt }, /contradicts/],
    [{ JWT_ISSUER: 'x' }, /all three or none/],
    [{ ...jwt, JWT_AUDIENCE: ' , ' }, /all three/],
    [{ ...jwt, JWT_JWKS_URL: 'http://login.example/keys' }, /https/],
    [{ ...jwt, JWT_JWKS_URL: 'http://127.0.0.1.example/keys' }, /https/],
    [{ ...jwt, JWT_JWKS_URL: 'file:///keys' }, /https/],
    [{ ACCESS_OPEN: 'health,none' }, /ACCESS_OPEN/],
    [{ ACCESS_OPEN: 'data' }, /ACCESS_OPEN/],
    [{ CORS_ORIGINS: '*' }, /CORS_ORIGINS/],
    [{ CORS_ORIGINS: 'https://a.example/' }, /CORS_ORIGINS/],
    [{ CORS_ORIGINS: 'a.example' }, /CORS_ORIGINS/],
    [{ CORS_ORIGINS: 'null' }, /CORS_ORIGINS/],
  ] as const)
    t.throws(() => readConfig(env), said, JSON.stringify(env))
  const unsaid = (host: string) => () => {
    checkListening({ host, access: 'unsaid' })
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'])
    t.doesNotThrow(unsaid(host), host)
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.example',
    'localhost.example',
    '::2',
    'example',
    '127.1',
    '::ffff:10.0.0.1',
  ])
    t.throws(unsaid(host), /ACCESS=none/, host)
  for (const access of ['none', 'keys'] as const)
    t.doesNotThrow(() => {
      checkListening({ host: '0.0.0.0', access })
    })
})
