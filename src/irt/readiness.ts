/**
 * What can be known of responses before a model is fitted to them: classical item statistics, how students and items
 * hang together, and what common estimators would refuse or suffer from.
 */
import { begun } from './by-item.js'
import { DisjointSets, strongComponents } from './components.js'
import { median } from './median.js'
import { overStudents, Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'

export interface ReadinessOptions {
  /** Fewer responses to an item are flagged `too_few`; default 30. */
  tooFew?: number
  /** A greater share correct is flagged `too_easy`; default 0.95. */
  tooEasy?: number
  /** A smaller share correct is flagged `too_hard`; default 0.05. */
  tooHard?: number
  signal?: AbortSignal
}

export const itemFlags = ['single_category', 'too_few', 'too_easy', 'too_hard', 'negative_discrimination'] as const
export type ItemFlag = typeof itemFlags[number]

export interface ItemReadiness {
  item_id: string
  /** Kept responses. */
  n: number
  /** Share correct; null for an anchor without responses. */
  p: number | null
  /** Corrected point-biserial; see `readiness`. */
  point_biserial: number | null
  /** Median of the recorded response times in ms; null where none is recorded. */
  median_time_ms: number | null
  flags: ItemFlag[]
}

export interface Component { students: number; items: number; responses: number }

/** Every code of a problem and what it means; `refuses`: a common estimator stops or has no finite estimate. */
export const problemCodes = {
  no_responses: 'There is nothing to fit',
  one_item: 'One item alone has no scale',
  items_without_responses: 'Anchors that are kept, but to which no kept student responded',
  single_category_items: 'Items with only right or only wrong responses',
  disconnected: 'Groups of items that no student joins',
  ill_conditioned: 'Groups of items of which no student solved one of the one and failed one of the other',
  one_item_students: 'Students who responded to one item only',
  extreme_students: 'Students with only right or only wrong responses',
  repeated_responses: 'Several responses of a student to an item',
  too_few_responses: 'Items with few responses',
  extreme_items: 'Items that nearly everybody solved, or nearly nobody',
  negative_discrimination: 'Items that better students solve less often',
} as const
export type ProblemCode = keyof typeof problemCodes

export interface Problem { code: ProblemCode; severity: 'refuses' | 'suffers'; detail: string }

export interface Readiness {
  responses: number
  students: number
  items: number
  /** responses / (students * items): above 1 is possible where students respond repeatedly; null where there is nothing. */
  density: number | null
  /** Responses beyond a student's first to an item. */
  repeated_responses: number
  /** Students with all or none of their responses right: they have no finite maximum-likelihood ability. */
  perfect_scores: number
  zero_scores: number
  /** How many connected components the graph of students and items has, and the largest of them, at most 20. */
  components: number
  largest_components: Component[]
  problems: Problem[]
  /** By ascending item id. */
  item_statistics: ItemReadiness[]
}

const listed = 20
/** How many ids a problem names. */
const named = 5
/** Correlations nearer to 0 than rounding may carry them are 0: their sign would be noise, and flagged. */
const rounding = 1e-10

/**
 * Readiness of the kept part of a matrix.
 *
 * The corrected point-biserial is the item-rest correlation: the item is left out of the score, or it would correlate
 * with itself (S. Henrysson, Correction of item-total correlations in item analysis, Psychometrika 28, 1963, 211-218;
 * Crocker & Algina 1986 and Nunnally & Bernstein 1994 have it as corrected item-total correlation). Where not everybody
 * answers every item the textbooks leave open what the rest is. Here: over the students with a response to the item and
 * to another kept item, Pearson's correlation of the response (1 or 0) with the share correct of the student's other
 * responses. On complete data the share is the rest score over a constant, and the correlation is the textbooks'.
 * R's `multilevel::item.total` takes the mean of the other items as well; `mirt::itemstats` takes their sum over what is
 * answered, which on incomplete data also measures how much somebody answered; `psych::alpha` composes r.drop of
 * pairwise covariances. All agree on complete data.
 *
 * Where a student responded to the item repeatedly, their share correct stands for the response, and all their
 * responses to it are left out of the rest: a student is one point, and no item is correlated with itself.
 * Null where fewer than 3 students remain, or where either side has no variance.
 *
 * @throws Error where the matrix does not keep times
 * @throws the signal's reason where it was aborted
 */
export async function readiness(matrix: ResponseMatrix, kept: Kept, options: ReadinessOptions = {}): Promise<Readiness> {
  if (!matrix.timed) throw new Error('readiness needs a matrix that keeps times')
  const { tooFew = 30, tooEasy = 0.95, tooHard = 0.05 } = options
  const pacer = new Pacer(options.signal)
  const order = matrix.itemOrder().filter((item) => kept.items[item] === 1)

  const passed = await pass(matrix, kept, pacer)
  const medians = await medianTimes(matrix, kept, passed.timed, pacer)

  const items: ItemReadiness[] = []
  for (const item of order) {
    const n = kept.itemResponses[item]!
    const p = n === 0 ? null : passed.right[item]! / n
    const r = passed.correlations.of(item)
    const flags: ItemFlag[] = []
    if (p === 0 || p === 1) flags.push('single_category')
    if (n < tooFew) flags.push('too_few')
    if (p !== null && p > tooEasy) flags.push('too_easy')
    if (p !== null && p < tooHard) flags.push('too_hard')
    if (r !== null && r < 0) flags.push('negative_discrimination')
    items.push({ item_id: matrix.itemId(item), n, p, point_biserial: r, median_time_ms: medians[item] ?? null, flags })
  }

  const components = componentsOf(matrix, kept, order, passed)
  const { responseCount, studentCount, itemCount } = kept
  const problems: Problem[] = []
  const found = (code: ProblemCode, severity: Problem['severity'], detail: string) => problems.push({ code, severity, detail })
  const flagged = (...flags: ItemFlag[]) => items.filter((item) => item.flags.some((flag) => flags.includes(flag))).map((item) => item.item_id)

  if (responseCount === 0) found('no_responses', 'refuses', 'No responses are left: there is nothing to fit.')
  else {
    if (itemCount === 1) found('one_item', 'refuses', `${ids(items.map((item) => item.item_id))} is the only item: one item alone has no scale.`)
    const empty = items.filter((item) => item.n === 0).map((item) => item.item_id)
    if (empty.length > 0) found('items_without_responses', 'refuses', `${counted(empty.length, 'anchor')} kept without responses (${ids(empty)}): every student who responded was dropped.`)
    const single = flagged('single_category')
    if (single.length > 0) found('single_category_items', 'refuses', `${counted(single.length, 'item')} with only right or only wrong responses (${ids(single)}): the difficulty has no finite maximum-likelihood estimate; mirt stops, eRm drops them.`)
    if (components.all.length > 1) found('disconnected', 'refuses', `${components.all.length} groups of students and items that nothing joins, the largest with ${counted(components.all[0]!.items, 'item')} and ${counted(components.all[0]!.students, 'student')}; outside it are ${ids(components.outside)}: parameters of different groups are not on one scale.`)

    const asked = Uint8Array.from(kept.items, (is, item) => is === 1 && passed.right[item]! > 0 && passed.right[item]! < kept.itemResponses[item]! ? 1 : 0)
    const strong = await strongComponents(matrix, kept, asked, passed.counts, pacer)
    const groups = new Set<number>()
    for (const item of order) if (asked[item] === 1) groups.add(passed.sets.root(item))
    // as many as there are disconnected groups anyway would say nothing new
    if (strong.sizes.length > groups.size) {
      const most = strong.sizes.reduce((most, size) => Math.max(most, size))
      // where several are equally large, the one with the least item id: numbers of components depend on the rows' order
      const largest = strong.component[order.find((item) => asked[item] === 1 && strong.sizes[strong.component[item]!] === most)!]
      const outside = [...order].filter((item) => asked[item] === 1 && strong.component[item] !== largest).map((item) => matrix.itemId(item))
      found('ill_conditioned', 'refuses', `${strong.sizes.length} groups of items between which right and wrong responses go one way only, the largest with ${counted(most, 'item')}; outside it are ${ids(outside)}: conditional and joint maximum likelihood have no finite estimates (Fischer 1981), eRm stops.`)
    }

    const { oneItem, perfect, zero, repeated } = passed
    if (itemCount > 1 && oneItem > 0) found('one_item_students', 'refuses', `${counted(oneItem, 'student')} responded to one item only: they say nothing about differences between items; eRm stops (min_per_student=2 leaves them out).`)
    if (perfect + zero > 0) {
      const every = perfect + zero === studentCount
      found('extreme_students', every ? 'refuses' : 'suffers', `${counted(perfect, 'student')} with only right and ${zero} with only wrong responses${every ? ' (which is everybody, so that conditional maximum likelihood has nothing to condition on)' : ''}: their abilities have no finite maximum-likelihood estimate.`)
    }
    if (repeated > 0) found('repeated_responses', 'suffers', `${counted(repeated, 'response')} beyond a student's first to an item: they are not independent given ability, and a matrix of students by items has one place for them (attempts=first).`)
    const rare = flagged('too_few')
    if (rare.length > 0) found('too_few_responses', 'suffers', `${counted(rare.length, 'item')} with fewer than ${tooFew} responses (${ids(rare)}): standard errors will be large.`)
    const extreme = flagged('too_easy', 'too_hard')
    if (extreme.length > 0) found('extreme_items', 'suffers', `${counted(extreme.length, 'item')} with a share correct above ${tooEasy} or below ${tooHard} (${ids(extreme)}): difficulty and above all discrimination are poorly determined.`)
    const negative = flagged('negative_discrimination')
    if (negative.length > 0) found('negative_discrimination', 'suffers', `${counted(negative.length, 'item')} that better students solve less often (${ids(negative)}): often a wrong key; a Rasch model will misfit.`)
  }

  return {
    responses: responseCount, students: studentCount, items: itemCount,
    density: studentCount * itemCount === 0 ? null : responseCount / (studentCount * itemCount),
    repeated_responses: passed.repeated, perfect_scores: passed.perfect, zero_scores: passed.zero,
    components: components.all.length, largest_components: components.all.slice(0, listed),
    problems, item_statistics: items,
  }
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

function ids(all: readonly string[]): string {
  return `item_id ${all.slice(0, named).join(', ')}${all.length > named ? ` and ${all.length - named} more` : ''}`
}

/** Pearson correlations of many pairs of variables at once, in one pass: Welford's updates, 44 bytes a pair. */
class Correlations {
  private readonly n: Int32Array
  private readonly meanX: Float64Array
  private readonly meanY: Float64Array
  private readonly xx: Float64Array
  private readonly yy: Float64Array
  private readonly xy: Float64Array

  constructor(size: number) {
    this.n = new Int32Array(size)
    this.meanX = new Float64Array(size)
    this.meanY = new Float64Array(size)
    this.xx = new Float64Array(size)
    this.yy = new Float64Array(size)
    this.xy = new Float64Array(size)
  }

  add(pair: number, x: number, y: number): void {
    const n = ++this.n[pair]!
    const fromX = x - this.meanX[pair]!
    const fromY = y - this.meanY[pair]!
    this.meanX[pair]! += fromX / n
    this.meanY[pair]! += fromY / n
    const toY = y - this.meanY[pair]!
    this.xx[pair]! += fromX * (x - this.meanX[pair]!)
    this.yy[pair]! += fromY * toY
    this.xy[pair]! += fromX * toY
  }

  /** Null with fewer than 3 points or without variance; sums of squares of equal values are exactly 0. */
  of(pair: number): number | null {
    const xx = this.xx[pair]!
    const yy = this.yy[pair]!
    if (this.n[pair]! < 3 || xx <= 0 || yy <= 0) return null
    const r = this.xy[pair]! / (Math.sqrt(xx) * Math.sqrt(yy))
    return Math.abs(r) < rounding ? 0 : Math.max(-1, Math.min(1, r))
  }
}

interface Passed {
  /** Right responses and recorded times of each item, kept; `counts`: all its responses, kept or not. */
  right: Int32Array
  timed: Int32Array
  counts: Int32Array
  correlations: Correlations
  sets: DisjointSets
  /** By item: students whose first kept response is to it. */
  firsts: Int32Array
  perfect: number
  zero: number
  oneItem: number
  repeated: number
}

/** All that one look at each student gives. */
async function pass(matrix: ResponseMatrix, kept: Kept, pacer: Pacer): Promise<Passed> {
  const size = matrix.items
  const right = new Int32Array(size)
  const timed = new Int32Array(size)
  const counts = new Int32Array(size)
  const firsts = new Int32Array(size)
  const correlations = new Correlations(size)
  const sets = new DisjointSets(size)
  let perfect = 0
  let zero = 0
  let oneItem = 0
  let repeated = 0
  // the student in hand: responses and right ones by item, and the items in question
  const own = new Int32Array(size)
  const ownRight = new Int32Array(size)
  const distinct = new Int32Array(size)

  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      const isKept = kept.students[student] === 1
      const end = matrix.end(student)
      let items = 0
      let total = 0
      let totalRight = 0
      for (let response = matrix.begin(student); response < end; response++) {
        const packed = matrix.itemAndCorrect(response)
        const item = packed >>> 1
        counts[item]!++
        if (!isKept || kept.items[item] === 0) continue
        if (own[item] === 0) distinct[items++] = item
        own[item]!++
        total++
        if ((packed & 1) === 1) {
          ownRight[item]!++
          totalRight++
        }
        if (matrix.time(response) > 0) timed[item]!++
      }
      if (total === 0) continue
      if (totalRight === total) perfect++
      if (totalRight === 0) zero++
      if (items === 1) oneItem++
      repeated += total - items
      const first = distinct[0]!
      firsts[first]!++
      for (let at = 0; at < items; at++) {
        const item = distinct[at]!
        const responses = own[item]!
        const solved = ownRight[item]!
        right[item]! += solved
        if (at > 0) sets.join(first, item)
        // equal shares are equal doubles whatever their denominators: division is rounded correctly
        if (total > responses) correlations.add(item, solved / responses, (totalRight - solved) / (total - responses))
        own[item] = 0
        ownRight[item] = 0
      }
    }
  })
  return { right, timed, counts, correlations, sets, firsts, perfect, zero, oneItem, repeated }
}

/** The median recorded time of each item, by item. */
async function medianTimes(matrix: ResponseMatrix, kept: Kept, timed: Int32Array, pacer: Pacer): Promise<(number | null)[]> {
  const begins = begun(timed)
  const times = new Int32Array(begins[timed.length]!)
  const next = begins.slice(0, -1)
  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      if (kept.students[student] === 0) continue
      for (let response = matrix.begin(student), end = matrix.end(student); response < end; response++) {
        const item = matrix.item(response)
        const time = matrix.time(response)
        if (time > 0 && kept.items[item] === 1) times[next[item]!++] = time
      }
    }
  })
  const medians: (number | null)[] = []
  for (let item = 0; item < timed.length; item++) {
    medians.push(await median(times, begins[item]!, begins[item + 1]!, pacer))
    if (pacer.due()) await pacer.rest()
  }
  return medians
}

/** All components, most students first, then most items, then most responses; and the items outside the first. */
function componentsOf(matrix: ResponseMatrix, kept: Kept, order: Int32Array, { sets, firsts }: Passed): { all: Component[]; outside: string[] } {
  const byRoot = new Map<number, Component>()
  for (const item of order) {
    const root = sets.root(item)
    let component = byRoot.get(root)
    if (component === undefined) byRoot.set(root, component = { students: 0, items: 0, responses: 0 })
    component.students += firsts[item]!
    component.items++
    component.responses += kept.itemResponses[item]!
  }
  const all = [...byRoot.values()].sort((one, other) => other.students - one.students || other.items - one.items || other.responses - one.responses)
  const outside: string[] = []
  for (const item of order) if (byRoot.get(sets.root(item)) !== all[0]) outside.push(matrix.itemId(item))
  return { all, outside }
}
