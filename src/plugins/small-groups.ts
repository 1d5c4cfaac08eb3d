/**
 * What a caller with `aggregates:read` and without `attempts:read` may ask for: whole days, and no parameter that
 * selects students. Otherwise two answers would differ by one student. http/small-groups.ts leaves out the small rows.
 */
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { ApiError, quoted } from '../errors.js'
import { checkTimestamp } from '../schemas/checks.js'
import { isStartOfDay } from '../schemas/time-zones.js'
import { challenge } from './access.js'

interface RangeOfRequest {
  since?: string
  until?: string
  tz?: string
}

const needsRows = (what: string) =>
  new ApiError('insufficient_scope', `${what}, because the key or token lacks the scope attempts:read`)

/** @throws ApiError insufficient_scope, invalid_parameter */
function checkWholeDays({ since, until, tz }: RangeOfRequest, zone: string, hasZone: boolean): void {
  if (hasZone) {
    if ((tz ?? 'UTC').toLowerCase() !== zone.toLowerCase())
      throw needsRows(`\`tz\` must be ${zone}; ${tz === undefined ? 'the default is UTC' : `got ${quoted(tz)}`}`)
    return
  }
  const example = zone === 'UTC' ? ', such as 2026-11-01T00:00:00Z' : ''
  for (const [parameter, value] of Object.entries({ since, until }))
    if (value !== undefined && !isStartOfDay(checkTimestamp(parameter, value), zone))
      throw needsRows(`\`${parameter}\` must be the start of a day in ${zone}${example}; got ${quoted(value)}`)
}

export const smallGroups = fp<Pick<Config, 'aggregatesMinStudents' | 'aggregatesTz'>>(
  (app, { aggregatesMinStudents: students, aggregatesTz: zone }, done) => {
    app.decorateRequest('smallestGroup', undefined)
    if (students === 1) return done()
    app.addHook('onRequest', (request, _reply, next) => {
      const { scope } = request.routeOptions.config
      if (scope === 'aggregates:read' && request.caller?.scopes.has('attempts:read') === false)
        request.smallestGroup = { students, zone }
      next()
    })
    app.addHook('preHandler', (request, reply, next) => {
      if (request.smallestGroup === undefined) return next()
      const { config, schema } = request.routeOptions
      const query = request.query as Record<string, unknown> & RangeOfRequest
      const declared = schema?.querystring as { properties?: Record<string, unknown> } | undefined
      try {
        for (const parameter of config.studentParameters ?? [])
          if (query[parameter] !== undefined) throw needsRows(`\`${parameter}\` must not be given`)
        checkWholeDays(query, zone, 'tz' in (declared?.properties ?? {}))
        next()
      } catch (error) {
        if (error instanceof ApiError && error.code === 'insufficient_scope')
          challenge(reply, 'error="insufficient_scope"', 'scope="attempts:read"')
        next(error as Error)
      }
    })
    done()
  },
  { name: 'small-groups', dependencies: ['access'] },
)
