/** One shape for every error: RFC 9457. What the database or the code said goes to the log, never to the client. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ApiError, databaseErrorCode, errorCodes, type ErrorCode, type ParameterError } from '../errors.js'

interface Validation { instancePath: string; keyword: string; message?: string; params: Record<string, unknown> }

function parameterErrors(validation: Validation[]): ParameterError[] {
  const errors = new Map<string, string>()
  for (const { instancePath, keyword, message = 'is not valid', params } of validation) {
    const unknown = params['additionalProperty']
    const parameter = typeof unknown === 'string' ? unknown : instancePath.split('/')[1] ?? ''
    const said = typeof unknown === 'string' ? 'is no parameter here'
      : keyword === 'type' && params['type'] !== 'array' && params['type'] !== 'integer' ? 'may be given only once'
        : keyword === 'enum' ? `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
          : keyword === 'pattern' ? 'is malformed; see the documentation of the parameter for its form' : message
    if (!errors.has(parameter)) errors.set(parameter, said)
  }
  return [...errors].map(([parameter, said]) => ({ parameter, message: said }))
}

function send(request: FastifyRequest, reply: FastifyReply, code: ErrorCode, detail: string, errors?: ParameterError[]) {
  const { status, title } = errorCodes[code]
  if (status === 503) reply.header('retry-after', '5')
  return reply.status(status).header('cache-control', 'no-store').type('application/problem+json').send(JSON.stringify({
    type: 'about:blank', title, status, detail, instance: request.url.split('?')[0], code, request_id: request.id, ...(errors === undefined ? {} : { errors }),
  }))
}

const byStatus: Record<number, ErrorCode> = { 404: 'not_found', 405: 'method_not_allowed', 413: 'payload_too_large', 414: 'uri_too_long', 415: 'unsupported_media_type' }

export const errors = fp((app, _options, done) => {
  app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
    if (error instanceof ApiError) return send(request, reply, error.code, error.message, error.errors)
    if ('validation' in error && error.validation !== undefined) {
      const list = parameterErrors(error.validation as unknown as Validation[])
      return send(request, reply, 'invalid_parameter', list.map(({ parameter, message }) => `${parameter}: ${message}`).join('; '), list)
    }
    if ((error as { code?: string }).code === '22023' && /time zone/.test(error.message)) {
      const list = [{ parameter: 'tz', message: 'is no time zone that the database knows; write for instance Asia/Seoul' }]
      return send(request, reply, 'invalid_parameter', `tz: ${list[0]?.message ?? ''}`, list)
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
    if (status < 500) return send(request, reply, byStatus[status] ?? 'bad_request', errorCodes[byStatus[status] ?? 'bad_request'].title)
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
    if (methods.length === 0) return send(request, reply, 'not_found', `There is nothing at this path; /docs lists what there is`)
    return send(request, reply.header('allow', methods.join(', ')), 'method_not_allowed', `${request.method} is not possible here; ${methods.join(' and ')} are`)
  })
  done()
}, { name: 'errors' })
