/** Metrics of the last contract check, and of anomalies in the newest exams. */
import type { ContractMonitor } from '../../health/contract-monitor.js'
import { reasons } from '../../queries/anomalies.js'
import type { DatabaseFigures } from '../database-monitor.js'
import type { MetricFactory } from './registry.js'

export interface ContractMetrics {
  /** Sets the gauges. */
  update(figures: DatabaseFigures): void
}

const statuses = ['pass', 'fail', 'error', 'unknown'] as const

export function createContractMetrics({ gauge }: MetricFactory, contract: ContractMonitor): ContractMetrics {
  const status = gauge('attempt_contract_status', '1 for the result of the last contract check', ['status'])
  const checkedAt = gauge('attempt_contract_checked_timestamp_seconds', 'Time of the last contract check')
  const seconds = gauge('attempt_contract_check_seconds', 'Duration of the last contract check')
  const anomalies = gauge('attempt_anomalies', 'Rows of attempt_anomaly in the exams of attempt_anomaly_exams', [
    'reason',
  ])
  const exams = gauge(
    'attempt_anomaly_exams',
    'Exams in which anomalies were counted: the newest of the last day, at most 2000',
  )
  const countedAt = gauge('attempt_anomalies_counted_timestamp_seconds', 'Time of the last count of anomalies')

  return {
    update({ anomalies: counted }) {
      // removes unknown figures: a gauge without labels would report 0
      for (const metric of [checkedAt, seconds, exams, countedAt]) metric.remove()
      const last = contract.last()
      const current = last?.report.status ?? 'unknown'
      for (const name of statuses) status.set({ status: name }, name === current ? 1 : 0)
      if (last !== undefined) {
        checkedAt.set(last.at.getTime() / 1000)
        seconds.set(last.ms / 1000)
      }
      if (counted === undefined) return
      for (const reason of reasons) anomalies.set({ reason }, counted.byReason.get(reason) ?? 0)
      exams.set(counted.exams)
      countedAt.set(counted.at / 1000)
    },
  }
}
