/** The primary dies, its address leads to the standby, and the standby becomes the primary. */
import pg from 'pg'
import t from 'tap'
import { platform } from 'node:os'
import { drill, prepare, settings, settles, steadyPool } from '../helpers/drill.js'
import { startProxy } from '../helpers/proxy.js'
import { startService } from '../helpers/service.js'
import { startReplicated } from '../helpers/standby.js'
import { until } from '../helpers/until.js'

t.test(
  'reads continue as soon as the address leads to a standby; the refresher waits until it is promoted',
  { skip: platform() === 'win32' ? 'the folder is copied with cp' : false },
  async (t) => {
    const servers = await startReplicated(t)
    const url = await prepare(servers.primary, { store: true })
    const proxy = await startProxy(t, url)
    const service = await startService(t, { ...settings, DATABASE_URL: proxy.url })
    const version = async () => (await service.get('/v1/attempts?limit=1&source=store')).headers.get('attempt-version')
    await until(async () => (await version()) !== null, 'the store is filled')
    await servers.caughtUp()

    const standby = new URL(url)
    standby.port = new URL(servers.standby).port
    await drill(t, service, {
      name: 'failed over (address led to the standby)',
      begin: () => servers.killPrimary(),
      async end() {
        proxy.target = standby.href
      },
      reason: /the database closed the connection/,
      noticedMs: 500,
      knownMs: 500,
    })
    t.equal((await service.get('/health/ready')).status, 200)
    const admin = steadyPool(t, servers.standby)
    t.equal(
      (await admin.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')).rows[0]?.recovering,
      true,
      'and it is a standby still',
    )
    // logged once a minute while it retries
    await until(() => service.log.some((line) => /the store could not be refreshed/.test(line)), 'the refresher fails')
    const before = await version()

    const promoted = Date.now()
    await admin.query('select pg_promote()')
    const writer = new pg.Client(standby.href)
    await writer.connect()
    await writer.query(
      `insert into exam_results (session_id, user_id, result_json)
    values ('after', 'after', '{"questions": [{"question_id": 1, "is_correct": true}]}')`,
    )
    await writer.end()
    await until(
      async () =>
        ((await service.get('/v1/attempts?user_id=after&source=store')).json()['data'] as unknown[] | undefined)
          ?.length === 1,
      'the store is refreshed again',
    )
    t.comment(`the store has what was written ${Date.now() - promoted} ms after the promotion began`)
    await until(async () => BigInt((await version()) ?? 0) > BigInt(before ?? 0), 'its version grows')
    await settles(t, admin)
  },
)
