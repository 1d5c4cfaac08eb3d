/** What the answers look like, from the lists of columns that the queries give. */
import { Type, type TSchema } from 'typebox'
import { errorCodes, type ErrorCode } from '../errors.js'
import type { Column, Kind } from '../formats/encoder.js'

const kinds: Record<Kind, Record<string, unknown>> = {
  int64: { type: 'string', pattern: '^-?[0-9]+$', examples: ['1001'] },
  count: { type: 'integer', examples: [12] },
  integer: { type: 'integer', examples: [12] },
  number: { type: 'number', examples: [0.75] },
  boolean: { type: 'boolean', examples: [true] },
  timestamp: {
    type: 'string',
    format: 'date-time',
    pattern: '\\.[0-9]{6}Z$',
    examples: ['2025-01-01T09:30:00.123456Z'],
  },
  date: { type: 'string', format: 'date', examples: ['2025-01-01'] },
  uuid: { type: 'string', format: 'uuid', examples: ['c773fdef-3889-bdad-be80-9f1e8aaeea46'] },
  text: { type: 'string', examples: ['algebra'] },
}

/** The JSON schema of one column: 64-bit integers are strings, nullability is said in the type. */
export function columnSchema({ kind, nullable = false, description }: Column): TSchema {
  const schema = kinds[kind]
  return { ...schema, type: nullable ? [schema['type'], 'null'] : schema['type'], description } as unknown as TSchema
}

/** An object with these columns, all of them always there. */
export const rowSchema = ($id: string, columns: readonly Column[], description: string): TSchema =>
  ({
    $id,
    type: 'object',
    description,
    properties: Object.fromEntries(columns.map((column) => [column.name, columnSchema(column)])),
    required: columns.map((column) => column.name),
    additionalProperties: false,
  }) as unknown as TSchema

/** `{ data, next_cursor, as_of }` of a row's schema. `extra` members stand beside them. */
export const pageSchema = ($id: string, row: TSchema, extra: Record<string, TSchema> = {}): TSchema =>
  Type.Object(
    {
      data: Type.Array(row),
      next_cursor: {
        type: ['string', 'null'],
        description: 'cursor of the next page; null: this is the last',
      } as unknown as TSchema,
      as_of: {
        type: 'string',
        format: 'date-time',
        description: 'what was committed before this moment is in the answer',
        examples: ['2025-01-01T09:30:00.123456Z'],
      } as unknown as TSchema,
      ...extra,
    },
    { $id, additionalProperties: false },
  )

export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'about:blank: title says it', examples: ['about:blank'] }),
    title: Type.String({ examples: [errorCodes.invalid_parameter.title] }),
    status: Type.Integer({ examples: [400] }),
    detail: Type.String({ description: 'what to change', examples: ['limit: must be <= 10000'] }),
    instance: Type.String({ description: 'the request: its path', examples: ['/v1/attempts'] }),
    code: Type.Enum(Object.keys(errorCodes), { description: 'which error' }),
    request_id: Type.String({ description: 'under which the log has it', examples: ['req-1'] }),
    errors: Type.Optional(
      Type.Array(Type.Object({ parameter: Type.String(), message: Type.String() }, { additionalProperties: false })),
    ),
  },
  { $id: 'Problem', additionalProperties: false, description: 'RFC 9457 problem details' },
)

/** The error responses of a route, one entry a status. */
export function problems(...codes: ErrorCode[]): Record<number, unknown> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes)
    byStatus.set(errorCodes[code].status, [...(byStatus.get(errorCodes[code].status) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `\`${code}\`: ${errorCodes[code].title}`).join('. '),
        content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
      },
    ]),
  )
}

/** What every data route can answer. */
export const dataProblems = (...more: ErrorCode[]): Record<number, unknown> =>
  problems(
    'invalid_parameter',
    'invalid_cursor',
    'not_acceptable',
    'too_many_requests',
    'internal_error',
    'not_migrated',
    'database_unavailable',
    'overloaded',
    'shutting_down',
    'too_busy',
    'too_many_streams',
    'store_unavailable',
    'timeout',
    'http_version_not_supported',
    ...more,
  )
