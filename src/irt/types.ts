/** What readiness reports about responses before a model is fitted to them: statistics, flags and problems. */

/** Every code of a problem, and what it means. */
export const problemCodes = {
  no_responses: 'No responses match the selection',
  one_item: 'The selection has one item, and one item has no scale',
  items_without_responses: 'Anchors that are kept, but have no response from a kept student',
  single_category_items: 'Items with only correct or only incorrect responses',
  disconnected: 'Groups of items without a student in common',
  ill_conditioned: 'Groups of items between which correct and incorrect responses go in one direction only',
  one_item_students: 'Students with responses to one item only',
  extreme_students: 'Students with only correct or only incorrect responses',
  repeated_responses: 'Several responses of a student to one item',
  too_few_responses: 'Items with few responses',
  extreme_items: 'Items with a very high or very low share of correct responses',
  negative_discrimination: 'Items that better students answer correctly less often',
} as const
export type ProblemCode = keyof typeof problemCodes

export interface Problem {
  code: ProblemCode
  /** refuses: a common estimator stops or has no finite estimate. suffers: its estimates are poor. */
  severity: 'refuses' | 'suffers'
  detail: string
}

export interface ReadinessOptions {
  /** An item with fewer responses has the flag `too_few`; default 30. */
  tooFew?: number
  /** An item with a greater share correct has the flag `too_easy`; default 0.95. */
  tooEasy?: number
  /** An item with a smaller share correct has the flag `too_hard`; default 0.05. */
  tooHard?: number
  signal?: AbortSignal
}

export const itemFlags = ['single_category', 'too_few', 'too_easy', 'too_hard', 'negative_discrimination'] as const
export type ItemFlag = (typeof itemFlags)[number]

export interface ItemReadiness {
  item_id: string
  /** Kept responses. */
  n: number
  /** Share correct; null for an anchor without responses. */
  p: number | null
  /** Corrected point-biserial; see `readiness`. */
  point_biserial: number | null
  /** Median of the recorded response times in ms; null without any. */
  median_time_ms: number | null
  flags: ItemFlag[]
}

/** A group of students and items that no response connects to another group. */
export interface Component {
  students: number
  items: number
  responses: number
}

export interface IrtReadiness {
  /** Items that have too few students for the caller to read about; undefined: the caller may read about every item. */
  suppressed?: number
  responses: number
  students: number
  items: number
  /** responses / (students * items); above 1 if students respond repeatedly; null without responses. */
  density: number | null
  /** Responses of a student to an item after the first. */
  repeated_responses: number
  /** Students with only correct, or only incorrect, responses: no finite maximum-likelihood ability. */
  perfect_scores: number
  zero_scores: number
  /** Connected components of the graph of students and items, and the largest 20 of them. */
  components: number
  largest_components: Component[]
  problems: Problem[]
  /** By ascending item id; computed while it is iterated, because there may be hundreds of thousands. */
  item_statistics: Iterable<ItemReadiness>
}
