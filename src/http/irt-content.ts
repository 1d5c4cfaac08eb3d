/** What the endpoints for calibration read: a selection of responses, counted in memory if needed, and its layouts. */
import type { Snapshot, StreamContent } from '../database/streams.js'
import { ApiError, invalid } from '../errors.js'
import type { Encoder } from '../formats/encoder.js'
import { onlyKept, subjectsEncoder, wideEncoder } from '../irt/layouts.js'
import { peel, type Kept } from '../irt/peel.js'
import { ResponseMatrix, TooManyResponses } from '../irt/response-matrix.js'
import {
  administeredItems,
  longColumns,
  responsesStatement,
  studentsOf,
  waveColumn,
  type ResponsesQuery,
} from '../queries/irt.js'
import { checkInt64s, checkRange, checkTimestamp } from '../schemas/checks.js'
import type { Layout, SelectionParameters } from '../schemas/irt.js'
import type { Limits } from '../services.js'
import { encoders, type StreamFormat } from './representations.js'
import { single } from './stream.js'

/** Which responses are taken, and which of them the minimum counts keep. */
export interface Selection {
  responses: ResponsesQuery
  minPerItem: number
  minPerStudent: number
  anchors: readonly string[]
}

/** @throws ApiError invalid_parameter */
export function selectionOf(query: SelectionParameters): Selection {
  const responses: ResponsesQuery = {
    ...checkRange(query.since, query.until, checkTimestamp),
    first: query.attempts !== 'all',
    withoutHints: query.hints === 'exclude',
    explicit: query.answered !== 'any',
  }
  if (query.item_id !== undefined) responses.items = checkInt64s('item_id', query.item_id)
  if (query.topic_id !== undefined) responses.topics = query.topic_id
  if (query.sample !== undefined) responses.sample = query.sample
  return {
    responses,
    minPerItem: query.min_per_item ?? 1,
    minPerStudent: query.min_per_student ?? 1,
    anchors: [...new Set(checkInt64s('anchor_item_id', query.anchor_item_id ?? []))],
  }
}

/** @throws ApiError anchor_without_responses */
function refuseAnchors(absent: readonly string[]): void {
  if (absent.length === 0) return
  throw new ApiError(
    'anchor_without_responses',
    `\`anchor_item_id\` must name items with a response in this selection; no response to ${absent.join(', ')}. ` +
      `Leave ${absent.length === 1 ? 'this anchor' : 'these anchors'} out, or widen the filters`,
    absent.map((id) => ({
      parameter: 'anchor_item_id',
      message: `must name items with a response in this selection; ${id} has none`,
    })),
  )
}

/** Where the fields of a response lie in a row of COPY: a count of 2 bytes, and a length of 4 before each field. */
const field = { student: 6, itemHigh: 26, itemLow: 30, correct: 38, time: 43 }

/**
 * Every response of the selection in memory, and which of them the minimum counts keep.
 * @param times whether the rows have response times, as for `readiness`
 * @throws ApiError too_many_responses, anchor_without_responses
 */
export async function readMatrix(
  snapshot: Snapshot,
  selection: Selection,
  students: string[] | undefined,
  { most, times, stopped }: { most: number; times: boolean; stopped: AbortSignal },
): Promise<{ matrix: ResponseMatrix; kept: Kept }> {
  const matrix = new ResponseMatrix({ most, times })
  const rows = responsesStatement(snapshot, selection.responses, students, times ? 'matrix' : 'correct')
  try {
    await snapshot.copy(rows, {
      row(bytes, at) {
        matrix.add(
          bytes,
          at + field.student,
          bytes.readInt32BE(at + field.itemHigh),
          bytes.readInt32BE(at + field.itemLow),
          bytes[at + field.correct] === 1,
          times ? bytes.readInt32BE(at + field.time) : 0,
        )
      },
    })
  } catch (error) {
    if (!(error instanceof TooManyResponses)) throw error
    throw new ApiError(
      'too_many_responses',
      `The selection has more than ${most} responses, the most that this service counts in memory. ` +
        'Take a share of the students, such as sample=0.1, or narrow the filters',
    )
  }
  const kept = await peel(matrix, { ...selection, signal: stopped })
  refuseAnchors(kept.absentAnchors)
  return { matrix, kept }
}

/** How responses are laid out. */
export interface LaidOut {
  layout: Layout
  format: StreamFormat
  limits: Limits
}

/** A layout has one place for a student and an item. @throws ApiError invalid_parameter */
export function checkLayout(layout: Layout, { responses: { first } }: Selection): void {
  if (layout !== 'long' && !first)
    throw invalid(
      'attempts',
      `must be first with layout=${layout}, which has one place per student and item; ` +
        'got "all". Use layout=long for every response',
    )
}

function encoderOf(
  { layout, format, limits }: LaidOut,
  { responses }: Selection,
  items: readonly string[],
): { encoder: Encoder; headers?: Record<string, string> } {
  if (layout === 'subjects') return { encoder: subjectsEncoder() }
  if (layout === 'long')
    return { encoder: encoders[format](responses.first ? longColumns : [...longColumns, waveColumn]) }
  if (items.length > limits.irtWideItems)
    throw new ApiError(
      'too_many_items',
      `layout=wide would have ${items.length} item columns, and the limit is ${limits.irtWideItems}. ` +
        'Use layout=long, or fewer items',
    )
  return { encoder: wideEncoder(items), headers: { 'attempt-columns': String(items.length) } }
}

/**
 * The responses of a selection, laid out. Minimum counts take a pass of their own before the first byte.
 * @throws ApiError anchor_without_responses, too_many_items, too_many_responses
 */
export async function responsesContent(
  snapshot: Snapshot,
  stopped: AbortSignal,
  selection: Selection,
  laidOut: LaidOut,
): Promise<StreamContent> {
  const { responses, anchors, minPerItem, minPerStudent } = selection
  const { layout, limits } = laidOut
  const students = await studentsOf(snapshot, responses)
  const fields = layout !== 'long' ? 'correct' : responses.first ? 'long' : 'waves'
  const statements = single(responsesStatement(snapshot, responses, students, fields))
  if (minPerItem > 1 || minPerStudent > 1) {
    const { matrix, kept } = await readMatrix(snapshot, selection, students, {
      most: limits.irtResponses,
      times: false,
      stopped,
    })
    const { encoder, headers = {} } = encoderOf(laidOut, selection, layout === 'wide' ? keptItems(matrix, kept) : [])
    return { statements, encoder: onlyKept(encoder, matrix, kept), headers }
  }
  const items =
    layout === 'wide'
      ? await administeredItems(snapshot, responses, students)
      : anchors.length > 0
        ? await administeredItems(snapshot, responses, students, anchors)
        : []
  refuseAnchors(anchors.filter((anchor) => !items.includes(anchor)))
  return { statements, ...encoderOf(laidOut, selection, items) }
}

const keptItems = (matrix: ResponseMatrix, kept: Kept): string[] =>
  [...matrix.itemOrder()]
    .filter((item) => kept.items[item] === 1 && (kept.itemResponses[item] ?? 0) > 0)
    .map((item) => matrix.itemId(item))
