/** Long computations in slices, between which the event loop serves other requests. */
import { setImmediate } from 'node:timers/promises'
import type { ResponseMatrix } from './response-matrix.js'

/** The longest time between two rests, apart from the running slice; milliseconds. */
const patienceMs = 10

/** One per computation. A loop calls `due()` every few thousand steps, and awaits `rest()` if it is true. */
export class Pacer {
  private since = performance.now()
  constructor(private readonly signal?: AbortSignal) {}

  due(): boolean {
    return performance.now() - this.since > patienceMs
  }

  /** Lets timers and sockets run. @throws the reason of an aborted signal */
  async rest(): Promise<void> {
    await setImmediate()
    this.signal?.throwIfAborted()
    this.since = performance.now()
  }
}

/** Responses of a slice: some milliseconds, so the clock is read rarely and `patienceMs` is hardly exceeded. */
const slice = 1 << 15

/**
 * Runs `work` over all students, `from` to before `to` at a time, and rests in between. The loops are in `work`, a
 * plain function, because engines optimise them better than loops with an await inside.
 */
export async function overStudents(
  matrix: ResponseMatrix,
  pacer: Pacer,
  work: (from: number, to: number) => void,
): Promise<void> {
  let from = 0
  while (from < matrix.students) {
    let to = from + 1
    const first = matrix.begin(from)
    while (to < matrix.students && matrix.end(to) - first <= slice) to++
    work(from, to)
    from = to
    if (pacer.due()) await pacer.rest()
  }
}
