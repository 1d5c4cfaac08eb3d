/**
 * The golden cases of `attempt` V1, in the order of the report. Computed from docs/attempt-v1.md and not from the view:
 * md5 by Node.js, numbers by exact integers. A changed row of a written case is a changed contract.
 */
import { attemptNoCases } from './attempt-no.js'
import { completedAtCases } from './completed-at.js'
import { correctnessCases } from './correctness.js'
import { generatedCases } from './generated/index.js'
import { hintCases } from './hints.js'
import { idCases } from './id.js'
import { itemIdCases } from './item-id.js'
import { longArray } from './long-array.js'
import { responseTimeCases } from './response-time.js'
import { sessionIdCases } from './session-id.js'
import { startedAtCases } from './started-at.js'
import { studentIdCases } from './student-id.js'
import { textLimitCases } from './text-limits.js'
import { tieCases } from './ties.js'
import { topicCases } from './topics.js'
import { totalityCases } from './totality.js'
import type { GoldenCase } from './types.js'

const written: readonly GoldenCase[] = [
  ...idCases,
  ...studentIdCases,
  ...itemIdCases,
  ...correctnessCases,
  ...responseTimeCases,
  ...startedAtCases,
  ...hintCases,
  ...topicCases,
  ...sessionIdCases,
  ...completedAtCases,
  ...attemptNoCases,
  ...totalityCases,
  ...tieCases,
  ...textLimitCases,
]

let cases: readonly GoldenCase[] | undefined

/** All cases. The first call generates some of them, which takes about 50 ms. */
export const goldenCases = (): readonly GoldenCase[] =>
  (cases ??= [...written, longArray(), ...generatedCases(written)])
