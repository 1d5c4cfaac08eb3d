/** Metrics of the store, its queue, and the refresher of this process. */
import type { Config } from '../../config.js'
import { storeStates } from '../../relations.js'
import type { RefresherEvents } from '../../store/refresher.js'
import { lagOf } from '../../store/state.js'
import { queueCountLimit, type DatabaseFigures } from '../database-monitor.js'
import { queryBuckets, type MetricFactory } from './registry.js'

export interface StoreMetrics {
  /** The events of the refresher of this process. */
  refresher: RefresherEvents
  /** Sets the gauges. */
  update(figures: DatabaseFigures): void
}

export function createStoreMetrics(
  { counter, gauge, histogram }: MetricFactory,
  { storeLagS }: Pick<Config, 'storeLagS'>,
): StoreMetrics {
  const enabled = gauge('attempt_store_enabled', '1 if there is a store that this service may read')
  const stateIs = gauge('attempt_store_state', '1 for the state of the store', ['state'])
  const lag = gauge('attempt_store_lag_seconds', 'Lag of the store; absent while the store is not ready')
  const lagLimit = gauge('attempt_store_lag_limit_seconds', 'STORE_LAG_S: beyond it requests read the view')
  const version = gauge('attempt_store_version', 'Version of the last refresh that changed a row')
  const differences = counter(
    'attempt_store_differences_total',
    'Rows, and days of topic KPIs, that verification ever found different and repaired; the same from every replica',
  )
  const setAside = gauge(
    'attempt_store_set_aside_exams',
    'Exams whose attempts the store does not have, because the refresher could not take them',
  )
  const queueRows = gauge('attempt_store_queue_rows', `Exams in the queue, counted up to ${queueCountLimit}`)
  const queueOldest = gauge('attempt_store_queue_oldest_seconds', 'Time for which the oldest of them has waited')
  const staleDays = gauge(
    'attempt_store_stale_days',
    'UTC days whose topic KPIs are computed from the rows until the refresher has computed them again',
  )
  const present = gauge(
    'attempt_store_refresher_present',
    '1 if any process holds the advisory lock of the refresher in the database',
  )
  const active = gauge('attempt_store_refresher_active', '1 if this process is the active refresher')
  const batches = counter('attempt_store_batches_total', 'Batches that this process refreshed')
  const batchSeconds = histogram('attempt_store_batch_duration_seconds', 'Duration of a batch', queryBuckets)
  const rows = counter('attempt_store_rows_total', 'Rows of the store that this process wrote or deleted', ['change'])
  const exams = counter('attempt_store_exams_total', 'Changed exams that this process added to the store')
  const incomplete = counter(
    'attempt_store_queue_incomplete_total',
    'Times that this process found the queue incomplete and had the store filled again',
  )
  const samples = counter('attempt_store_samples_total', 'Samples of students that this process compared with the view')

  active.set(0)
  for (const change of ['written', 'deleted']) rows.inc({ change }, 0)

  return {
    refresher: {
      leads(isLeader) {
        active.set(isLeader ? 1 : 0)
      },
      refreshed({ exams: refreshed, students, written, deleted }, ms) {
        if (students === 0) return
        batches.inc()
        batchSeconds.observe(ms / 1000)
        rows.inc({ change: 'written' }, written)
        rows.inc({ change: 'deleted' }, deleted)
        exams.inc(refreshed)
      },
      incomplete() {
        incomplete.inc()
      },
      sampled() {
        samples.inc()
      },
    },
    update({ store, queue, staleDays: stale, refresherPresent }) {
      // removes unknown figures: a gauge without labels would report 0
      for (const metric of [enabled, lag, version, setAside, queueRows, queueOldest, staleDays, present])
        metric.remove()
      stateIs.reset()
      lagLimit.set(storeLagS)
      if (store !== undefined) enabled.set(store.state === undefined ? 0 : 1)
      if (store?.state !== undefined) {
        const { state } = store
        for (const name of storeStates) stateIs.set({ state: name }, state.state === name ? 1 : 0)
        const seconds = lagOf(store)
        if (state.state === 'ready' && Number.isFinite(seconds)) lag.set(seconds)
        version.set(Number(state.version))
        setAside.set(state.setAside)
        differences.reset()
        differences.inc(Number(state.differences))
      }
      if (refresherPresent !== undefined) present.set(refresherPresent ? 1 : 0)
      if (queue !== undefined) {
        queueRows.set(queue.rows)
        queueOldest.set(queue.oldestS ?? 0)
      }
      if (stale !== undefined) staleDays.set(stale)
    },
  }
}
