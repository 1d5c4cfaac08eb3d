/** A scrape does not wait for an unresponsive database: it reports the last values, and that the database is down. */
import t from 'tap'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'
import { startProxy } from '../helpers/proxy.js'
import { enabled } from '../helpers/store.js'
import { until } from '../helpers/until.js'
import { parseMetrics, valueOf } from './parse.js'

t.test('figures of a database that fell silent', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json) values ('one', 'somebody', '{"questions": []}')`,
  )
  await db.pool.query(
    `insert into attempt_day (date, version, stale)
    values ('2025-01-01', 1, true), ('2025-01-02', 1, true), ('2025-01-03', 1, false)`,
  )
  const proxy = await startProxy(t, db.url)
  const app = await startApp(t, proxy.url)
  const scrape = async () => {
    const began = performance.now()
    const response = await app.inject('/metrics')
    t.equal(response.statusCode, 200)
    return { metrics: parseMetrics(response.body), ms: performance.now() - began, text: response.body }
  }
  const up = ({ metrics }: Awaited<ReturnType<typeof scrape>>) =>
    ['primary', 'store'].map((server) => valueOf(metrics, 'attempt_database_up', { server })).join()
  // the first ones may be given before the answers, which come one after another
  let known = await scrape()
  await until(async () => {
    known = await scrape()
    return (
      up(known) === '1,1' &&
      ['queue_rows', 'stale_days', 'lag_seconds'].every(
        (name) => !Number.isNaN(valueOf(known.metrics, `attempt_store_${name}`)),
      )
    )
  }, 'everything is known')
  t.equal(valueOf(known.metrics, 'attempt_store_queue_rows'), 1)
  t.equal(valueOf(known.metrics, 'attempt_store_stale_days'), 2)
  const lag = valueOf(known.metrics, 'attempt_store_lag_seconds')
  t.equal(lag >= 0, true)

  proxy.silent = true
  const took: number[] = []
  let last = await scrape()
  await until(async () => {
    took.push(last.ms)
    last = await scrape()
    return up(last) === '0,0'
  }, 'both databases are reported as down')
  // one of them may have met a busy moment of this machine; a question takes 2 s to be given up
  const usual = took.sort((one, other) => one - other)[Math.floor(took.length / 2)] as number
  t.ok(usual < 1_500, `${Math.round(usual)} ms, of ${took.length}`)
  t.equal(valueOf(last.metrics, 'attempt_store_queue_rows'), 1, 'what was known last')
  t.equal(valueOf(last.metrics, 'attempt_store_lag_seconds') > lag, true, 'which grows older')
  t.notMatch(last.text, /postgres:\/\/|password/)

  proxy.silent = false
  proxy.cut()
  await until(async () => up(await scrape()) === '1,1', 'it is back')
})

t.test('without a store no store metric has a value', async (t) => {
  const db = await createDatabase(t)
  const app = await startApp(t, db.url)
  let metrics = parseMetrics((await app.inject('/metrics')).body)
  await until(async () => {
    metrics = parseMetrics((await app.inject('/metrics')).body)
    return metrics.get('attempt_store_enabled')?.samples.length === 1
  }, 'whether there is a store is known')
  t.equal(valueOf(metrics, 'attempt_store_enabled'), 0)
  for (const name of [
    'attempt_store_lag_seconds',
    'attempt_store_queue_rows',
    'attempt_store_stale_days',
    'attempt_store_refresher_present',
    'attempt_store_state',
    'attempt_contract_checked_timestamp_seconds',
  ])
    t.equal(metrics.get(name)?.samples.length, 0, name)
})
