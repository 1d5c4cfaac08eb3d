/** What is said of responses before a model is fitted to them: statistics, flags and problems. */

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

export interface Problem {
  code: ProblemCode
  severity: 'refuses' | 'suffers'
  detail: string
}

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
export type ItemFlag = (typeof itemFlags)[number]

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

/** Groups that no response joins. */
export interface Component {
  students: number
  items: number
  responses: number
}

export interface IrtReadiness {
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
