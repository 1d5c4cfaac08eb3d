import { Type } from 'typebox'
import { contractColumns, type AttemptColumnName } from '../contract/attempt-v1.js'
import { invalid, quoted } from '../errors.js'
import type { Column, Kind } from '../formats/encoder.js'
import { closed, paging, parameters as p, range, source } from './parameters.js'
import { listResponse, rowSchema } from './responses.js'

const kinds: Record<(typeof contractColumns)[number]['type'], Kind> = {
  bigint: 'int64',
  uuid: 'uuid',
  boolean: 'boolean',
  integer: 'integer',
  'timestamp with time zone': 'timestamp',
  text: 'text',
}

/** The eleven columns of the contract as columns of an answer. */
export const attemptColumns: readonly Column<AttemptColumnName>[] = contractColumns.map(
  ({ name, type, nullable, description }) => ({ name, kind: kinds[type], nullable, description }),
)
const names = attemptColumns.map(({ name }) => name)

export const attemptsQuerystring = closed({
  student_id: Type.Optional(p.student_id),
  user_id: Type.Optional(p.user_id),
  id: Type.Optional(p.id),
  item_id: Type.Optional(p.item_id),
  topic_id: Type.Optional(p.topic_id),
  session_id: Type.Optional(p.session_id),
  correct: Type.Optional(p.correct),
  attempt_no: Type.Optional(p.attempt_no),
  ...range,
  fields: Type.Optional(
    Type.String({
      title: 'a list of columns',
      maxLength: 500,
      description: `Only these columns, in this order, separated by commas: any of ${names.join(', ')}.`,
      examples: ['student_id,item_id,correct'],
    }),
  ),
  order: Type.Optional(p.order),
  ...paging,
  ...source,
})

/** `fields` may leave columns out, so none is required. */
const attemptSchema = rowSchema(
  'Attempt',
  attemptColumns,
  'One answered question. Its key is (student_id, item_id, attempt_no). With `fields`, only those columns are there.',
  { required: [] },
)
export const attemptsResponse = listResponse('AttemptPage', attemptSchema)

/**
 * The columns that `fields` names, in its order.
 * @throws ApiError invalid_parameter
 */
export function chosenColumns(fields: string | undefined): readonly Column<AttemptColumnName>[] {
  if (fields === undefined) return attemptColumns
  const chosen = fields.split(',').map((name) => {
    const column = attemptColumns.find((column) => column.name === name)
    if (column === undefined)
      throw invalid('fields', `must name columns of an attempt (${names.join(', ')}); got ${quoted(name)}`)
    return column
  })
  if (new Set(chosen).size < chosen.length) throw invalid('fields', `must name a column once; got ${quoted(fields)}`)
  return chosen
}
