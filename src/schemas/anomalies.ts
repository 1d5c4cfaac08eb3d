import { Type } from 'typebox'
import { anomalyColumns, outcomes, reasons } from '../queries/anomalies.js'
import { closed, oneOf, paging, range } from './parameters.js'
import { listResponse, rowSchema } from './responses.js'

export const anomaliesQuerystring = closed({
  reason: Type.Optional(
    Type.Array(oneOf(reasons), {
      maxItems: 20,
      description: 'Only these reasons. Repeat the parameter for several.',
    }),
  ),
  outcome: Type.Optional(
    oneOf(outcomes, {
      description:
        'excluded: the element has no row in the view. defaulted: a value was replaced. kept: the row is unchanged.',
    }),
  ),
  ...range,
  ...paging,
})

const word = (words: readonly string[], description: string) =>
  Type.Unsafe({ ...oneOf(words, { description }), type: 'string' })

export const anomaliesResponse = listResponse(
  'AnomalyPage',
  rowSchema(
    'Anomaly',
    anomalyColumns,
    'One element and one reason why the view excludes it, replaces a value by a default, or keeps an unexpected value.',
    { own: { reason: word(reasons, 'what is wrong'), outcome: word(outcomes, 'what the view does') } },
  ),
)
