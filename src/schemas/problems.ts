/** The errors of a route in its schema: RFC 9457 problem details. */
import { Type } from 'typebox'
import { errorCodes, type ErrorCode } from '../errors.js'
import { oneOf } from './parameters.js'

export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'about:blank: `title` describes the problem', examples: ['about:blank'] }),
    title: Type.String({
      description: 'What the code means',
      examples: [errorCodes.invalid_parameter.title],
    }),
    status: Type.Integer({ description: 'The HTTP status', examples: [400] }),
    detail: Type.String({
      description: 'What is wrong with this request, and what to do',
      examples: ['`attempt_no` must be an integer from 1 to 2147483647, such as 1; got "0"'],
    }),
    instance: Type.String({ description: 'Path of the request', examples: ['/v1/attempts'] }),
    code: oneOf(Object.keys(errorCodes), { description: 'The error code; docs/errors.md explains each' }),
    request_id: Type.String({ description: 'Id of the request in the log of the service', examples: ['req-1'] }),
    errors: Type.Optional(
      Type.Array(Type.Object({ parameter: Type.String(), message: Type.String() }, { additionalProperties: false }), {
        description: 'The parameters that are wrong',
      }),
    ),
  },
  { $id: 'Problem', additionalProperties: false, description: 'RFC 9457 problem details' },
)

/** The error responses of a route, one entry per status. */
export function problems(...codes: ErrorCode[]): Record<number, { description: string; content: object }> {
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
export const dataProblems = (...more: ErrorCode[]) =>
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
    'too_many_client_streams',
    'store_unavailable',
    'answer_too_large',
    'timeout',
    'http_version_not_supported',
    ...more,
  )
