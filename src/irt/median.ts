/** The median of many integers without sorting them: linear in the worst case, and the values are not moved. */
import type { Pacer } from './pacer.js'

/** Below this number a sorted copy is faster than counting into 65,536 buckets. */
const few = 1 << 14

/**
 * The median of `values[from]` to before `values[to]`, all of them 0 or more, as `percentile_cont(0.5)` defines it: the
 * mean of the two in the middle if their number is even. Null without values.
 */
export async function median(values: Int32Array, from: number, to: number, pacer: Pacer): Promise<number | null> {
  const n = to - from
  if (n === 0) return null
  const lower = (n - 1) >>> 1
  const upper = n >>> 1
  if (n < few) {
    const sorted = values.slice(from, to).sort()
    return (sorted[lower]! + sorted[upper]!) / 2
  }
  const low = await ranked(values, from, to, lower, pacer)
  return lower === upper ? low : (low + (await ranked(values, from, to, upper, pacer))) / 2
}

/** The value that would stand at `rank` (from 0) if they were sorted: first its upper 16 bits, then its lower ones. */
async function ranked(values: Int32Array, from: number, to: number, rank: number, pacer: Pacer): Promise<number> {
  const counts = new Int32Array(1 << 16)
  let high = 0
  for (const pass of ['high', 'low'] as const) {
    counts.fill(0)
    for (let begin = from; begin < to; begin += 1 << 18) {
      const end = Math.min(begin + (1 << 18), to)
      if (pass === 'high') for (let at = begin; at < end; at++) counts[values[at]! >>> 16]!++
      else for (let at = begin; at < end; at++) if (values[at]! >>> 16 === high) counts[values[at]! & 0xffff]!++
      if (pacer.due()) await pacer.rest()
    }
    let bucket = 0
    while (rank >= counts[bucket]!) rank -= counts[bucket++]!
    if (pass === 'low') return (high << 16) | bucket
    high = bucket
  }
  throw new Error('not reached')
}
