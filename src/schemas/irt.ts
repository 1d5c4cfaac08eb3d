/** Parameters and answers of the endpoints for calibration. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { mediaTypes } from '../formats/media-types.js'
import { itemFlags, problemCodes } from '../irt/types.js'
import { closed, int64, many, oneOf, parameters as p, positive, range, source } from './parameters.js'
import { asOf } from './responses.js'

const selection = {
  ...range,
  ...source,
  topic_id: Type.Optional(p.topic_id),
  item_id: Type.Optional(p.item_id),
  attempts: Type.Optional(
    oneOf(['first', 'all'], { description: 'first: only responses with attempt_no 1 (default). all: all responses.' }),
  ),
  hints: Type.Optional(
    oneOf(['include', 'exclude'], { description: 'Whether responses with a hint are included. Default include.' }),
  ),
  answered: Type.Optional(
    oneOf(['explicit', 'any'], {
      description:
        'explicit: only responses whose correctness is in the source (default). any: also those without it, which ' +
        'the view counts as incorrect.',
    }),
  ),
  min_per_item: Type.Optional(
    positive(
      'Only items with at least this many responses. Applied together with min_per_student until both hold.',
      30,
    ),
  ),
  min_per_student: Type.Optional(
    positive('Only students with at least this many responses to the remaining items.', 5),
  ),
  anchor_item_id: Type.Optional(
    many(
      int64('An item.', '1001'),
      'Items to keep whatever their counts. An anchor without any response in the selection is an error (422). ' +
        'Repeat the parameter for several.',
    ),
  ),
  sample: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'Share of the students, chosen by a hash of student_id: the same students every time, and a larger share ' +
        'contains every smaller one.',
      examples: [0.1],
    }),
  ),
}

/** Formats by layout; the first is the default. */
export const layouts = { long: ['csv', 'ndjson', 'arrow'], wide: ['csv'], subjects: ['ndjson'] } as const
export type Layout = keyof typeof layouts

export const readinessQuerystring = closed({ ...selection, format: Type.Optional(p.format) })
export const responsesQuerystring = closed({
  ...selection,
  layout: Type.Optional(
    oneOf(['long', 'wide', 'subjects'], {
      description:
        'long: one row per response (default). wide: one row per student, one column per item. subjects: one object ' +
        'per student.',
    }),
  ),
  format: Type.Optional(p.format),
})
export type SelectionParameters = Omit<Static<typeof readinessQuerystring>, 'format'>

export const responsesResponse = {
  description:
    'The responses. The trailer `Attempt-Rows` has their number; with the layouts wide and subjects, the number of ' +
    'students.',
  content: {
    [mediaTypes.csv]: {
      schema: {
        type: 'string',
        description: 'Layouts long and wide',
        examples: ['id,item,resp,rt\r\n0505c399-09c4-1861-08d1-ff7e6623890a,1001,1,12.5\r\n'],
      },
    },
    [mediaTypes.ndjson]: {
      schema: {
        type: 'string',
        description: 'Layouts long and subjects',
        examples: ['{"id":"0505c399-09c4-1861-08d1-ff7e6623890a","item":"1001","resp":1,"rt":12.5}\n'],
      },
    },
    [mediaTypes.arrow]: { schema: { type: 'string', contentEncoding: 'binary', description: 'Layout long' } },
  },
}

const numberOrNull = (description: string) =>
  Type.Unsafe<number | null>({ type: ['number', 'null'], description, examples: [0.5] })
const count = (description: string) => Type.Integer({ description, examples: [12] })

const problem = Type.Object(
  {
    code: oneOf(Object.keys(problemCodes), {
      description: Object.entries(problemCodes)
        .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
        .join('. '),
    }),
    severity: oneOf(['refuses', 'suffers'], {
      description:
        'refuses: a common estimator stops or has no finite estimate. suffers: the estimates exist but are poor.',
    }),
    detail: Type.String({
      description: 'What is wrong, how many items or students it concerns, some of their ids, and what to do',
      examples: ['1 item with only correct or only incorrect responses (item_id 1001)'],
    }),
  },
  { additionalProperties: false },
)

const itemStatistics = Type.Object(
  {
    item_id: Type.String({ pattern: '^-?[0-9]+$', examples: ['1001'] }),
    n: count('Responses'),
    p: numberOrNull('Share of correct responses'),
    point_biserial: numberOrNull(
      "Corrected item-total correlation: of the response with the share correct of the student's other responses; " +
        'null with fewer than 3 students or without variance',
    ),
    median_time_ms: numberOrNull('Median of the recorded response times, milliseconds'),
    flags: Type.Array(oneOf(itemFlags)),
  },
  { additionalProperties: false },
)

const readiness = Type.Object(
  {
    responses: count('Responses in the selection'),
    students: count('Students with a response'),
    items: count('Items with a response, and anchors'),
    density: numberOrNull('responses / (students * items)'),
    repeated_responses: count('Responses of a student to an item after the first'),
    perfect_scores: count('Students with only correct responses: no finite maximum-likelihood ability'),
    zero_scores: count('Students with only incorrect responses: no finite maximum-likelihood ability'),
    components: count(
      'Connected components of the graph of students and items. Parameters of different components are not on one ' +
        'scale',
    ),
    largest_components: Type.Array(
      Type.Object(
        { students: count('Students'), items: count('Items'), responses: count('Responses') },
        { additionalProperties: false },
      ),
      { description: 'The largest 20' },
    ),
    problems: Type.Array(problem, { description: 'Data problems that would break or weaken a calibration' }),
    suppressed: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'Only for a key or token without `attempts:read`: items that are left out of the selection because fewer ' +
          'students answered them than the header `Attempt-Smallest-Group` says',
        examples: [],
      }),
    ),
    item_statistics: Type.Array(itemStatistics, { description: 'One entry per item, ordered by item_id' }),
    as_of: asOf(),
  },
  { $id: 'ResponseReadiness', additionalProperties: false },
)

export const readinessResponse = {
  description: 'Counts, problems and item statistics',
  content: { [mediaTypes.json]: { schema: readiness } },
}
