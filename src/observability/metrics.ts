/**
 * The metrics of one app, and their text for Prometheus. Every label has a bounded set of values: route templates, the
 * codes in src/errors.ts, the configured servers.
 */
import { Registry } from 'prom-client'
import type { Config } from '../config.js'
import { contractVersion } from '../contract/attempt-v1.js'
import type { Databases } from '../database/reader.js'
import type { Streams } from '../database/streams.js'
import type { ContractMonitor } from '../health/contract-monitor.js'
import type { RefresherEvents } from '../store/refresher.js'
import type { Sources } from '../store/sources.js'
import type { DatabaseMonitor } from './database-monitor.js'
import { createContractMetrics } from './metrics/contract.js'
import { createDatabaseMetrics, type DatabaseMetrics } from './metrics/database.js'
import { createHttpMetrics, type HttpMetrics } from './metrics/http.js'
import { createMetricFactory, processRegistry } from './metrics/registry.js'
import { createStoreMetrics } from './metrics/store.js'

/** The services that a scrape reads. */
export interface MeasuredServices {
  databases: Databases
  streams: Streams
  sources: Sources
  contract: ContractMonitor
  databaseMonitor: DatabaseMonitor
  limits: Pick<Config, 'storeLagS'>
}

export interface Metrics extends HttpMetrics, Pick<DatabaseMetrics, 'waited' | 'ran' | 'slow'> {
  /** The events of the refresher of this process. */
  refresher: RefresherEvents
  /** The text for Prometheus. Waits for the databases for 250 ms at most. */
  scrape(): Promise<string>
  /** Media type of the text. */
  readonly contentType: string
}

/** @param version of the service */
export function createMetrics(services: MeasuredServices, version: string): Metrics {
  const registry = new Registry()
  const factory = createMetricFactory(registry)
  factory
    .gauge('attempt_build_info', '1; the versions that run', ['version', 'node', 'contract'])
    .set({ version, node: process.version, contract: contractVersion }, 1)
  const http = createHttpMetrics(factory)
  const database = createDatabaseMetrics(factory, services)
  const store = createStoreMetrics(factory, services.limits)
  const contract = createContractMetrics(factory, services.contract)
  const all = Registry.merge([processRegistry(), registry])

  return {
    contentType: registry.contentType,
    route: http.route,
    ended: http.ended,
    waited: database.waited,
    ran: database.ran,
    slow: database.slow,
    refresher: store.refresher,
    async scrape() {
      const figures = await services.databaseMonitor.read()
      for (const part of [database, store, contract]) part.update(figures)
      return all.metrics()
    },
  }
}
