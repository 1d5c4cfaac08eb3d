/** One shape for every error: RFC 9457. What the database or the code said goes to the log, never to the client. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { bareHeaders } from './broken-requests.js'
import { ApiError, databaseErrorCode, errorCodes, type ErrorCode, type ParameterError } from '../errors.js'

/** A request may have thousands of mistakes; its answer is not to be many times as long. */
const mostTold = 20

interface Validation {
  instancePath: string
  keyword: string
  message?: string
  params: Record<string, unknown>
}

function parameterErrors(validation: Validation[]): ParameterError[] {
  const errors = new Map<string, string>()
  for (const { instancePath, keyword, message = 'is not valid', params } of validation) {
    const unknown = params['additionalProperty']
    const parameter = typeof unknown === 'string' ? unknown : (instancePath.split('/')[1] ?? '')
    const said =
      typeof unknown === 'string'
        ? 'is no parameter here'
        : keyword === 'type' && params['type'] !== 'array' && params['type'] !== 'integer'
          ? 'may be given only once'
          : keyword === 'enum'
            ? `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
            : keyword === 'pattern'
              ? 'is malformed; see the documentation of the parameter for its form'
              : message
    if (!errors.has(parameter)) errors.set(parameter, said)
    if (errors.size === mostTold) break
  }
  return [...errors].map(([parameter, said]) => ({ parameter, message: said }))
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  errors?: ParameterError[],
  retryAfterS?: number,
) {
  const { status, title } = errorCodes[code]
  // a path that the router cannot take passes no hook
  const { meter } = request as { meter?: FastifyRequest['meter'] | null }
  if (meter !== undefined && meter !== null) meter.code = code
  if (status === 503 || retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS ?? 5))
  // the tag is of the answer that this is not
  return reply
    .removeHeader('etag')
    .status(status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title,
        status,
        detail,
        instance: request.url.split('?')[0],
        code,
        request_id: request.id,
        ...(errors === undefined ? {} : { errors }),
      }),
    )
}

/** What the router cannot take to a route: a path with a broken escape, a part of it that is too long. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  void send(
    request,
    reply.headers(bareHeaders),
    error.statusCode === 414 ? 'uri_too_long' : 'bad_request',
    error.statusCode === 414 ? 'A part of the path is too long' : 'The path has an escape (%) that is none',
  )
}

const byStatus: Record<number, ErrorCode> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
}

export const errors = fp(
  (app, _options, done) => {
    app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
      if (error instanceof ApiError)
        return send(request, reply, error.code, error.message, error.errors, error.retryAfterS)
      if ('validation' in error && error.validation !== undefined) {
        const list = parameterErrors(error.validation as unknown as Validation[])
        return send(
          request,
          reply,
          'invalid_parameter',
          list.map(({ parameter, message }) => `${parameter}: ${message}`).join('; '),
          list,
        )
      }
      if ((error as { code?: string }).code === '22023' && /time zone/.test(error.message)) {
        const list = [
          { parameter: 'tz', message: 'is no time zone that the database knows; write for instance Asia/Seoul' },
        ]
        return send(request, reply, 'invalid_parameter', `tz: ${list[0]?.message ?? ''}`, list)
      }
      // parameters are checked to the digit; a cursor's values only by their form, until the database reads them
      if (
        /^22/.test(String((error as { code?: unknown }).code)) &&
        (request.query as { cursor?: string } | undefined)?.cursor !== undefined
      ) {
        const message = 'is damaged; leave it out to start again'
        return send(request, reply, 'invalid_cursor', `cursor: ${message}`, [{ parameter: 'cursor', message }])
      }
      if (reply.raw.destroyed) {
        request.log.info({ reason: error.message }, 'the client left before its answer')
        return send(request, reply, 'bad_request', errorCodes.bad_request.title)
      }
      const database = databaseErrorCode(error)
      if (database !== undefined) {
        request.log.warn({ err: error }, 'database error')
        return send(request, reply, database, errorCodes[database].title)
      }
      const status = (error as FastifyError).statusCode ?? 500
      if (status < 500)
        return send(
          request,
          reply,
          byStatus[status] ?? 'bad_request',
          errorCodes[byStatus[status] ?? 'bad_request'].title,
        )
      request.log.error({ err: error }, 'request failed')
      return send(request, reply, 'internal_error', 'The service failed; give the request id to whoever runs it')
    })
    // what there is, so that a wrong method is told from a wrong path
    const known: { path: RegExp; method: string }[] = []
    app.addHook('onRoute', ({ url, method }) => {
      const path = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}/?$`)
      for (const one of [method].flat()) known.push({ path, method: one })
    })
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0] ?? ''
      const methods = [...new Set(known.filter((route) => route.path.test(path)).map(({ method }) => method))]
      if (methods.length === 0)
        return send(request, reply, 'not_found', `There is nothing at this path; /docs lists what there is`)
      return send(
        request,
        reply.header('allow', methods.join(', ')),
        'method_not_allowed',
        `${request.method} is not possible here; ${methods.join(' and ')} are`,
      )
    })
    done()
  },
  { name: 'errors' },
)
