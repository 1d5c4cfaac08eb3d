/** What answers look like, from the lists of columns that the queries return. */
import { Type, type TSchema } from 'typebox'
import type { Column, Kind } from '../formats/encoder.js'
import { mediaTypes, type MediaType } from '../formats/media-types.js'

const timestampExample = '2025-01-01T09:30:00.123456Z'

const kinds: Record<Kind, { type: string; format?: string; pattern?: string; examples: readonly unknown[] }> = {
  int64: { type: 'string', pattern: '^-?[0-9]+$', examples: ['1001'] },
  count: { type: 'integer', examples: [12] },
  integer: { type: 'integer', examples: [12] },
  number: { type: 'number', examples: [0.75] },
  boolean: { type: 'boolean', examples: [true] },
  timestamp: { type: 'string', format: 'date-time', pattern: '\\.[0-9]{6}Z$', examples: [timestampExample] },
  date: { type: 'string', format: 'date', examples: ['2025-01-01'] },
  uuid: { type: 'string', format: 'uuid', examples: ['c773fdef-3889-bdad-be80-9f1e8aaeea46'] },
  text: { type: 'string', examples: ['algebra'] },
}

/** The JSON schema of a column: a 64-bit integer is a string; the type of a nullable column includes null. */
function columnSchema({ kind, nullable = false, description }: Column): TSchema {
  const { type, ...schema } = kinds[kind]
  return Type.Unsafe({ ...schema, type: nullable ? [type, 'null'] : type, description })
}

/** The columns as members of an object. */
export const members = (columns: readonly Column[]): Record<string, TSchema> =>
  Object.fromEntries(columns.map((column) => [column.name, columnSchema(column)]))

/**
 * An object with these columns.
 * @param required names of the columns that are always there; default all
 * @param own schemas that stand in place of a column's own
 */
export const rowSchema = (
  $id: string,
  columns: readonly Column[],
  description: string,
  { required = columns.map(({ name }) => name), own = {} }: { required?: string[]; own?: Record<string, TSchema> } = {},
): TSchema =>
  Type.Unsafe({
    $id,
    type: 'object',
    description,
    properties: { ...members(columns), ...own },
    required,
    additionalProperties: false,
  })

/** A text, or null. */
export const nullable = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })

/** The moment that an answer is as of. */
export const asOf = (description = 'The answer contains what was committed before this moment') =>
  Type.Unsafe<string>({ type: 'string', format: 'date-time', description, examples: [timestampExample] })

/** `{ data, next_cursor, as_of }` with rows of this schema. `extra` members come after them. */
const pageSchema = ($id: string, row: TSchema, extra: Record<string, TSchema> = {}) =>
  Type.Object(
    {
      data: Type.Array(row),
      next_cursor: nullable('`cursor` of the next page; null on the last page'),
      as_of: asOf(),
      ...extra,
    },
    { $id, additionalProperties: false },
  )

/** For the description of an endpoint for `aggregates:read`. */
export const smallGroups =
  'Without the scope attempts:read, ranges are whole days, and rows about few students are left out and counted ' +
  '(docs/access.md).'

/** How many rows a caller does not get; docs/access.md explains it. */
export const suppressed = {
  suppressed: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Only for a key or token without `attempts:read`: the number of rows that this page leaves out because they ' +
        'are about fewer students than the header `Attempt-Smallest-Group` says. A page with fewer rows than `limit` ' +
        'is not the last one.',
      // not in the example of an answer: most callers never get it
      examples: [],
    }),
  ),
}

/** The 200 of a list: a page of JSON, or a stream. */
export function pageOrStream(page: TSchema) {
  const stream = (description: string) => ({ schema: { type: 'string', description } })
  return {
    description:
      'One page as JSON, or the whole result as a stream: from one snapshot, in the same order, with the number of ' +
      'rows in the trailer `Attempt-Rows`. A stream that fails is aborted, so a client always sees an error and ' +
      'never a short result.',
    content: {
      [mediaTypes.json]: { schema: page },
      [mediaTypes.ndjson]: stream('One row per line, as in `data`'),
      [mediaTypes.csv]: stream('RFC 4180 with a header; null is an empty field, an empty text is ""'),
      [mediaTypes.arrow]: {
        schema: {
          type: 'string',
          contentEncoding: 'binary',
          description: 'Arrow IPC stream: int64, int32, float64, bool, timestamp[us, UTC], date32, utf8',
        },
      },
    } satisfies Record<MediaType, unknown>,
  }
}

/** The same for rows of this schema. */
export const listResponse = ($id: string, row: TSchema, extra: Record<string, TSchema> = {}) =>
  pageOrStream(pageSchema($id, row, extra))

/** For routes whose answers from the store carry an ETag. */
export const unchangedResponse = {
  304: {
    description:
      'The answer that If-None-Match names is still current. Answers from the store carry an ETag, which changes ' +
      'when a row in the days that they cover changes.',
  },
}
