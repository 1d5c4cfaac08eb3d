/** A store of an older release: requests read the view, one log line says what to do, and the server counts as up. */
import t from 'tap'
import type { App } from '../../src/services.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { migrateDown, migrateUp } from '../../src/migrate/runner.js'
import { queueMigrations, storeMigrations } from '../../src/migrate/migration-sets.js'
import { queueIsCurrent, storeIsCurrent } from '../../src/store/schema-version.js'
import { createRefresher } from '../../src/store/refresher.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { parseMetrics, valueOf } from '../metrics/parse.js'
import { catchUp, enabled, shortIntervals } from '../helpers/store.js'
import { sleep, until } from '../helpers/until.js'

/** A scrape does not wait for its queries: the metrics as soon as this one is there and both servers have answered. */
const metricsWith = (app: App, name: string): Promise<ReturnType<typeof parseMetrics>> =>
  until(async () => {
    const metrics = parseMetrics((await app.inject('/metrics')).body)
    const up = ['primary', 'store'].every((server) => valueOf(metrics, 'attempt_database_up', { server }) === 1)
    return up && metrics.get(name)?.samples.length === 1 && metrics
  }, `both servers are up, and ${name} is known`)

t.test('the catalog shows whether the newest migration that the code needs was applied', async (t) => {
  const db = await createDatabase(t)
  const current = async () =>
    (await db.pool.query(`select ${queueIsCurrent} as queue, ${storeIsCurrent} as store`)).rows[0]
  await migrateUp(db.pool, queueMigrations)
  await migrateUp(db.pool, storeMigrations)
  t.strictSame(await current(), { queue: true, store: true })
  await migrateDown(db.pool, storeMigrations)
  t.strictSame(
    await current(),
    { queue: true, store: false },
    'name a newer migration of the store in schema-version.ts',
  )
  await migrateDown(db.pool, queueMigrations, { all: true })
  t.strictSame(await current(), { queue: false, store: false })
})

t.test('the store counts as absent until it is upgraded', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    values ('one', 'user-1', '{"questions": [{"question_id": 1, "is_correct": true, "topic": "t"}]}')`,
  )
  await enabled(db)
  await migrateDown(db.pool, storeMigrations)
  const app = await startApp(t, db.url, { storeLagS: 3600 })
  const daily = await app.inject('/v1/topics/daily?source=live')
  t.equal(daily.statusCode, 200)
  const answer = await app.inject('/v1/topics/daily')
  t.match([answer.statusCode, answer.headers['attempt-source']], [200, 'live'], answer.body)
  t.match((await app.inject('/v1/topics/daily?source=store')).json(), { code: 'store_unavailable' })

  const lines: string[] = []
  const log = (object: object, message: string) => {
    lines.push(`${message} ${String((object as { err?: Error }).err?.message ?? '')}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: db.url,
    log: { info: log, warn: log, error: log },
    intervals: shortIntervals,
  })
  void refresher.run()
  await until(() => lines.length > 0, 'the refresher logs why it does not work')
  // time for many more attempts
  await sleep(20 * shortIntervals.electionMs)
  t.equal(lines.length, 1, lines.join('\n'))
  t.match(lines[0], /schema of the store is from an older release\. Run attempt-api store upgrade/)
  await t.rejects(catchUp(db.url), /attempt-api store upgrade/, 'with once, the refresher does not retry')

  const up = { server: 'store' }
  const metrics = await metricsWith(app, 'attempt_store_refresher_present')
  t.equal(valueOf(metrics, 'attempt_database_up', up), 1, 'the server answers')
  t.equal(valueOf(metrics, 'attempt_store_refresher_present'), 0, 'so the alert NoActiveRefresher fires')

  await migrateUp(db.pool, storeMigrations)
  await until(
    () => lines.some((line) => line.includes('refreshing the store')),
    'after the upgrade, the refresher works by itself',
  ).finally(() => refresher.stop())
})

t.test('a query that fails for one role or lock does not mark the server as down', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  await db.pool.query('alter table attempt_queue rename column enqueued_at to since')
  const app = await startApp(t, db.url)
  const metrics = await metricsWith(app, 'attempt_store_stale_days')
  for (const server of ['primary', 'store']) t.equal(valueOf(metrics, 'attempt_database_up', { server }), 1, server)
  t.equal(metrics.get('attempt_store_queue_rows')?.samples.length, 0)
})
