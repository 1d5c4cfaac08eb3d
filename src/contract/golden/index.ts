/**
 * The golden cases of `attempt` V1, in the order of the report. Data, computed from docs/attempt-v1.md and not from the
 * view: md5 by Node.js, numbers by exact integers. A changed row is a changed contract.
 */
import { attemptNoCases } from './attempt-no.js'
import { completedAtCases } from './completed-at.js'
import { correctnessCases } from './correctness.js'
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

export const goldenCases: readonly GoldenCase[] = [
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
  longArray,
]
