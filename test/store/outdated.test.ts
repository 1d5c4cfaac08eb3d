/** A store that an older version left: answers come through the view, one line says what to do, and nobody is woken for the server. */
import t from 'tap'
import type { App } from '../../src/services.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateDown, migrateUp } from '../../src/migrate/runner.js'
import { queueMigrations, storeMigrations } from '../../src/migrate/migration-sets.js'
import { queueIsCurrent, storeIsCurrent } from '../../src/store/current.js'
import { createRefresher } from '../../src/store/refresher.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { parseMetrics, valueOf } from '../metrics/parse.js'
import { catchUp, enabled } from '../helpers/store.js'

/** A scrape does not wait for its questions: the metrics as soon as this one is there and the servers were heard. */
async function metricsWith(app: App, name: string): Promise<ReturnType<typeof parseMetrics>> {
  for (const end = Date.now() + 60_000; ;) {
    const metrics = parseMetrics((await app.inject('/metrics')).body)
    const heard = ['primary', 'store'].every((server) => valueOf(metrics, 'attempt_database_up', { server }) === 1)
    if ((heard && metrics.get(name)?.samples.length === 1) || Date.now() > end) return metrics
    await new Promise((again) => setTimeout(again, 100))
  }
}

t.test('the newest migration of each set that the code needs is told by the catalog', async (t) => {
  const db = await createDatabase(t)
  const current = async () =>
    (await db.pool.query(`select ${queueIsCurrent} as queue, ${storeIsCurrent} as store`)).rows[0]
  await migrateUp(db.pool, queueMigrations)
  await migrateUp(db.pool, storeMigrations)
  t.strictSame(await current(), { queue: true, store: true })
  // without the index on sessions a store is slower, and still one
  await migrateDown(db.pool, storeMigrations)
  t.strictSame(await current(), { queue: true, store: true })
  await migrateDown(db.pool, storeMigrations)
  t.strictSame(
    await current(),
    { queue: true, store: false },
    'a newer migration of the store is to be named in current.ts',
  )
  await migrateDown(db.pool, queueMigrations, { all: true })
  t.strictSame(await current(), { queue: false, store: false })
})

t.test('counts as absent until it is brought up to date', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json) values ('one', 'somebody', '{"questions": [{"question_id": 1, "is_correct": true, "topic": "t"}]}')`,
  )
  await enabled(db)
  for (let step = 0; step < 2; step++) await migrateDown(db.pool, storeMigrations)
  const app = await startApp(t, db.url, { storeLagS: 3600 })
  const daily = await app.inject('/v1/topics/daily?source=live')
  t.equal(daily.statusCode, 200)
  const answer = await app.inject('/v1/topics/daily')
  t.match([answer.statusCode, answer.headers['attempt-source']], [200, 'live'], answer.body)
  t.match((await app.inject('/v1/topics/daily?source=store')).json(), { code: 'store_unavailable' })

  const lines: string[] = []
  const told = (object: object, message: string) => {
    lines.push(`${message} ${String((object as { err?: Error }).err?.message ?? '')}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: db.url,
    log: { info: told, warn: told, error: told },
  })
  void refresher.run()
  for (const end = Date.now() + 60_000; lines.length === 0 && Date.now() < end;)
    await new Promise((again) => setTimeout(again, 50))
  // it looks again every second
  await new Promise((done) => setTimeout(done, 2_500))
  t.equal(lines.length, 1, lines.join('\n'))
  t.match(lines[0], /The store is of an older version, .*attempt-api store upgrade/)
  await t.rejects(catchUp(db.url), /attempt-api store upgrade/, 'who is to end does not try for ever')

  const up = { server: 'store' }
  const metrics = await metricsWith(app, 'attempt_store_refresher_present')
  t.equal(valueOf(metrics, 'attempt_database_up', up), 1, 'the server answers')
  t.equal(valueOf(metrics, 'attempt_store_refresher_present'), 0, 'so that NoActiveRefresher comes')

  await migrateUp(db.pool, storeMigrations)
  for (
    const end = Date.now() + 60_000;
    !lines.some((line) => line.includes('refreshing the store')) && Date.now() < end;
  )
    await new Promise((again) => setTimeout(again, 50))
  await refresher.stop()
  t.ok(
    lines.some((line) => line.includes('refreshing the store')),
    'goes on by itself',
  )
})

t.test('a question that one role or lock spoils says nothing of the server', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  await db.pool.query('alter table attempt_queue rename column enqueued_at to since')
  const app = await startApp(t, db.url)
  const metrics = await metricsWith(app, 'attempt_store_stale_days')
  for (const server of ['primary', 'store']) t.equal(valueOf(metrics, 'attempt_database_up', { server }), 1, server)
  t.equal(metrics.get('attempt_store_queue_rows')?.samples.length, 0)
})
