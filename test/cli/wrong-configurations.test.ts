/** A wrong configuration ends in one sentence with variable, value and remedy: at the start, or in the log. */
import t from 'tap'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.js'
import { startEmbedded } from '../../src/development/embedded.js'
import { logOptions } from '../../src/observability/log.js'
import { refusalHooks } from '../../src/observability/refusal-log.js'
import { startServer } from '../../src/server.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { startService } from '../helpers/service.js'
import { until } from '../helpers/until.js'

const good = 'postgres://reader:secret-word@db.example.com:5432/exams'

/** Environment, and what its one sentence says. */
const refusedAtTheStart: [environment: Record<string, string>, sentence: RegExp][] = [
  [
    { DATABASE_URL: good.replace('db.example.com:5432', 'h1:5432,h2:5432') },
    /^DATABASE_URL names several hosts.*READ_URL/,
  ],
  [{ DATABASE_URL: good.replace('db.example.com:5432', 'h1,h2') }, /^DATABASE_URL names several hosts/],
  [{ DATABASE_URL: `${good}?host=h1,h2` }, /^DATABASE_URL names several hosts/],
  [
    { DATABASE_URL: good, STORE_DATABASE_URL: `${good}?port=1,2` },
    /^STORE_DATABASE_URL names several hosts.*primary alone\.$/,
  ],
  [{ DATABASE_URL: good, DATABASE_READ_URL: 'postgres://u@h1,h2/x' }, /^DATABASE_READ_URL must be URLs.*number 2 is/],
  [
    { DATABASE_URL: `${good}?sslmode=verify-ful` },
    /has sslmode="verify-ful"; it must be one of disable, .*sslmode=verify-full/,
  ],
  [
    { DATABASE_URL: `${good}?sslmode=verify-full&sslrootcert=/no/ca.pem` },
    /has sslrootcert=\/no\/ca\.pem, .*\(ENOENT\)/,
  ],
  [{ DATABASE_URL: `"${good}"` }, /^DATABASE_URL must be a URL that begins with postgres:/],
  [{ DATABASE_URL: ` ${good}` }, /^DATABASE_URL must be a URL that begins with postgres:/],
  [{ DATABASE_URL: 'http://db.example.com/exams' }, /^DATABASE_URL must be .*it is http:\/\/db\.example\.com\.$/],
  [{ DATABASE_URL: 'db.example.com:5432/exams' }, /^DATABASE_URL must be a URL/],
  [{ NODE_ENV: 'production' }, /^DATABASE_URL is not set: with NODE_ENV=production/],
  [{ DATABASE_READ_URL: good }, /^DATABASE_READ_URL needs DATABASE_URL/],
  [{ DATABASE_URL: good, PORT: '99999' }, /^PORT must be a whole number from 0 to 65535, .*it is "99999"/],
  [{ DATABASE_URL: good, PORT: 'tcp://10.0.0.1:3000' }, /^PORT must be .*it is "tcp:\/\/10\.0\.0\.1:3000"/],
  [{ DATABASE_URL: good, HOST: 'http://127.0.0.1' }, /^HOST must be an IP address or a host name .*it is "http:/],
  [
    { DATABASE_URL: good, HOST: '127.0.0.1:3000' },
    /^HOST must be .* without a scheme or port, .*it is "127\.0\.0\.1:3000"/,
  ],
  [{ DATABASE_URL: good, HOST: '0.0.0.0' }, /^HOST=0\.0\.0\.0 can be reached .*Set API_KEYS_FILE/],
  [{ DATABASE_URL: good, POOL_SIZE: '-1' }, /^POOL_SIZE must be a whole number from 1 to 1000.*it is "-1"/],
  [{ DATABASE_URL: good, TIMEOUT_MAX_MS: '10' }, /^TIMEOUT_MAX_MS=10 must be at least TIMEOUT_PAGE_MS=30000/],
  [{ DATABASE_URL: good, LOG_LEVEL: 'verbose' }, /^LOG_LEVEL must be one of fatal, .*it is "verbose"/],
  [{ DATABASE_URL: good, STORE_REFRESH: 'false' }, /^STORE_REFRESH must be one of on, off, .*it is "false"/],
  [{ DATABASE_URL: good, TRUST_PROXY: 'true' }, /^TRUST_PROXY must be IP addresses or networks.*number 1 is "true"/],
  [{ DATABASE_URL: good, CORS_ORIGINS: '*' }, /^CORS_ORIGINS must be origins .*number 1 is "\*"/],
  [{ DATABASE_URL: good, ACCESS: 'off' }, /^ACCESS must be none, or unset/],
  [{ DATABASE_URL: good, ACCESS: 'none', API_KEYS_FILE: '/keys' }, /^ACCESS=none contradicts API_KEYS_FILE/],
  [{ DATABASE_URL: good, ACCESS_OPEN: 'all' }, /^ACCESS_OPEN must be none, or any of .*number 1 is "all"/],
  [
    { DATABASE_URL: good, JWT_ISSUER: 'https://login.example.com' },
    /belong together: set all three or none; only JWT_ISSUER is/,
  ],
  [
    { DATABASE_URL: good, API_KEYS_FILE: '/no/keys.yaml' },
    /^API_KEYS_FILE=\/no\/keys\.yaml is invalid: there is no such file \(ENOENT\).*key create/,
  ],
  [
    { DATABASE_URL: good, API_KEYS_FILE: tmpdir() },
    /^API_KEYS_FILE=.* the file cannot be read \(EISDIR\).*correct the path/,
  ],
]

/** Starts as `serve` does, up to the first error. */
async function startFailure(environment: Record<string, string>): Promise<string> {
  try {
    const config = readConfig({ LOG_LEVEL: 'silent', PORT: '0', ...environment })
    const server = await startServer(config, config.databaseUrl ?? '')
    await server.close()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

t.test('one sentence at the start, without the password', async (t) => {
  for (const [environment, sentence] of refusedAtTheStart) {
    const message = await startFailure(environment)
    t.match(message, sentence, JSON.stringify(environment))
    t.notMatch(message, /secret-word/)
    t.equal(message.includes('\n'), false, message)
  }
})

t.test('a port that is in use', async (t) => {
  const server = createServer()
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.match(
    await startFailure({ DATABASE_URL: 'postgres://127.0.0.1:1/x', PORT: String(port) }),
    new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use.*PORT=3001`),
  )
})

t.test('a directory that the embedded PostgreSQL cannot or must not use', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'attempt-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'file')
  writeFileSync(file, 'of somebody')
  await t.rejects(startEmbedded(join(file, 'x')), {
    message: /^EMBEDDED_DIRECTORY=.*file\/x cannot be used \(ENOTDIR\).*=\.data/,
  })
  await t.rejects(startEmbedded(file), { message: /^EMBEDDED_DIRECTORY=.*file cannot be used \(EEXIST\)/ })
  await t.rejects(startEmbedded(folder), { message: /has files that are not of an embedded PostgreSQL: name an empty/ })
})

t.test('variables that are misspelt, or have no effect', async (t) => {
  const warning = (environment: Record<string, string>) => readConfig(environment).warnings.join()
  for (const [name, variable] of [
    ['POOLSIZE', 'POOL_SIZE'],
    ['STREAMPOOL', 'STREAM_POOL_SIZE'],
    ['DB_URL', 'DATABASE_URL'],
    ['POSTGRES_URL', 'DATABASE_URL'],
    ['ATTEMPT_API_POOL_SIZE', 'POOL_SIZE'],
    ['ATTEMPT_LOG_LEVEL', 'LOG_LEVEL'],
  ] as const)
    t.match(warning({ [name]: 'x' }), new RegExp(`^${name} is set .* did you mean ${variable}\\?$`))
  t.equal(warning({ NODE_ENV: 'prod' }), 'NODE_ENV=prod has no effect; did you mean NODE_ENV=production?')
  t.equal(warning({ NODE_ENV: 'test', ATTEMPT_API_PORT: 'x', ATTEMPT_RESULTS: 'x', STREAM: 'x' }), '')
})

interface Line {
  level: number
  msg: string
  err?: unknown
}

/** The service on this URL, its warnings and errors, and what it answers. */
async function started(t: { teardown(action: () => unknown): unknown }, url: string, storeUrl = url) {
  const lines: Line[] = []
  const app = await startApp(
    t,
    url,
    { storeRefresh: true, anomaliesIntervalS: 60, contractTimeoutMs: 5_000 },
    storeUrl,
    [],
    {
      logger: {
        ...logOptions('warn'),
        hooks: refusalHooks((from) =>
          from === url ? 'DATABASE_URL' : from === storeUrl ? 'STORE_DATABASE_URL' : undefined,
        ),
        stream: {
          write(text: string) {
            lines.push(JSON.parse(text) as Line)
          },
        },
      },
    },
  )
  return { app, lines }
}

/** The database as another role, option or database. */
function urlOf(db: TestDatabase, change: { user?: string; password?: string; path?: string; search?: string }): string {
  const url = new URL(db.url)
  if (change.user !== undefined) Object.assign(url, { username: change.user, password: change.password ?? 'of-a-test' })
  if (change.path !== undefined) url.pathname = change.path
  return `${url.href}${change.search ?? ''}`
}

t.test(
  'what the database refuses is one line that names role, object and remedy; requests do not say retry',
  async (t) => {
    const db = await createDatabase(t)
    const role = (name: string) => `${name}_${db.name}`
    const [reader, locked] = [role('reader'), role('locked')]
    await db.pool.query(
      `create role ${reader} login password 'of-a-test'; create role ${locked} nologin password 'of-a-test'`,
    )
    t.teardown(async () => {
      await db.pool.query(`drop owned by ${reader}; drop role ${reader}, ${locked}`)
    })
    const refused: [name: string, url: string, line: RegExp][] = [
      [
        'wrong password',
        urlOf(db, { user: reader, password: 'wrong' }),
        new RegExp(`refuses the password of the role "${reader}": correct the user and password`),
      ],
      [
        'no such role',
        urlOf(db, { user: 'nobody_here' }),
        /refuses the password of the role "nobody_here"|the role "nobody_here" does not exist/,
      ],
      ['no login', urlOf(db, { user: locked }), new RegExp(`the role "${locked}" may not log in: run`)],
      [
        'no such database',
        urlOf(db, { path: '/no_such_database' }),
        /the database "no_such_database" does not exist: correct its name/,
      ],
      [
        'an option that is none',
        urlOf(db, { search: '?options=-c%20no_such%3D1' }),
        /refuses an option of the URL: unrecognized configuration parameter "no_such"/,
      ],
      [
        'no TLS',
        urlOf(db, { search: '?sslmode=verify-full' }),
        /the database offers no TLS: enable it on the server, or leave sslmode out/,
      ],
      [
        'no grant',
        urlOf(db, { user: reader }),
        new RegExp(
          `the role "${reader}" has no privilege on the view attempt_\\w+: ` +
            `run \`grant select on attempt_\\w+ to ${reader};\``,
        ),
      ],
    ]
    for (const [name, url, expected] of refused)
      await t.test(name, async (t) => {
        const { app, lines } = await started(t, url)
        const answer = await until(async () => {
          const response = await app.inject('/v1/attempts?limit=1')
          return response.json<{ detail: string }>().detail.startsWith('The database refuses the service') && response
        }, 'requests are refused')
        t.match(answer.json(), {
          status: 503,
          code: 'database_unavailable',
          detail: /Retrying does not help until an operator/,
        })
        t.equal(answer.headers['retry-after'], '60')
        t.notMatch(answer.body, /attempt_exam|reader_|password|of-a-test/)
        await Promise.all(['/v1/topics', '/v1/attempts?format=csv', '/health/ready'].map((path) => app.inject(path)))
        const line = await until(() => lines.find(({ msg }) => expected.test(msg)), `a line like ${expected}`)
        t.equal(line.level, 50)
        t.match(line.msg, /^DATABASE_URL: /)
        t.equal(lines.filter(({ msg }) => msg === line.msg).length, 1, 'once')
        t.strictSame(
          lines.filter(({ err }) => err !== undefined),
          [],
          'no line with a stack',
        )
        t.notMatch(JSON.stringify(lines), /of-a-test|:wrong/)
      })
    await t.test('the reason of not being ready has the whole grant', async (t) => {
      await db.pool.query(`grant select on attempt, attempt_exam to ${reader}`)
      const { app, lines } = await started(t, urlOf(db, { user: reader }))
      const views = 'attempt_anomaly, attempt_response, attempt_numbered'
      await until(
        () =>
          lines.some(({ msg }) => msg.includes(`cannot read ${views}: run \`grant select on ${views} to ${reader};\``)),
        'the log has the grant',
      )
      t.match((await app.inject('/health/ready')).json(), { reason: /cannot read attempt_anomaly, .*grant select/ })
    })
  },
)

t.test('a wrong place: no exam_results, a schema without it, a store that is not there', async (t) => {
  const [db, bare] = await Promise.all([createDatabase(t), createDatabase(t, { bare: true })])
  const reason = async (url: string, expected: RegExp, storeUrl = url) => {
    const { lines } = await started(t, url, storeUrl)
    await until(() => lines.some(({ msg }) => expected.test(msg)), `a line like ${expected}`)
    t.pass(String(expected))
  }
  await reason(bare.url, /not ready: the database has no table exam_results: DATABASE_URL must name the database/)
  await reason(
    urlOf(db, { search: '?options=-c%20search_path%3Dexam' }),
    /not ready: no schema of the search_path \(exam\) has exam_results; .* public: append \?options=-c%20.*%3Dpublic/,
  )
  await reason(db.url, /^STORE_DATABASE_URL has no store that this role may write/, bare.url)
  await reason(
    db.url,
    /^STORE_DATABASE_URL: the database "no_such_store" does not exist/,
    urlOf(db, { path: '/no_such_store' }),
  )
})

t.test('the refresher names the privileges that it lacks', async (t) => {
  const db = await createDatabase(t)
  const role = `refresher_${db.name}`
  const pools = { primary: db.pool, store: db.pool }
  await buildIndexes(db.pool, () => undefined)
  await enableStore(pools, () => undefined)
  await db.pool.query(
    `create role ${role} login password 'of-a-test';
    grant select on attempt, attempt_anomaly, attempt_exam, attempt_response, attempt_numbered to ${role};
    grant select, update on attempt_store to ${role}`,
  )
  t.teardown(async () => {
    await db.pool.query(`drop owned by ${role}; drop role ${role}`)
  })
  const { lines } = await started(t, urlOf(db, { user: role }))
  const line = await until(
    () => lines.find(({ msg }) => msg.includes('on the table attempt_')),
    'the log names the table',
  )
  t.match(line.msg, new RegExp(`run \`grant select, [a-z, ]+ on attempt_\\w+ to ${role};\``))
})

t.test('the process logs it like that', async (t) => {
  const db = await createDatabase(t)
  const service = await startService(t, { DATABASE_URL: urlOf(db, { user: 'postgres', password: 'wrong' }) })
  await until(
    () => service.log.some((line) => line.includes('DATABASE_URL: the database refuses the password of the role')),
    'the log names the role',
  )
  t.equal(service.log.filter((line) => line.includes('"stack"')).length, 0)
  service.signal('SIGTERM')
  t.equal(await service.exited, 0)
})
