/** What common estimators would refuse or suffer from, in words that say which students and items it is. */
import { strongComponents } from './components.js'
import type { ItemTotals } from './item-totals.js'
import type { Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'
import type { Component, ItemFlag, ItemReadiness, Problem, ProblemCode } from './types.js'

/** How many ids a problem names. */
const named = 5

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

function ids(all: readonly string[]): string {
  return `item_id ${all.slice(0, named).join(', ')}${all.length > named ? ` and ${all.length - named} more` : ''}`
}

export interface Found {
  matrix: ResponseMatrix
  kept: Kept
  /** By ascending item id; `order`: the same items by their numbers. */
  items: readonly ItemReadiness[]
  order: Int32Array
  components: { all: readonly Component[]; outside: readonly string[] }
  passed: ItemTotals
  tooFew: number
  tooEasy: number
  tooHard: number
}

/** In the order of `problemCodes`. */
export async function problemsOf(
  { matrix, kept, items, order, components, passed, tooFew, tooEasy, tooHard }: Found,
  pacer: Pacer,
): Promise<Problem[]> {
  const { responseCount, studentCount, itemCount } = kept
  const problems: Problem[] = []
  const found = (code: ProblemCode, severity: Problem['severity'], detail: string) =>
    problems.push({ code, severity, detail })
  const flagged = (...flags: ItemFlag[]) =>
    items.filter((item) => item.flags.some((flag) => flags.includes(flag))).map((item) => item.item_id)

  if (responseCount === 0) found('no_responses', 'refuses', 'No responses are left: there is nothing to fit.')
  else {
    if (itemCount === 1)
      found(
        'one_item',
        'refuses',
        `${ids(items.map((item) => item.item_id))} is the only item: one item alone has no scale.`,
      )
    const empty = items.filter((item) => item.n === 0).map((item) => item.item_id)
    if (empty.length > 0)
      found(
        'items_without_responses',
        'refuses',
        `${counted(empty.length, 'anchor')} kept without responses (${ids(empty)}): every student who responded was dropped.`,
      )
    const single = flagged('single_category')
    if (single.length > 0)
      found(
        'single_category_items',
        'refuses',
        `${counted(single.length, 'item')} with only right or only wrong responses (${ids(single)}): the difficulty has no finite maximum-likelihood estimate; mirt stops, eRm drops them.`,
      )
    if (components.all.length > 1)
      found(
        'disconnected',
        'refuses',
        `${components.all.length} groups of students and items that nothing joins, the largest with ${counted(components.all[0]!.items, 'item')} and ${counted(components.all[0]!.students, 'student')}; outside it are ${ids(components.outside)}: parameters of different groups are not on one scale.`,
      )

    const asked = Uint8Array.from(kept.items, (is, item) =>
      is === 1 && passed.right[item]! > 0 && passed.right[item]! < kept.itemResponses[item]! ? 1 : 0,
    )
    const strong = await strongComponents(matrix, kept, asked, passed.counts, pacer)
    const groups = new Set<number>()
    for (const item of order) if (asked[item] === 1) groups.add(passed.sets.root(item))
    // as many as there are disconnected groups anyway would say nothing new
    if (strong.sizes.length > groups.size) {
      const most = strong.sizes.reduce((most, size) => Math.max(most, size))
      // where several are equally large, the one with the least item id: numbers of components depend on the rows' order
      const largest =
        strong.component[order.find((item) => asked[item] === 1 && strong.sizes[strong.component[item]!] === most)!]
      const outside = [...order]
        .filter((item) => asked[item] === 1 && strong.component[item] !== largest)
        .map((item) => matrix.itemId(item))
      found(
        'ill_conditioned',
        'refuses',
        `${strong.sizes.length} groups of items between which right and wrong responses go one way only, the largest with ${counted(most, 'item')}; outside it are ${ids(outside)}: conditional and joint maximum likelihood have no finite estimates (Fischer 1981), eRm stops.`,
      )
    }

    const { oneItem, perfect, zero, repeated } = passed
    if (itemCount > 1 && oneItem > 0)
      found(
        'one_item_students',
        'refuses',
        `${counted(oneItem, 'student')} responded to one item only: they say nothing about differences between items; eRm stops (min_per_student=2 leaves them out).`,
      )
    if (perfect + zero > 0) {
      const every = perfect + zero === studentCount
      found(
        'extreme_students',
        every ? 'refuses' : 'suffers',
        `${counted(perfect, 'student')} with only right and ${zero} with only wrong responses${every ? ' (which is everybody, so that conditional maximum likelihood has nothing to condition on)' : ''}: their abilities have no finite maximum-likelihood estimate.`,
      )
    }
    if (repeated > 0)
      found(
        'repeated_responses',
        'suffers',
        `${counted(repeated, 'response')} beyond a student's first to an item: they are not independent given ability, and a matrix of students by items has one place for them (attempts=first).`,
      )
    const rare = flagged('too_few')
    if (rare.length > 0)
      found(
        'too_few_responses',
        'suffers',
        `${counted(rare.length, 'item')} with fewer than ${tooFew} responses (${ids(rare)}): standard errors will be large.`,
      )
    const extreme = flagged('too_easy', 'too_hard')
    if (extreme.length > 0)
      found(
        'extreme_items',
        'suffers',
        `${counted(extreme.length, 'item')} with a share correct above ${tooEasy} or below ${tooHard} (${ids(extreme)}): difficulty and above all discrimination are poorly determined.`,
      )
    const negative = flagged('negative_discrimination')
    if (negative.length > 0)
      found(
        'negative_discrimination',
        'suffers',
        `${counted(negative.length, 'item')} that better students solve less often (${ids(negative)}): often a wrong key; a Rasch model will misfit.`,
      )
  }
  return problems
}
