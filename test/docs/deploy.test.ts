/** docs/examples/deploy.sh against real services: what it does for each answer, by its exit code. */
import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import { createKey } from '../../src/access/api-keys.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateDown } from '../../src/migrate/runner.js'
import { queueMigrations, storeMigrations } from '../../src/migrate/migration-sets.js'
import { enableStore } from '../../src/store/enable.js'
import { executable } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'
import { startService } from '../helpers/service.js'
import { enabled } from '../helpers/store.js'

const there = spawnSync('curl', ['--version']).status === 0 ? {} : { skip: 'curl is not installed' }

t.test('deploy.yml is a workflow that plans, and deploys by deploy.sh', async (t) => {
  const workflow = parse(readFileSync('docs/examples/deploy.yml', 'utf8')) as {
    on: object
    jobs: Record<string, { if: string; env: Record<string, string>; steps: { run?: string }[] }>
  }
  t.strictSame(Object.keys(workflow.on), ['pull_request', 'push'])
  const { plan, deploy } = workflow.jobs
  t.match(plan?.if, /pull_request/)
  t.equal(
    plan?.steps.some(({ run }) => run?.includes('migrate plan')),
    true,
  )
  const script = /^ *- run: sh (\S+)$/m.exec(readFileSync('docs/examples/deploy.yml', 'utf8'))?.[1] ?? ''
  t.equal(existsSync(script), true)
  for (const name of ['DATABASE_URL', 'SERVICE', 'MIGRATE', 'DEPLOY', 'ROLLBACK'])
    t.type(deploy?.env[name], 'string', name)
})

t.test('deploy.sh', there, async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const folder = t.testdir({})
  const command = await executable(t, folder)
  // the same answers by the same code; a process for each would be most of what this test takes
  const inside = await executable(t, folder, { inside: true, settings: { CONTRACT_TIMEOUT_MS: '60000' } })
  const deploy = async (service: string, env: Record<string, string> = {}) => {
    const child = spawn('sh', ['docs/examples/deploy.sh'], {
      env: {
        ...process.env,
        DATABASE_URL: db.url,
        CONTRACT_TIMEOUT_MS: '60000',
        MIGRATE: inside,
        DEPLOY: 'echo DEPLOYED',
        ROLLBACK: 'echo BACK',
        SERVICE: service,
        TRIES: '3',
        PAUSE_S: '0.2',
        ...env,
      },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    const [code] = (await once(child, 'close')) as [number]
    return { code, said, deployed: /^DEPLOYED$/m.test(said), back: /^BACK$/m.test(said) }
  }
  // where nobody listens, whatever others do meanwhile
  const closed = '127.0.0.1:1'
  const { url } = await startService(t, { DATABASE_URL: db.url, CONTRACT_TIMEOUT_MS: '60000' })

  t.match(
    await deploy(url, { TRIES: '60', MIGRATE: command }),
    { code: 0, deployed: true, back: false, said: /applied 2025/ },
    '200: goes on',
  )
  t.match(
    await deploy(url, { DEPLOY: 'false', TRIES: '60' }),
    { code: 22, back: true },
    'what cannot be put in place is taken back',
  )

  const cut = await startService(t, { DATABASE_URL: `postgres://nobody@${closed}/nothing` })
  const unknown = await deploy(cut.url)
  t.match(
    unknown,
    { code: 30, deployed: true, back: false, said: /schema-contract 503.* 3 of 3/ },
    '503: tries again, then stops',
  )
  t.equal(unknown.said.match(/\/schema-contract 503/g)?.length, 3)
  t.match(
    await deploy(`http://${closed}`),
    { code: 30, back: false, said: /schema-contract 000/ },
    'unreachable: the same',
  )
  t.match(
    await deploy(url, { DATABASE_URL: `postgres://nobody@${closed}/nothing`, MIGRATE: command }),
    { code: 11, deployed: false, said: /ended with 3, try 2 of 3/ },
    'a database that cannot be asked: nothing is deployed',
  )

  const notReady = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (request) => {
      socket.end(
        `HTTP/1.1 ${/^GET \/schema-contract/.test(String(request)) ? 200 : 503} x\r\n` +
          'content-length: 0\r\nconnection: close\r\n\r\n',
      )
    })
  }).listen(0, '127.0.0.1')
  await once(notReady, 'listening')
  t.teardown(() => notReady.close())
  t.match(
    await deploy(`http://127.0.0.1:${(notReady.address() as { port: number }).port}`),
    { code: 31, back: false, said: /the contract holds, but \/health\/ready is not 200/ },
    'the lock holds, and no more',
  )

  const key = createKey()
  const keys = join(folder, 'keys.json')
  writeFileSync(
    keys,
    JSON.stringify({ keys: [{ name: 'pipeline', sha256: key.hash, scopes: ['metrics:read'], expires: '2099-01-01' }] }),
  )
  const closedOff = await startService(t, {
    DATABASE_URL: db.url,
    CONTRACT_TIMEOUT_MS: '60000',
    API_KEYS_FILE: keys,
    ACCESS_OPEN: 'none',
  })
  t.match(
    await deploy(closedOff.url),
    { code: 32, back: false, said: /schema-contract 401.*needs a valid KEY/ },
    'without a key: stops at once',
  )
  t.match(await deploy(closedOff.url, { KEY: key.key, TRIES: '60' }), { code: 0, deployed: true }, 'with one: goes on')

  // a store as an older version left it
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  await migrateDown(db.pool, queueMigrations)
  for (let newest = 0; newest < 3; newest++) await migrateDown(db.pool, storeMigrations)
  t.match(
    await deploy(url, { TRIES: '60' }),
    {
      code: 0,
      said: new RegExp(
        'applied 20261201_0900_attempt_queue_problems\napplied 20251202_0910_attempt_day_stale\n' +
          'applied 20251203_0900_attempt_session_index\napplied 20261201_0910_attempt_store_limits',
      ),
    },
    'a store is brought up to date with it',
  )
  t.equal(spawnSync(command, ['migrate', 'status'], { env: { ...process.env, DATABASE_URL: db.url } }).status, 0)
  const weak = new URL(db.url)
  weak.username = `weak_${db.name}`
  weak.password = 'of-nobody'
  await db.pool.query(
    `create role ${weak.username} login password 'of-nobody';
    grant select on attempt_view_migration, attempt_view_migration_hash, attempt_queue_migration,
      attempt_queue_migration_hash, attempt_store_migration, attempt_store_migration_hash to ${weak.username}`,
  )
  t.teardown(() => db.pool.query(`drop owned by ${weak.username}; drop role ${weak.username}`))
  await migrateDown(db.pool, storeMigrations)
  const refused = await deploy(url, { DATABASE_URL: weak.href })
  t.match(
    refused,
    { code: 10, deployed: false, said: /permission denied/ },
    'a right that is missing is asked for once',
  )
  t.notMatch(refused.said, /try 1 of/)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)

  const drift = (correct: string) =>
    `create or replace view attempt as
    select id, student_id, item_id, ${correct} as correct, response_time_ms, hint_used, completed_at, started_at,
      attempt_no, session_id, topic_id
    from attempt_numbered`
  const drifts = join(folder, 'drifts.mjs')
  writeFileSync(
    drifts,
    `import pg from ${JSON.stringify(pathToFileURL(resolve('node_modules/pg/esm/index.mjs')).href)}
const client = new pg.Client(process.env.DATABASE_URL)
await client.connect()
await client.query(${JSON.stringify(drift('true'))})
await client.end()
console.log('DEPLOYED')\n`,
  )
  const DEPLOY = `"${process.execPath}" "${drifts}"`
  t.match(await deploy(url, { DEPLOY, TRIES: '60' }), { code: 20, deployed: true, back: true }, '409: rolls back')
  t.match(
    await deploy(url, { TRIES: '60' }),
    { code: 13, deployed: false, back: false, said: /the view already violates the contract/ },
    "drift of before is not the new version's",
  )
  await db.pool.query(drift('correct'))
  t.match(
    await deploy(url, { DEPLOY, ROLLBACK: 'false', TRIES: '60' }),
    { code: 21, back: false },
    'where that fails, says so',
  )
  t.equal(
    (await db.pool.query(`select to_regclass('attempt') is not null as kept`)).rows[0].kept,
    true,
    'the view is not dropped',
  )

  await db.pool.query(
    `insert into attempt_view_migration (name, timestamp)
    values ('20990101_0000_from_tomorrow', '2099-01-01T00:00:00Z')`,
  )
  t.match(await deploy(url), { code: 12, deployed: false }, 'a database of a newer version is left alone')
  const old = await createDatabase(t, { migrated: false })
  await old.pool.query('create view attempt as select 1 as id')
  t.match(
    await deploy(url, { DATABASE_URL: old.url }),
    { code: 10, deployed: false, said: /other columns/ },
    'a migration that is refused deploys nothing',
  )
})
