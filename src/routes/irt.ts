/** Item response data: what an estimator takes, and what it would make of it. */
import { Type, type TSchema } from 'typebox'
import type { Routes } from '../services.js'
import type { Reader } from '../database/reader.js'
import type { Statement } from '../database/statement.js'
import type { StreamContent, Snapshot } from '../database/streams.js'
import { ApiError, invalid } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { onlyKept, subjectsEncoder, wideEncoder } from '../irt/layouts.js'
import { peel, type Kept } from '../irt/peel.js'
import { problemCodes } from '../irt/types.js'
import { readiness } from '../irt/readiness.js'
import { itemFlags } from '../irt/types.js'
import { ResponseMatrix, TooManyResponses } from '../irt/response-matrix.js'
import {
  administeredItems,
  longColumns,
  responsesStatement,
  studentsOf,
  waveColumn,
  type ResponsesQuery,
} from '../queries/irt.js'
import { checkInt64s, checkRange, checkTimestamp, closed, parameters as p, range } from '../schemas/parameters.js'
import { dataProblems } from '../schemas/responses.js'
import {
  answerFrom,
  encoders,
  negotiate,
  notModified,
  sendStream,
  source,
  setStoreHeaders,
  unchangedResponse,
} from '../http/list.js'
import { mediaTypes } from '../formats/media-types.js'

const selection = {
  ...range,
  ...source,
  topic_id: Type.Optional(p.topic_id),
  item_id: Type.Optional(p.item_id),
  attempts: Type.Optional(
    Type.Enum(['first', 'all'], { description: 'first: attempt_no 1 only (default). all: every attempt.' }),
  ),
  hints: Type.Optional(Type.Enum(['include', 'exclude'], { description: 'Responses with a hint. Default include.' })),
  answered: Type.Optional(
    Type.Enum(['explicit', 'any'], {
      description:
        'explicit: responses whose correctness the source has (default). any: also those that the view takes for false because it is missing.',
    }),
  ),
  min_per_item: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 2147483647,
      description:
        'Leaves out items with fewer responses. With min_per_student applied again and again until both hold.',
      examples: [30],
    }),
  ),
  min_per_student: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 2147483647,
      description: 'Leaves out students with fewer responses to the items that are left.',
      examples: [5],
    }),
  ),
  anchor_item_id: Type.Optional(
    Type.Array(Type.String({ pattern: '^-?[0-9]{1,20}$', description: 'An item.', examples: ['1001'] }), {
      minItems: 1,
      maxItems: 1000,
      description:
        'Items that are kept whatever their counts. One without any response in the selection is a 422. May be repeated.',
    }),
  ),
  sample: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'A share of the students, by a hash of student_id: the same students every time, and those of a smaller share are in every larger one.',
      examples: [0.1],
    }),
  ),
}

type SelectionRequest = {
  source?: 'live' | 'store'
  since?: string
  until?: string
  topic_id?: string[]
  item_id?: string[]
  attempts?: unknown
  hints?: unknown
  answered?: unknown
  min_per_item?: number
  min_per_student?: number
  anchor_item_id?: string[]
  sample?: number
}

function checkSelection(query: SelectionRequest) {
  const responses: ResponsesQuery = {
    ...checkRange(query.since, query.until, checkTimestamp),
    first: query.attempts !== 'all',
    withoutHints: query.hints === 'exclude',
    explicit: query.answered !== 'any',
  }
  if (query.item_id !== undefined) responses.items = checkInt64s('item_id', query.item_id)
  if (query.topic_id !== undefined) responses.topics = query.topic_id
  if (query.sample !== undefined) responses.sample = query.sample
  const { min_per_item: minPerItem = 1, min_per_student: minPerStudent = 1 } = query
  return {
    responses,
    minPerItem,
    minPerStudent,
    anchors: [...new Set(checkInt64s('anchor_item_id', query.anchor_item_id ?? []))],
  }
}

type Selection = ReturnType<typeof checkSelection>

function refuseAnchors(absent: readonly string[]): void {
  if (absent.length === 0) return
  throw new ApiError(
    'anchor_without_responses',
    `anchor_item_id: no response to ${absent.join(', ')} in this selection; leave ${absent.length === 1 ? 'it' : 'them'} out or widen the filters`,
    absent.map((id) => ({ parameter: 'anchor_item_id', message: `${id} has no response in this selection` })),
  )
}

/** Every response in memory, and which of them the minimum counts leave. */
async function load(
  snapshot: Snapshot,
  statement: Statement,
  selection: Selection,
  most: number,
  times: boolean,
  signal: AbortSignal,
): Promise<{ matrix: ResponseMatrix; kept: Kept }> {
  const matrix = new ResponseMatrix({ most, times })
  try {
    await snapshot.copy(statement, {
      row(bytes, at) {
        matrix.add(
          bytes,
          at + 6,
          bytes.readInt32BE(at + 26),
          bytes.readInt32BE(at + 30),
          bytes[at + 38] === 1,
          times ? bytes.readInt32BE(at + 43) : 0,
        )
      },
    })
  } catch (error) {
    if (!(error instanceof TooManyResponses)) throw error
    throw new ApiError(
      'too_many_responses',
      `The selection has more than ${most} responses, which is the most that is counted in memory here: take a share of the students with sample, or narrow the filters`,
    )
  }
  const kept = await peel(matrix, { ...selection, signal })
  refuseAnchors(kept.absentAnchors)
  return { matrix, kept }
}

async function* just(statement: Statement): AsyncGenerator<Statement, void, number> {
  yield await Promise.resolve(statement)
}

const layouts = { long: ['csv', 'ndjson', 'arrow'], wide: ['csv'], subjects: ['ndjson'] } as const
type Layout = keyof typeof layouts

const orNull = (type: string, description: string) =>
  ({ type: [type, 'null'], description, examples: [0.5] }) as unknown as TSchema
const count = (description: string) => Type.Integer({ description, examples: [12] })
const readinessSchema = Type.Object(
  {
    responses: count('responses that are left'),
    students: count('students with one'),
    items: count('items with one, and anchors'),
    density: orNull('number', 'responses / (students * items)'),
    repeated_responses: count("responses beyond a student's first to an item"),
    perfect_scores: count('students with only right responses: no finite maximum-likelihood ability'),
    zero_scores: count('students with only wrong ones'),
    components: count(
      'connected components of the graph of students and items; parameters of different ones are not on one scale',
    ),
    largest_components: Type.Array(
      Type.Object(
        { students: count('students'), items: count('items'), responses: count('responses') },
        { additionalProperties: false },
      ),
      { description: 'the largest 20' },
    ),
    problems: Type.Array(
      Type.Object(
        {
          code: Type.Enum(Object.keys(problemCodes), {
            description: Object.entries(problemCodes)
              .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
              .join('. '),
          }),
          severity: Type.Enum(['refuses', 'suffers'], {
            description: 'refuses: a common estimator stops or has no finite estimate',
          }),
          detail: Type.String({
            description: 'what, how many, and some of them',
            examples: ['1 item with only right or only wrong responses (item_id 1001)'],
          }),
        },
        { additionalProperties: false },
      ),
      { description: 'what a fit would refuse or suffer from' },
    ),
    item_statistics: Type.Array(
      Type.Object(
        {
          item_id: Type.String({ pattern: '^-?[0-9]+$', examples: ['1001'] }),
          n: count('responses'),
          p: orNull('number', 'share correct'),
          point_biserial: orNull(
            'number',
            "correlation of the response with the share correct of the student's other responses (corrected item-total correlation); null with fewer than 3 students or without variance",
          ),
          median_time_ms: orNull('number', 'median of the recorded response times, milliseconds'),
          flags: Type.Array(Type.Enum([...itemFlags])),
        },
        { additionalProperties: false },
      ),
      { description: 'one entry an item, by item_id' },
    ),
    as_of: Type.String({ format: 'date-time', examples: ['2025-01-01T09:30:00.123456Z'] }),
  },
  { $id: 'ResponseReadiness', additionalProperties: false },
)

export const irt: Routes = (app, services) => {
  const { limits } = services
  app.get(
    '/v1/irt/responses',
    {
      config: { scope: 'attempts:read', requestClass: 'stream' },
      schema: {
        tags: ['IRT'],
        operationId: 'listResponses',
        summary: 'Response data for an estimator',
        description: `Streamed from one snapshot, ordered by student and item. Layouts: long (default; CSV, NDJSON, Arrow) has the columns id, item, resp, rt of the Item Response Warehouse, and wave with attempts=all; wide (CSV) a row a student and a column an item, at most ${limits.irtWideItems} of them, their number in the header Attempt-Columns; subjects (NDJSON) an object a student. Minimum counts take a second pass, so that the first byte comes late.`,
        querystring: closed({
          ...selection,
          layout: Type.Optional(Type.Enum(['long', 'wide', 'subjects'], { description: 'Default long.' })),
          format: Type.Optional(p.format),
        }),
        response: {
          200: {
            description:
              'the responses; their number in the trailer `Attempt-Rows` (students in the layouts wide and subjects)',
            content: {
              [mediaTypes.csv]: { schema: { type: 'string', description: 'layouts long and wide' } },
              [mediaTypes.ndjson]: { schema: { type: 'string', description: 'layouts long and subjects' } },
              [mediaTypes.arrow]: { schema: { type: 'string', contentEncoding: 'binary', description: 'layout long' } },
            },
          },
          ...unchangedResponse,
          ...dataProblems('anchor_without_responses', 'too_many_items', 'too_many_responses'),
        },
      },
    },
    async (request, reply) => {
      const query = request.query
      const layout = (query.layout ?? 'long') as Layout
      const format = negotiate([...layouts[layout]], request.headers.accept, query.format)
      const selected = checkSelection(query as SelectionRequest)
      const { responses, anchors, minPerItem, minPerStudent } = selected
      if (layout !== 'long' && !responses.first)
        throw invalid(
          'attempts',
          `all has several responses to an item, and layout=${layout} has one place for them; use layout=long`,
        )
      const counted = minPerItem > 1 || minPerStudent > 1
      const columns = responses.first ? longColumns : [...longColumns, waveColumn]

      const layOut = (items: readonly string[]): Encoder => {
        if (layout === 'subjects') return subjectsEncoder()
        if (layout === 'long') return encoders[format](columns)
        if (items.length > limits.irtWideItems)
          throw new ApiError(
            'too_many_items',
            `layout=wide would have ${items.length} item columns, and at most ${limits.irtWideItems} are given; use layout=long, or fewer items`,
          )
        reply.header('attempt-columns', items.length)
        return wideEncoder(items)
      }
      const prepare = async (snapshot: Snapshot, stopped: AbortSignal): Promise<StreamContent> => {
        const students = await studentsOf(snapshot, responses)
        const rows = responsesStatement(
          snapshot,
          responses,
          students,
          layout === 'long' ? (responses.first ? 'long' : 'waves') : 'correct',
        )
        if (counted) {
          const { matrix, kept } = await load(
            snapshot,
            responsesStatement(snapshot, responses, students, 'correct'),
            selected,
            limits.irtResponses,
            false,
            stopped,
          )
          const items =
            layout === 'wide'
              ? [...matrix.itemOrder()]
                  .filter((item) => kept.items[item] === 1 && (kept.itemResponses[item] ?? 0) > 0)
                  .map((item) => matrix.itemId(item))
              : []
          return { statements: just(rows), encoder: onlyKept(layOut(items), matrix, kept) }
        }
        const items =
          layout === 'wide'
            ? await administeredItems(snapshot, responses, students)
            : anchors.length > 0
              ? await administeredItems(snapshot, responses, students, anchors)
              : []
        refuseAnchors(anchors.filter((anchor) => !items.includes(anchor)))
        return { statements: just(rows), encoder: layOut(items) }
      }
      return answerFrom(services, request, reply, (query as SelectionRequest).source, async (from) => {
        const [covers, what] = [{ range: responses }, ['responses', format, query]]
        if (await notModified(request, reply, from, covers, what, { format, certain: () => false }))
          return reply.send(undefined as never)
        request.meter.format = format
        return sendStream(services, from, request, reply, mediaTypes[format], prepare, (reader) =>
          setStoreHeaders(reader, reply, from, covers, what),
        )
      })
    },
  )

  app.get(
    '/v1/irt/readiness',
    {
      config: { scope: 'aggregates:read', requestClass: 'stream' },
      schema: {
        tags: ['IRT'],
        operationId: 'getReadinessOfResponses',
        summary: 'What a fit would refuse or suffer from, before hours are spent on it',
        description: 'The same selection as /v1/irt/responses, in one pass.',
        querystring: closed({ ...selection, format: Type.Optional(p.format) }),
        response: {
          200: {
            description: 'counts, problems and item statistics',
            content: { [mediaTypes.json]: { schema: readinessSchema } },
          },
          ...unchangedResponse,
          ...dataProblems('anchor_without_responses', 'too_many_responses'),
        },
      },
    },
    async (request, reply) => {
      negotiate(['json'], request.headers.accept, request.query.format)
      const selected = checkSelection(request.query as SelectionRequest)
      return answerFrom(services, request, reply, (request.query as SelectionRequest).source, async (from) => {
        const [covers, what] = [{ range: selected.responses }, ['readiness', request.query]]
        if (await notModified(request, reply, from, covers, what, { certain: () => false }))
          return reply.send(undefined as never)
        const report = await services.streams.read(
          async (snapshot: Snapshot, stopped) => {
            const asOf = await setStoreHeaders(snapshot, reply, from, covers, what)
            const students = await studentsOf(snapshot as Reader, selected.responses)
            const { matrix, kept } = await load(
              snapshot,
              responsesStatement(snapshot, selected.responses, students, 'matrix'),
              selected,
              limits.irtResponses,
              true,
              stopped,
            )
            return { ...(await readiness(matrix, kept, { signal: stopped })), as_of: asOf }
          },
          request.deadline.signal,
          from.database,
        )
        return reply
          .header('vary', 'Accept')
          .type('application/json; charset=utf-8')
          .send(report as never)
      })
    },
  )
}
