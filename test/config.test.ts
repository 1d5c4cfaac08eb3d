import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { configurationDocument } from '../openapi/configuration.js'
import { variables } from '../src/config/variables.js'
import { checkListening, readConfig } from '../src/config.js'
import { startService } from './helpers/service.js'

const names = Object.values(variables).map(({ name }) => name)

t.test('docs/configuration.md is the document of the schema', async (t) => {
  const committed = readFileSync('docs/configuration.md', 'utf8')
  t.equal(committed === (await configurationDocument()), true, 'run npm run generate')
  const table = [...committed.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name)
  t.strictSame(table, names, 'each variable once')
  t.equal(new Set(names).size, names.length)
  t.equal(names.length > 10, true)
})

t.test('the documentation of a variable leads to a page and a heading that exist', async (t) => {
  for (const { name, see } of Object.values(variables)) {
    if (see === undefined) continue
    const [page = '', anchor] = see.split('#')
    t.equal(existsSync(`docs/${page}`), true, `${name}: docs/${page}`)
    if (anchor === undefined || !existsSync(`docs/${page}`)) continue
    const headings = [...readFileSync(`docs/${page}`, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )
    t.equal(headings.includes(anchor), true, `${name}: docs/${see}`)
  }
})

t.test('the default and the example of every variable are allowed', async (t) => {
  const together = {
    DATABASE_URL: 'postgres://host/database',
    JWT_ISSUER: 'https://login.example.com',
    JWT_AUDIENCE: 'attempt-api',
    JWT_JWKS_URL: 'https://login.example.com/keys',
  }
  for (const { name, example, shownDefault } of Object.values(variables)) {
    const env = name === 'ACCESS' ? {} : together
    t.doesNotThrow(() => readConfig({ ...env, [name]: example }), `${name}=${example}`)
    if (shownDefault === 'none' || name === 'STORE_DATABASE_URL') continue
    const { warnings, ...read } = readConfig({ [name]: shownDefault })
    const { warnings: _none, ...unset } = readConfig({})
    t.strictSame([read, warnings], [unset, []], `${name}=${shownDefault}`)
  }
})

t.test('numbers are whole, in decimal digits, within their bounds', async (t) => {
  for (const text of ['0', '1001', '-1', '1.5', '1e2', '0x10', ' 5', '5 ', '٣', 'NaN', '9'.repeat(400)])
    t.throws(
      () => readConfig({ POOL_SIZE: text }),
      /^POOL_SIZE must be a whole number from 1 to 1000, .*; it is "/,
      text,
    )
  t.equal(readConfig({ POOL_SIZE: '1' }).poolSize, 1)
  t.equal(readConfig({ POOL_SIZE: '1000' }).poolSize, 1000)
  t.equal(readConfig({ POOL_SIZE: '007' }).poolSize, 7)
  t.equal(readConfig({ POOL_SIZE: '' }).poolSize, 10)
})

t.test('every problem of the configuration is reported at once, with its value and what is allowed', async (t) => {
  const problems = (env: Record<string, string>): string => {
    try {
      readConfig(env)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
    return ''
  }
  t.equal(
    problems({
      PORT: 'tcp://10.0.0.1:3000',
      LOG_LEVEL: 'loud',
      STREAM_POOL_SIZE: '0',
      STORE_REFRESH: 'maybe',
      NODE_ENV: 'production',
      STORE_DATABASE_URL: 'mysql://user:secret@host/x?password=secret',
      TRUST_PROXY: '10.0.0.0/8,1',
      TIMEOUT_MAX_MS: '10',
    }),
    [
      'PORT must be a whole number from 0 to 65535, for example PORT=3000; it is "tcp://10.0.0.1:3000".',
      'TRUST_PROXY must be IP addresses or networks, separated by commas, for example TRUST_PROXY=10.0.0.0/8; ' +
        'number 2 is "1".',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, for example LOG_LEVEL=info; ' +
        'it is "loud".',
      'STREAM_POOL_SIZE must be a whole number from 1 to 1000, for example STREAM_POOL_SIZE=4; it is "0".',
      'STORE_DATABASE_URL must be a URL that begins with postgres:// or postgresql:// (in a password write @ as %40, ' +
        '/ as %2F, : as %3A, # as %23), for example STORE_DATABASE_URL=postgres://user:password@host:5432/database; ' +
        'it is mysql://host.',
      'STORE_REFRESH must be one of on, off, for example STORE_REFRESH=on; it is "maybe".',
      'DATABASE_URL is not set: with NODE_ENV=production the service needs the URL of its PostgreSQL ' +
        '(the embedded one is for development).',
      'TIMEOUT_MAX_MS=10 must be at least TIMEOUT_PAGE_MS=30000 and TIMEOUT_AGGREGATE_MS=60000.',
    ].join(' '),
  )
  t.equal(Object.isFrozen(readConfig({})), true)
})

t.test('a variable that resembles one of ours gives a warning, and no other variable does', async (t) => {
  const meant = (name: string) => readConfig({ [name]: 'secret' }).warnings.join()
  for (const [name, variable] of [
    ['POOLSIZE', 'POOL_SIZE'],
    ['POOL_SIZES', 'POOL_SIZE'],
    ['TIMEOUT_PAGE', 'TIMEOUT_PAGE_MS'],
    ['TIMEOUT_PAGE_S', 'TIMEOUT_PAGE_MS'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASE_READ_URLS', 'DATABASE_READ_URL'],
    ['API_KEY_FILE', 'API_KEYS_FILE'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['PORTS', 'PORT'],
    ['JWT_JWKS_URI', 'JWT_JWKS_URL'],
  ] as const)
    t.equal(
      meant(name),
      `${name} is set but attempt-api has no such variable, so it has no effect; did you mean ${variable}?`,
    )
  t.match(meant('CONTRACT_SOMETHING_ELSE'), /no effect; see docs\/configuration\.md\.$/)
  for (const name of [
    'HOME',
    'PATH',
    'HOSTNAME',
    'USER',
    'LANG',
    'PGHOST',
    'DATABASE_HOST',
    'NODE_OPTIONS',
    'TEST_DATABASE_URL',
    'STORE_SERVICE_HOST',
    'STORE_PORT_5432_TCP_ADDR',
  ])
    t.equal(readConfig({ [name]: 'secret' }).warnings.join(), '', name)
  t.strictSame(readConfig({ POOLSIZE: '' }).warnings, [], 'a variable that is empty counts as unset')
})

t.test('URLs that the driver cannot read are refused, and the message shows no password', async (t) => {
  for (const url of [
    'postgres://u:p@127.0.0.1:port/x',
    'postgres://u:se/cret@127.0.0.1:5432/x',
    'postgres://u:p w@ h/x',
    'postgres://u:secret',
    'host=h user=u password=secret',
    'secret',
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

t.test('access control is configured without contradiction', async (t) => {
  const jwt = { JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'a, b', JWT_JWKS_URL: 'https://login.example/keys' }
  t.match(readConfig({}), { access: 'unset', jwt: undefined, accessOpen: new Set(['health', 'contract', 'docs']) })
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
  for (const [env, message] of [
    [{ ACCESS: 'off' }, /ACCESS must be none, or unset .*; it is "off"/],
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
    t.throws(() => readConfig(env), message, JSON.stringify(env))
  const unset = (host: string) => () => {
    checkListening({ host, access: 'unset' })
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'])
    t.doesNotThrow(unset(host), host)
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
    t.throws(unset(host), /ACCESS=none/, host)
  for (const access of ['none', 'keys'] as const)
    t.doesNotThrow(() => {
      checkListening({ host: '0.0.0.0', access })
    })
})

t.test('serve logs the warnings', async (t) => {
  const service = await startService(t, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', POOLSIZE: '5' })
  t.match(service.log.join('\n'), /"level":40.*POOLSIZE is set but .* did you mean POOL_SIZE\?/)
  service.signal('SIGTERM')
  t.equal(await service.exited, 0)
})
