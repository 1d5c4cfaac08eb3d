/** What a busy machine adds to a time that a test measures. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The greatest delay of a timer since the call, twice, in ms: what this machine adds to every wait. */
export function lateness(t: { teardown(action: () => unknown): unknown }): () => number {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  t.teardown(() => {
    delay.disable()
  })
  return () => (2 * delay.max) / 1e6
}
