/** Lost packets, which neither side notices: behind a proxy that forwards nothing, and in a network that drops all. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  drill,
  holdStream,
  loadVast,
  prepare,
  settings as short,
  settles,
  steadyPool,
  vastStream,
} from '../helpers/drill.js'
import { startProxy } from '../helpers/proxy.js'
import { ownServer, serverIn } from '../helpers/server.js'
import { startService } from '../helpers/service.js'
import { sleep, until } from '../helpers/until.js'

const silence = { reason: /the database does not answer/, noticedMs: 5_500, knownMs: 300 }
/** The known state of the store is valid for 250 ms: later requests read it through the silent connection. */
const forgotten = () => sleep(500)
/** Requests may wait for longer than a silence lasts: they end sooner because the silence is noticed. */
const settings = { ...short, TIMEOUT_PAGE_MS: '30000', TIMEOUT_AGGREGATE_MS: '30000', TIMEOUT_MAX_MS: '30000' }
/** Beyond the grace, for a busy machine. */
const slackMs = 12_000

// each has a server of its own, and mostly waits until a silence is noticed
t.jobs = 3

/** Loaded before the service: at SIGUSR2 it prints how many bytes it holds, garbage aside. */
const weighs = `import v8 from 'node:v8'
import vm from 'node:vm'
v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')
process.on('SIGUSR2', () => {
  gc()
  setTimeout(() => {
    gc()
    const { heapUsed, external } = process.memoryUsage()
    console.log('holds ' + (heapUsed + external))
  }, 500)
})`

t.test('a connection that falls silent, and one that is cut again and again', async (t) => {
  const server = await ownServer(t)
  const url = await prepare(server.url, { store: true })
  await loadVast(steadyPool(t, url))
  const admin = steadyPool(t, server.url)
  const proxy = await startProxy(t, url)
  const service = await startService(t, {
    ...settings,
    DATABASE_URL: proxy.url,
    STORE_REFRESH: 'off',
    SHUTDOWN_GRACE_S: '2',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(weighs)}`,
  })
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')

  const held = await holdStream(service, vastStream)
  t.equal(held.status, 200)
  const paths = [
    '/v1/attempts?user_id=student-1&limit=5',
    '/v1/topics',
    '/v1/students?limit=3',
    '/v1/items?limit=3',
    '/v1/attempts?user_id=student-1&format=csv',
  ]
  await drill(t, service, {
    name: 'silent (nothing forwarded, connections open)',
    begin: async () => {
      proxy.silent = true
      await forgotten()
    },
    end: async () => {
      proxy.silent = false
    },
    paths,
    ...silence,
  })
  t.equal(await held.ended(), false, 'the stream that was open was cut, not ended')

  const handles = () => service.handles() ?? 0
  const said = () => service.log.flatMap((line) => /^holds (\d+)$/.exec(line)?.[1] ?? [])
  const heldMb = async () => {
    const before = said().length
    service.signal('SIGUSR2')
    await until(() => said().length > before, 'the process prints what it holds')
    return Number(said().at(-1)) / 2 ** 20
  }
  const cuts = async (times: number) => {
    for (let cut = 0; cut < times; cut++) {
      const answers = Promise.all(paths.map(() => service.get('/v1/attempts?user_id=student-1&limit=5&fields=item_id')))
      await sleep(5)
      proxy.cut()
      for (const { status, text } of await answers)
        t.equal([200, 503].includes(status), true, `${status} ${text.slice(0, 100)}`)
    }
  }
  await cuts(10)
  const before = { handles: handles(), mb: await heldMb() }
  await cuts(30)
  await until(() => handles() <= before.handles + 10, `${before.handles} handles, then ${handles()}`)
  const mb = await heldMb()
  t.comment(
    `cut 30 times: ${before.handles} handles, then ${handles()}; ${before.mb.toFixed(1)} MB, then ${mb.toFixed(1)}`,
  )
  t.equal(mb < before.mb + 8, true, `${before.mb} MB, then ${mb}`)
  proxy.silent = false
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')
  proxy.cut()
  await settles(t, admin)

  // it stops in time as well while the database is silent
  await service.get('/v1/topics')
  proxy.silent = true
  const waiting = service.get('/v1/topics').catch(() => undefined)
  await sleep(100)
  const signalled = Date.now()
  service.signal('SIGTERM')
  t.equal(await service.exited, 0)
  t.equal(Date.now() - signalled < 2_000 + slackMs, true, `${Date.now() - signalled} ms`)
  t.not((await waiting)?.status, 200)
})

t.test('kept connections that are lost while new ones work, as behind a firewall that forgot them', async (t) => {
  const server = await ownServer(t)
  const url = await prepare(server.url, { store: true })
  const proxy = await startProxy(t, url)
  const service = await startService(t, {
    ...settings,
    DATABASE_URL: proxy.url,
    TIMEOUT_PAGE_MS: '20000',
    TIMEOUT_AGGREGATE_MS: '20000',
    TIMEOUT_MAX_MS: '20000',
    STREAM_POOL_SIZE: '4',
  })
  await until(
    async () =>
      (await service.get('/v1/attempts?limit=1')).headers.get('attempt-source') === 'store' &&
      (await service.get('/health/ready')).status === 200,
    'the store is filled',
  )
  for (const name of ['state', 'contract']) proxy.lose(`attempt-api ${name}`)
  // until the known state of the store is no longer valid
  await sleep(300)
  const answers = await Promise.all(
    ['/v1/attempts?limit=1', '/v1/topics', '/v1/attempts?format=csv', '/v1/irt/responses'].map((path) =>
      service.get(path),
    ),
  )
  for (const { status, headers, text } of answers)
    t.match({ status, source: headers.get('attempt-source') }, { status: 200, source: 'live' }, text.slice(0, 200))
  await until(
    async () => (await service.get('/v1/attempts?limit=1')).headers.get('attempt-source') === 'store',
    'answers come from the store again',
  )
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')
  await until(async () => (await service.get('/schema-contract')).status === 200, 'the contract is checked')
  await until(async () => (await service.get('/health')).text.includes('"detail":"ok"'), 'the store is seen')

  // the refresher's: its server ends the sessions (after 25 s, which are spared here), and no packet reports it
  const admin = steadyPool(t, url)
  proxy.lose('attempt-api refresher')
  t.not(
    (
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'attempt-api refresher'`,
      )
    ).rowCount,
    0,
  )
  await admin.query(
    `insert into exam_results (session_id, user_id, result_json)
      values ('afterwards', 'student-1', '{"questions": [{"question_id": 1}]}')`,
  )
  await until(
    async () => (await service.get('/v1/attempts?session_id=afterwards&source=store')).text.includes('afterwards'),
    'the refresher continues',
  )
})

/** Commands of iproute2, each one line; throws where one fails. */
function ip(...lines: string[]): void {
  for (const line of lines) {
    const { status, stderr, error } = spawnSync('ip', line.split(' '), { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ip ${line}: ${error?.message ?? stderr}`)
  }
}

/** Why no network of the test's own can be made here; false: it can. */
function noNetwork(): string | false {
  if (process.getuid?.() !== 0) return 'only root makes a network of its own'
  const name = `drill-try-${process.pid}`
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0)
    return 'this machine makes no network namespace (ip netns add)'
  spawnSync('ip', ['netns', 'delete', name])
  return false
}

t.test('packets that are dropped by the network', { skip: noNetwork() }, async (t) => {
  // two links to a namespace with the service in it: one for requests, one to its database, which drops every packet
  const [name, short] = [`drill-${process.pid}`, `d${process.pid % 1_000_000}`]
  const [askNet, baseNet] = [`10.213.${(process.pid % 120) * 2}`, `10.213.${(process.pid % 120) * 2 + 1}`]
  const lost = `blackhole ${baseNet}.2/32`
  t.teardown(() => {
    // the links by name too: open connections hold the namespace for a while
    for (const line of [`route del ${lost}`, `link delete ${short}h`, `link delete ${short}b`, `netns delete ${name}`])
      spawnSync('ip', line.split(' '))
  })
  ip(`netns add ${name}`)
  for (const [line, net] of [
    ['http0', askNet],
    ['base0', baseNet],
  ] as const) {
    ip(
      `link add ${short}${line[0]} type veth peer name ${line} netns ${name}`,
      `addr add ${net}.1/30 dev ${short}${line[0]}`,
      `link set dev ${short}${line[0]} up`,
      `-n ${name} addr add ${net}.2/30 dev ${line}`,
      `-n ${name} link set dev ${line} up`,
    )
  }
  ip(`-n ${name} link set dev lo up`)
  // an address is usable a moment after it was given
  await until(
    () =>
      new Promise<boolean>((done) => {
        const probe = createServer()
          .once('error', () => {
            done(false)
          })
          .listen(0, `${baseNet}.1`, () =>
            probe.close(() => {
              done(true)
            }),
          )
      }),
    'the address is there',
  )
  const folder = mkdtempSync(join(tmpdir(), 'attempt-server-'))
  const server = await serverIn(t, folder, [`listen_addresses=127.0.0.1,${baseNet}.1`])
  appendFileSync(join(folder, 'pgdata', 'pg_hba.conf'), `\nhost all all ${baseNet}.2/32 scram-sha-256\n`)
  const admin = steadyPool(t, server.url)
  await admin.query('select pg_reload_conf()')
  const url = new URL(await prepare(server.url, { store: true }))
  url.hostname = `${baseNet}.1`
  const service = await startService(
    t,
    { ...settings, DATABASE_URL: url.href, SHUTDOWN_GRACE_S: '2', ACCESS: 'none' },
    ['ip', 'netns', 'exec', name],
    `${askNet}.2`,
  )
  await until(
    async () => (await service.get('/v1/attempts?limit=1')).headers.get('attempt-source') === 'store',
    'the store is filled',
  )
  await drill(t, service, {
    name: 'packets dropped (network namespace)',
    begin: async () => {
      ip(`route add ${lost}`)
      await forgotten()
    },
    end: async () => {
      ip(`route del ${lost}`)
    },
    ...silence,
  })
  await settles(t, admin)
  ip(`route add ${lost}`)
  const signalled = Date.now()
  service.signal('SIGTERM')
  t.equal(await service.exited, 0)
  t.equal(Date.now() - signalled < 2_000 + slackMs, true, `${Date.now() - signalled} ms`)
})
