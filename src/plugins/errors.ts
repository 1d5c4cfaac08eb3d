/** One shape for every error: RFC 9457. Texts of the database or of the code go to the log, never to the client. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ApiError, databaseErrorCode, errorCodes, type ErrorCode } from '../errors.js'
import { refusalOf, refusedError } from '../database/refusals.js'
import { damagedCursor } from '../http/cursor.js'
import { unknownZone } from '../schemas/time-zones.js'
import { bareHeaders } from './broken-requests.js'
import { markNumbers, parameterErrors } from './parameter-errors.js'

const defaultRetryAfterS = 5

function send(request: FastifyRequest, reply: FastifyReply, { code, message, errors, retryAfterS }: ApiError) {
  const { status, title } = errorCodes[code]
  // a path that the router refuses passes no hook
  const { meter } = request as { meter?: FastifyRequest['meter'] | null }
  if (meter !== undefined && meter !== null) meter.code = code
  const retryAfter = retryAfterS ?? (status === 503 ? defaultRetryAfterS : undefined)
  return reply
    .status(status)
    .headers({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    })
    .send(
      JSON.stringify({
        type: 'about:blank',
        title,
        status,
        detail: message,
        instance: request.url.split('?')[0],
        code,
        request_id: request.id,
        ...(errors === undefined ? {} : { errors }),
      }),
    )
}

/** For a path that the router refuses: an invalid escape, or a part that is too long. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem =
    error.statusCode === 414
      ? new ApiError('uri_too_long', 'A part of the path is too long. The limit is 200 characters')
      : new ApiError('bad_request', 'The path has an invalid percent escape. Write a literal % as %25')
  void send(request, reply.headers(bareHeaders), problem)
}

const byStatus: Record<number, ErrorCode> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
}

const withTitle = (code: ErrorCode) => new ApiError(code, errorCodes[code].title)

const unavailable = () => new ApiError('database_unavailable', `${errorCodes.database_unavailable.title}. Retry.`)

/** What an error of the database means that a parameter caused; undefined if none did. */
function parameterError(error: FastifyError, query: unknown): ApiError | undefined {
  const { tz, cursor } = (query ?? {}) as { tz?: string; cursor?: string }
  // invalid_parameter_value; the text is in the language of the server
  if (error.code === '22023' && tz !== undefined) return unknownZone(tz)
  // of a cursor only the form of its values was checked, so the database may reject a value; parameters are valid here
  return /^22/.test(error.code) && cursor !== undefined ? damagedCursor() : undefined
}

export const errors = fp(
  (app, _options, done) => {
    app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
      if (error instanceof ApiError) return send(request, reply, error)
      if (error.validation !== undefined) return send(request, reply, parameterErrors(error.validation))
      const wrong = parameterError(error, request.query)
      if (wrong !== undefined) return send(request, reply, wrong)
      if (reply.raw.destroyed) {
        request.log.info({ reason: error.message }, 'the client disconnected before the answer')
        return send(request, reply, withTitle('bad_request'))
      }
      const database = databaseErrorCode(error)
      if (database !== undefined) {
        request.log.warn({ err: error }, 'database error')
        if (database !== 'database_unavailable') return send(request, reply, withTitle(database))
        return send(request, reply, refusalOf(error) === undefined ? unavailable() : refusedError())
      }
      const status = error.statusCode ?? 500
      if (status < 500) return send(request, reply, withTitle(byStatus[status] ?? 'bad_request'))
      request.log.error({ err: error }, 'request failed')
      return send(
        request,
        reply,
        new ApiError('internal_error', 'The service failed. Give the request_id to the operator of the service'),
      )
    })

    app.addHook('onRoute', (route) => {
      const mark = markNumbers(route.schema?.querystring)
      if (mark === undefined) return
      route.preValidation = [
        ...[route.preValidation ?? []].flat(),
        (request, _reply, next) => {
          mark(request.query as Record<string, unknown>)
          next()
        },
      ]
    })

    // every route, to distinguish a wrong method from a wrong path
    const known: { path: RegExp; method: string }[] = []
    app.addHook('onRoute', ({ url, method }) => {
      const path = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[^/]+/g, '[^/]+')}/?$`)
      for (const one of [method].flat()) known.push({ path, method: one })
    })
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0] ?? ''
      const methods = [...new Set(known.filter((route) => route.path.test(path)).map(({ method }) => method))]
      if (methods.length === 0) return send(request, reply, new ApiError('not_found', 'No such endpoint. See /docs.'))
      return send(
        request,
        reply.header('allow', methods.join(', ')),
        new ApiError(
          'method_not_allowed',
          `This endpoint does not support ${request.method}; use ${methods.join(' or ')}`,
        ),
      )
    })
    done()
  },
  { name: 'errors' },
)
