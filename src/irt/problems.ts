/** Data problems that would break or weaken a calibration: which items and students, what happens, what to do. */
import { strongComponents } from './components.js'
import { FirstIds } from './first-ids.js'
import type { ItemTotals } from './item-totals.js'
import type { Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'
import type { Component, ItemFlag, ItemReadiness, Problem, ProblemCode } from './types.js'

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

export interface ReadinessResult {
  matrix: ResponseMatrix
  kept: Kept
  /** By ascending item id. `order`: the same items by their numbers in the matrix. */
  items: Iterable<ItemReadiness>
  order: Int32Array
  /** `outside`: the items outside the largest component. */
  components: { all: readonly Component[]; outside: FirstIds }
  totals: ItemTotals
  tooFew: number
  tooEasy: number
  tooHard: number
}

/** The problems, in the order of `problemCodes`. */
export async function problemsOf(result: ReadinessResult, pacer: Pacer): Promise<Problem[]> {
  const { kept, items, components, totals, tooFew, tooEasy, tooHard } = result
  if (kept.responseCount === 0)
    return [
      {
        code: 'no_responses',
        severity: 'refuses',
        detail:
          'No responses are left: there is nothing to fit. ' +
          'Widen the filters, or lower min_per_item and min_per_student.',
      },
    ]

  const problems: Problem[] = []
  const add = (code: ProblemCode, severity: Problem['severity'], ...detail: string[]) =>
    problems.push({ code, severity, detail: detail.join(' ') })
  const { all, empty, single, rare, extreme, negative } = await flaggedItems(items, pacer)

  if (kept.itemCount === 1)
    add(
      'one_item',
      'refuses',
      `${all} is the only item, and one item has no scale.`,
      'Add items: widen the filters, or lower min_per_item.',
    )
  if (empty.length > 0)
    add(
      'items_without_responses',
      'refuses',
      `${counted(empty.length, 'anchor')} without responses (${empty}): every student who responded is excluded.`,
      'Lower min_per_student, or leave these anchors out.',
    )
  if (single.length > 0)
    add(
      'single_category_items',
      'refuses',
      `${counted(single.length, 'item')} with only correct or only incorrect responses (${single}):`,
      'the difficulty has no finite maximum-likelihood estimate; mirt stops, and eRm drops the item.',
      'Remove these items before the fit.',
    )
  const [largest] = components.all
  if (largest !== undefined && components.all.length > 1)
    add(
      'disconnected',
      'refuses',
      `${components.all.length} groups of students and items that no response connects, the largest with`,
      `${counted(largest.items, 'item')} and ${counted(largest.students, 'student')};`,
      `outside it are ${components.outside}: parameters of different groups are not on one scale.`,
      'Calibrate each group by itself, or add students who answered items of several groups.',
    )
  const groups = await illConditioned(result, pacer)
  if (groups !== undefined)
    add(
      'ill_conditioned',
      'refuses',
      `${groups.count} groups of items between which correct and incorrect responses go in one direction only,`,
      `the largest with ${counted(groups.largest, 'item')}; outside it are ${groups.outside}:`,
      'conditional and joint maximum likelihood have no finite estimates (Fischer 1981), and eRm stops.',
      'Remove the items outside the largest group, or use marginal maximum likelihood.',
    )
  const { oneItem, perfect, zero, repeated } = totals
  if (kept.itemCount > 1 && oneItem > 0)
    add(
      'one_item_students',
      'refuses',
      `${counted(oneItem, 'student')} with responses to one item only: they give no information on differences between`,
      'items, and eRm stops. Exclude them with min_per_student=2.',
    )
  if (perfect + zero > 0) {
    const all = perfect + zero === kept.studentCount
    add(
      'extreme_students',
      all ? 'refuses' : 'suffers',
      `${counted(perfect, 'student')} with only correct and ${zero} with only incorrect responses${
        all ? ' (all students, so conditional maximum likelihood has no data left)' : ''
      }:`,
      'their abilities have no finite maximum-likelihood estimate. Use EAP or MAP for abilities, or exclude them.',
    )
  }
  if (repeated > 0)
    add(
      'repeated_responses',
      'suffers',
      `${counted(repeated, 'response')} of a student to an item after the first: they are not independent given`,
      'ability, and a matrix of students by items has one place for them. Use attempts=first.',
    )
  if (rare.length > 0)
    add(
      'too_few_responses',
      'suffers',
      `${counted(rare.length, 'item')} with fewer than ${tooFew} responses (${rare}):`,
      `standard errors will be large. Exclude them with min_per_item=${tooFew}, or collect more responses.`,
    )
  if (extreme.length > 0)
    add(
      'extreme_items',
      'suffers',
      `${counted(extreme.length, 'item')} with a share correct above ${tooEasy} or below ${tooHard} (${extreme}):`,
      'difficulty, and above all discrimination, is poorly determined.',
      'Check whether these items suit the students, or fix their discrimination.',
    )
  if (negative.length > 0)
    add(
      'negative_discrimination',
      'suffers',
      `${counted(negative.length, 'item')} that better students answer correctly less often (${negative}):`,
      'often the answer key is wrong, and a Rasch model will misfit. Check the key of these items.',
    )
  return problems
}

/** The items of each problem of single items, from one pass over the statistics. */
async function flaggedItems(items: Iterable<ItemReadiness>, pacer: Pacer) {
  const found = {
    all: new FirstIds(),
    empty: new FirstIds(),
    single: new FirstIds(),
    rare: new FirstIds(),
    extreme: new FirstIds(),
    negative: new FirstIds(),
  }
  for (const { item_id: id, n, flags } of items) {
    const has = (flag: ItemFlag) => flags.includes(flag)
    found.all.add(id)
    if (n === 0) found.empty.add(id)
    if (has('single_category')) found.single.add(id)
    if (has('too_few')) found.rare.add(id)
    if (has('too_easy') || has('too_hard')) found.extreme.add(id)
    if (has('negative_discrimination')) found.negative.add(id)
    if (pacer.due()) await pacer.rest()
  }
  return found
}

/** Groups of items that only an infinite difference of difficulty would separate; undefined without any. */
async function illConditioned(
  { matrix, kept, order, totals }: ReadinessResult,
  pacer: Pacer,
): Promise<{ count: number; largest: number; outside: FirstIds } | undefined> {
  // an item with one category is a problem of its own
  const included = Uint8Array.from(kept.items, (is, item) =>
    is === 1 && totals.right[item]! > 0 && totals.right[item]! < kept.itemResponses[item]! ? 1 : 0,
  )
  const { sizes, component } = await strongComponents(matrix, kept, included, totals.counts, pacer)
  const connected = new Set<number>()
  for (const item of order) if (included[item] === 1) connected.add(totals.sets.root(item))
  // no more groups than there are disconnected ones: nothing to report beyond those
  if (sizes.length <= connected.size) return undefined
  const largest = sizes.reduce((most, size) => Math.max(most, size))
  // of equally large ones that with the least item id: numbers of components depend on the order of the rows
  const first = order.find((item) => included[item] === 1 && sizes[component[item]!] === largest)!
  const outside = new FirstIds()
  for (const item of order)
    if (included[item] === 1 && component[item] !== component[first]) outside.add(matrix.itemId(item))
  return { count: sizes.length, largest, outside }
}
