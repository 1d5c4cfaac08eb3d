/** Long computations in slices: between two of them the event loop serves everybody else. */
import { setImmediate } from 'node:timers/promises'
import type { ResponseMatrix } from './response-matrix.js'

/** How long others wait at most, apart from the slice that is running; in ms. */
const patience = 10

/** One a computation. Whoever loops asks `due()` every few thousand steps and awaits `rest()` where it says so. */
export class Pacer {
  private since = performance.now()
  constructor(private readonly signal?: AbortSignal) {}

  due(): boolean {
    return performance.now() - this.since > patience
  }

  /** Lets timers and sockets have their turn; throws the signal's reason where it was aborted. */
  async rest(): Promise<void> {
    await setImmediate()
    this.signal?.throwIfAborted()
    this.since = performance.now()
  }
}

/** A slice: some milliseconds, so that the clock is asked rarely and `patience` is hardly exceeded. */
const slice = 1 << 15

/**
 * Runs `work` over all students, `from` to before `to` at a time, and rests in between.
 * The loops stay in `work`, a plain function: engines optimize those better than loops with an await inside.
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
