/**
 * Readiness of responses for a model: classical item statistics, the connections between students and items, and the
 * data problems that would break or weaken a calibration.
 */
import { FirstIds } from './first-ids.js'
import { medianTimes, itemTotals, type ItemTotals } from './item-totals.js'
import { Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import { problemsOf } from './problems.js'
import type { ResponseMatrix } from './response-matrix.js'
import type { Component, IrtReadiness, ItemFlag, ItemReadiness, ReadinessOptions } from './types.js'

/** Components that are listed. */
const listed = 20

/**
 * Readiness of the kept part of a matrix.
 *
 * The corrected point-biserial is the item-rest correlation: the item is left out of the score, or it would correlate
 * with itself (S. Henrysson, Correction of item-total correlations in item analysis, Psychometrika 28, 1963, 211-218;
 * Crocker & Algina 1986 and Nunnally & Bernstein 1994 call it corrected item-total correlation). The textbooks leave
 * open what the rest is if students answer different items. Here: over the students with a response to the item and
 * to another kept item, Pearson's correlation of the response (1 or 0) with the share correct of the student's other
 * responses. On complete data the share is the rest score over a constant, and the correlation is the textbooks'.
 * R's `multilevel::item.total` takes the mean of the other items as well; `mirt::itemstats` takes their sum over the
 * answered items, which on incomplete data also measures how many a student answered; `psych::alpha` composes r.drop
 * of pairwise covariances. All agree on complete data.
 *
 * If a student responded to the item repeatedly, their share correct replaces the response, and all their
 * responses to it are left out of the rest: a student is one point, and no item is correlated with itself.
 * Null with fewer than 3 students, or without variance on either side.
 *
 * @throws Error if the matrix does not keep times
 * @throws the reason of an aborted signal
 */
export async function readiness(
  matrix: ResponseMatrix,
  kept: Kept,
  options: ReadinessOptions = {},
): Promise<IrtReadiness> {
  if (!matrix.timed) throw new Error('readiness needs a matrix that keeps times')
  const { tooFew = 30, tooEasy = 0.95, tooHard = 0.05 } = options
  const pacer = new Pacer(options.signal)
  const order = matrix.itemOrder().filter((item) => kept.items[item] === 1)

  const totals = await itemTotals(matrix, kept, pacer)
  const medians = await medianTimes(matrix, kept, totals.timed, pacer)

  const statisticsOf = (item: number): ItemReadiness => {
    const n = kept.itemResponses[item]!
    const p = n === 0 ? null : totals.right[item]! / n
    const r = totals.correlations.of(item)
    const flags: ItemFlag[] = []
    if (p === 0 || p === 1) flags.push('single_category')
    if (n < tooFew) flags.push('too_few')
    if (p !== null && p > tooEasy) flags.push('too_easy')
    if (p !== null && p < tooHard) flags.push('too_hard')
    if (r !== null && r < 0) flags.push('negative_discrimination')
    return { item_id: matrix.itemId(item), n, p, point_biserial: r, median_time_ms: medians[item] ?? null, flags }
  }
  const items: Iterable<ItemReadiness> = {
    *[Symbol.iterator]() {
      for (const item of order) yield statisticsOf(item)
    },
  }

  const components = componentsOf(matrix, kept, order, totals)
  const { responseCount, studentCount, itemCount } = kept
  const problems = await problemsOf({ matrix, kept, items, order, components, totals, tooFew, tooEasy, tooHard }, pacer)

  return {
    responses: responseCount,
    students: studentCount,
    items: itemCount,
    density: studentCount * itemCount === 0 ? null : responseCount / (studentCount * itemCount),
    repeated_responses: totals.repeated,
    perfect_scores: totals.perfect,
    zero_scores: totals.zero,
    components: components.all.length,
    largest_components: components.all.slice(0, listed),
    problems,
    item_statistics: items,
  }
}

/** All components by descending students, items and responses; and the items outside the first. */
function componentsOf(
  matrix: ResponseMatrix,
  kept: Kept,
  order: Int32Array,
  { sets, firsts }: ItemTotals,
): { all: Component[]; outside: FirstIds } {
  const byRoot = new Map<number, Component>()
  for (const item of order) {
    const root = sets.root(item)
    let component = byRoot.get(root)
    if (component === undefined) byRoot.set(root, (component = { students: 0, items: 0, responses: 0 }))
    component.students += firsts[item]!
    component.items++
    component.responses += kept.itemResponses[item]!
  }
  const all = [...byRoot.values()].sort(
    (one, other) => other.students - one.students || other.items - one.items || other.responses - one.responses,
  )
  const outside = new FirstIds()
  for (const item of order) if (byRoot.get(sets.root(item)) !== all[0]) outside.add(matrix.itemId(item))
  return { all, outside }
}
