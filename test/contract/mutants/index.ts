/** Views that look like `attempt` and are not: each is a change that the check must report. */
import { basicMutants } from './basics.js'
import { elementMutants } from './elements.js'
import { filterMutants } from './filters.js'
import { idMutants } from './ids.js'
import { numberMutants } from './numbers.js'
import { shapeMutants } from './shapes.js'
import { someValueMutants } from './some-values.js'
import { studentMutants } from './students.js'
import { timeMutants } from './times.js'
import type { Mutant } from './build.js'

export const mutants: readonly Mutant[] = [
  ...basicMutants,
  ...filterMutants,
  ...shapeMutants,
  ...studentMutants,
  ...elementMutants,
  ...timeMutants,
  ...numberMutants,
  ...idMutants,
  ...someValueMutants,
]

export { variants } from './variants.js'
