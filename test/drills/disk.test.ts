/**
 * A full disk, once under the store, once under the exams: the server has a small file system in memory, filled to the
 * last byte. Writes fail, reads continue, and the service recovers by itself when there is room again. Where its
 * log (pg_wal) finds no room either, the server stops itself.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createDatabase } from '../helpers/database.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { load, prepare, settings, settles, steadyPool } from '../helpers/drill.js'
import { serverIn } from '../helpers/server.js'
import { startService } from '../helpers/service.js'
import { until } from '../helpers/until.js'

t.jobs = 2

type Test = { teardown(action: () => unknown): unknown }

/** A small file system in memory; undefined where none can be mounted. */
function mount(t: Test): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'attempt-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=755', 'attempt-drill', folder]).status === 0
  t.teardown(() => {
    if (mounted) spawnSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return mounted ? folder : undefined
}

const noDisk = 'no small file system can be mounted here (it takes root)'
const small = [
  'shared_buffers=16MB',
  'max_wal_size=32MB',
  'min_wal_size=32MB',
  'autovacuum=off',
  'full_page_writes=off',
]

/** Fills the file system until not a byte is left. */
function fill(file: string): void {
  const to = openSync(file, 'w')
  try {
    for (let size = 1 << 20; size >= 1;) {
      try {
        writeSync(to, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        size >>= 4
      }
    }
  } finally {
    closeSync(to)
  }
}

t.test('a full disk under the store costs freshness, never an answer', async (t) => {
  const folder = mount(t)
  if (folder === undefined) return t.pass(noDisk, { skip: noDisk })
  const source = await createDatabase(t)
  const server = await serverIn(t, join(folder, 'server'), small)
  const store = steadyPool(t, server.url)
  await load(source.pool, 100, 20)
  await buildIndexes(source.pool, () => undefined)
  await enableStore({ primary: source.pool, store }, () => undefined)
  const service = await startService(t, {
    ...settings,
    DATABASE_URL: source.url,
    STORE_DATABASE_URL: server.url,
    STORE_LAG_S: '2',
  })
  const from = async () => (await service.get('/v1/topics')).headers.get('attempt-source')
  await until(async () => (await from()) === 'store', 'the store is filled')
  const rows = async () =>
    Number((await store.query<{ n: string }>('select count(*) as n from attempt_materialized')).rows[0]?.n)
  const before = await rows()

  await store.query('checkpoint')
  await store.query('select pg_switch_wal()')
  await store.query('create temp table a_new_segment ()')
  const ballast = join(folder, 'ballast')
  fill(ballast)
  await source.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
    select 'full-' || session_id, 'full-' || user_id, result_json, updated_at
    from exam_results, generate_series(1, 5) as n
    on conflict do nothing`)
  await until(
    () => service.log.some((line) => /could not be refreshed/.test(line) && /"code":"53100"/.test(line)),
    'the refresher finds no room',
  )
  t.equal(await rows(), before, 'nothing was written by halves')
  await until(async () => (await from()) === 'live', 'answers come through the view, which has everything')
  t.equal(((await service.get('/v1/attempts?user_id=full-student-1&limit=1')).json()['data'] as unknown[]).length, 1)
  await until(async () => (await service.get('/schema-contract')).status === 200, 'the contract holds')
  await until(async () => {
    const ready = await service.get('/health/ready')
    return ready.status === 200 && (ready.json()['store'] as { detail: string }).detail === 'lagging'
  }, 'the primary is healthy, and the store is reported as lagging')
  t.equal(
    (await store.query('select 1 from attempt_materialized limit 1')).rowCount,
    1,
    'reads of the full server continue',
  )

  rmSync(ballast)
  const freed = Date.now()
  await until(async () => (await rows()) > before, 'the refresher continues')
  await until(async () => (await from()) === 'store', 'answers come from the store again')
  t.comment(`disk full: answers from the store ${Date.now() - freed} ms after there was room`)
  t.equal(
    await rows(),
    Number((await source.pool.query<{ n: string }>('select count(*) as n from attempt')).rows[0]?.n),
  )
  await settles(t, store)
})

t.test('a full disk under the exams: reads continue, and without room for its log the server stops', async (t) => {
  const folder = mount(t)
  if (folder === undefined) return t.pass(noDisk, { skip: noDisk })
  const server = await serverIn(t, join(folder, 'server'), small)
  const url = await prepare(server.url, { exams: 100 })
  const admin = steadyPool(t, url)
  const service = await startService(t, {
    ...settings,
    DATABASE_URL: url,
    CONTRACT_TIMEOUT_MS: '30000',
    TIMEOUT_PAGE_MS: '30000',
    TIMEOUT_AGGREGATE_MS: '30000',
    TIMEOUT_MAX_MS: '30000',
  })
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')
  const paths = [
    '/v1/attempts?user_id=student-1&limit=5',
    '/v1/topics',
    '/v1/students?limit=3',
    '/v1/attempts?user_id=student-1&format=csv',
    '/schema-contract',
    '/health/ready',
  ]
  const before = (await service.get(paths[0] as string)).json()['data']
  // the same by a role whose sorts find no room in memory
  const superuser = steadyPool(t, server.url)
  await superuser.query(`create role sorter login password 'sorter' in role drill`)
  await superuser.query(`alter role sorter set work_mem = '64kB'`)
  const patient = {
    TIMEOUT_PAGE_MS: '60000',
    TIMEOUT_AGGREGATE_MS: '60000',
    TIMEOUT_MAX_MS: '60000',
    OVERLOAD_DELAY_MS: '0',
  }
  const sorting = await startService(t, {
    ...settings,
    ...patient,
    DATABASE_URL: Object.assign(new URL(url), { username: 'sorter', password: 'sorter' }).href,
  })
  const sorted = ['/v1/topics', '/v1/attempts?format=csv']
  for (const path of sorted) t.equal((await sorting.get(path)).status, 200, path)

  await admin.query('checkpoint').catch(() => undefined)
  const ballast = join(folder, 'ballast')
  fill(ballast)
  const write = () =>
    admin.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
    select gen_random_uuid()::text, user_id, result_json, updated_at from exam_results, generate_series(1, 50)`)
  await t.rejects(write(), { code: '53100' }, 'the exam platform cannot write')
  for (const path of paths) {
    const { status, text } = await service.get(path)
    t.equal(status, 200, `${path}: ${text.slice(0, 200)}`)
  }
  t.strictSame((await service.get(paths[0] as string)).json()['data'], before, 'nothing was written by halves')

  for (const path of sorted)
    t.match((await sorting.get(path)).json(), { status: 503, code: 'database_unavailable' }, path)
  t.equal((await sorting.get('/health/live')).status, 200)

  // records that need no room but the log's
  await until(
    () =>
      admin.query(`select pg_logical_emit_message(false, 'drill', repeat('x', 1000000))`).then(
        () => false,
        () => true,
      ),
    'its log finds no room',
  )
  await until(
    async () => /refuses connections/.test(String((await service.get('/health/ready')).json()['reason'])),
    'it has stopped',
  )
  t.equal((await service.get('/v1/topics')).status, 503)
  t.match((await service.get('/schema-contract')).json(), { status: 'error' })
  t.equal((await service.get('/health/live')).status, 200)
  rmSync(ballast)
  await server.stop('immediate')
  await server.start()
  const started = Date.now()
  await until(async () => (await service.get('/v1/topics')).status === 200, 'it answers again')
  t.comment(`log without room: answers ${Date.now() - started} ms after the start`)
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready again')
  t.comment(`log without room: ready ${Date.now() - started} ms after the start`)
  t.strictSame((await service.get(paths[0] as string)).json()['data'], before)
  await until(async () => (await sorting.get('/v1/topics')).status === 200, 'what is sorted is answered again')
  sorting.signal('SIGTERM')
  t.equal(await sorting.exited, 0)
  await settles(t, admin)
})
