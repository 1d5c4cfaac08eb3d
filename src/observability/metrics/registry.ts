/** Creates metrics in a registry, and the metrics of the process, which all registries share. */
import { performance } from 'node:perf_hooks'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricFactory {
  counter<Label extends string>(name: string, help: string, labelNames?: Label[]): Counter<Label>
  gauge<Label extends string>(name: string, help: string, labelNames?: Label[]): Gauge<Label>
  histogram<Label extends string>(name: string, help: string, buckets: number[], labelNames?: Label[]): Histogram<Label>
}

export const createMetricFactory = (registry: Registry): MetricFactory => ({
  counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers: [registry] }),
  gauge: (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers: [registry] }),
  histogram: (name, help, buckets, labelNames = []) =>
    new Histogram({ name, help, labelNames, buckets, registers: [registry] }),
})

/** Upper bounds of the buckets of statements and batches, in seconds. */
export const queryBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

let ofProcess: Registry | undefined

/** Metrics of memory, CPU, event loop and garbage collection. One per process: their observers cannot be removed. */
export function processRegistry(): Registry {
  if (ofProcess !== undefined) return ofProcess
  ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess })
  const seconds = new Counter({
    name: 'attempt_event_loop_seconds_total',
    help: 'Time that the event loop worked (active) or waited (idle)',
    labelNames: ['state'],
    registers: [ofProcess],
    collect() {
      const { active, idle } = performance.eventLoopUtilization()
      this.reset()
      this.inc({ state: 'active' }, active / 1000)
      this.inc({ state: 'idle' }, idle / 1000)
    },
  })
  void seconds
  return ofProcess
}
