/** One service process lives through a server that is stopped, killed, recovering, out of connections and locked. */
import pg from 'pg'
import t from 'tap'
import { drill, type Measured, prepare, settings, settles, steadyPool } from '../helpers/drill.js'
import { ownServer } from '../helpers/server.js'
import { residentMb, startService } from '../helpers/service.js'
import { sleep, until } from '../helpers/until.js'

t.test('the process survives every outage of its database', async (t) => {
  const server = await ownServer(t, 'max_connections=30', 'superuser_reserved_connections=3')
  const url = await prepare(server.url, { store: true })
  const admin = steadyPool(t, server.url)
  const service = await startService(t, { ...settings, DATABASE_URL: url })
  const refreshed = async () => (await service.get('/v1/attempts?limit=1')).headers.get('attempt-source') === 'store'
  await until(async () => (await service.get('/health/ready')).status === 200, 'it is ready')
  await until(refreshed, 'the store is filled')
  const [handles, mb] = [service.handles(), residentMb(service.pid)]
  const table: Measured[] = []

  // nothing listens: refused at once
  for (const mode of ['fast', 'killed'] as const) {
    table.push(
      await drill(t, service, {
        name: mode === 'fast' ? 'restarted' : 'crashed (SIGKILL) and recovered',
        begin: () => server.stop(mode),
        end: () => server.start(),
        reason: /refuses connections/,
        noticedMs: 500,
        knownMs: 500,
      }),
    )
  }
  table.push(
    await drill(t, service, {
      name: 'recovering (57P03)',
      async begin() {
        await server.stop('fast')
        await server.start('recovering')
      },
      end: async () => {
        server.promote()
      },
      reason: /starting up, recovering or shutting down/,
      noticedMs: 500,
      knownMs: 500,
    }),
  )

  const others: pg.Client[] = []
  const take = async () => {
    for (;;) {
      const client = new pg.Client(url)
      client.on('error', () => undefined)
      try {
        await client.connect()
      } catch {
        return
      }
      others.push(client)
    }
  }
  table.push(
    await drill(t, service, {
      name: 'out of connections (53300)',
      async begin() {
        for (;;) {
          await take()
          // every place is ours: a session of the service that only begins takes one and is not listed yet
          const {
            rows: [ours],
          } = await admin.query<{ n: number }>(
            `select count(*)::integer as n from pg_stat_activity
            where backend_type = 'client backend' and usename = 'postgres'`,
          )
          if (others.length + (ours?.n ?? 0) === 30 - 3) return
          await admin.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'attempt-api%'`,
          )
          await sleep(20)
        }
      },
      end: () => Promise.all(others.splice(0).map((client) => client.end())),
      reason: /no free connection/,
      noticedMs: 500,
      knownMs: 500,
    }),
  )

  const terminate = `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'drill'`
  table.push(
    await drill(t, service, {
      name: 'database gone (3D000), and there again',
      async begin() {
        await admin.query('alter database drill allow_connections false')
        await until(async () => (await admin.query(terminate)).rowCount === 0, 'no session is connected')
        await admin.query('alter database drill rename to away')
      },
      async end() {
        await admin.query('alter database away rename to drill')
        await admin.query('alter database drill allow_connections true')
      },
      reason: /the database does not exist/,
      noticedMs: 500,
      knownMs: 500,
    }),
  )

  // DDL that lasts: health reads none of the locked tables and stays ready
  const ddl = steadyPool(t, url)
  const locker = await ddl.connect()
  t.teardown(() => {
    locker.release(true)
  })
  table.push(
    await drill(t, service, {
      name: 'locked by DDL (every statement waits)',
      begin: () =>
        locker.query(
          'begin; lock table attempt_numbered, attempt_materialized, attempt_topic_day in access exclusive mode',
        ),
      end: () => locker.query('rollback'),
      status: 504,
      noticedMs: 5_000,
      knownMs: 5_000,
      paths: ['/v1/attempts?user_id=student-1&limit=5', '/v1/topics', '/v1/students?limit=3', '/v1/items?limit=3'],
    }),
  )

  // the refresher has recovered as well
  await ddl.query(
    `insert into exam_results (session_id, user_id, result_json)
    values ('after', 'after', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
  )
  await until(
    async () =>
      ((await service.get('/v1/attempts?user_id=after&source=store')).json()['data'] as unknown[] | undefined)
        ?.length === 1,
    'the store is refreshed again',
  )
  await settles(t, admin)
  // connections of the last requests close a moment later
  if (handles !== undefined)
    await until(() => (service.handles() as number) <= handles + 12, `${handles} handles, then ${service.handles()}`)
  t.comment(
    `${handles} handles before, ${service.handles()} after; ` +
      `${Math.round(mb ?? 0)} MB before, ${Math.round(residentMb(service.pid) ?? 0)} after`,
  )
  service.signal('SIGTERM')
  t.equal(await service.exited, 0)
  t.comment(table.map((row) => Object.values(row).join(' | ')).join('\n'))
})
