/** Access control: decided before a request is validated, and before any work for it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { findCaller, keyPrefix, type KeyFile } from '../access/api-keys.js'
import { allows, type Caller, InvalidToken } from '../access/caller.js'
import type { TokenVerifier } from '../access/jwt.js'
import type { OpenGroup } from '../config.js'
import { ApiError } from '../errors.js'
import type { Scope } from '../access/caller.js'

/** How callers authenticate: by at least one of the two. */
export interface Access {
  keys?: KeyFile | undefined
  tokens?: TokenVerifier | undefined
  /** Routes that need no key. */
  open: ReadonlySet<OpenGroup>
}

/** A route, and the scope that it declares. */
export interface DeclaredRoute {
  url: string
  method: string | string[]
  config?: { scope?: Scope }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route, for the check that none is forgotten. */
    declaredRoutes: readonly DeclaredRoute[]
  }
  interface FastifyRequest {
    /** The authenticated caller; undefined if the route needs no key. */
    caller: Caller | undefined
  }
}

const groups: readonly [OpenGroup, RegExp][] = [
  ['health', /^\/health(\/|$)/],
  ['contract', /^\/schema-contract(\/|$)/],
  ['docs', /^\/(docs(\/|$)|openapi\.json$)/],
  ['metrics', /^\/metrics$/],
]
const groupOf = (url: string): OpenGroup | undefined => groups.find(([, pattern]) => pattern.test(url))?.[0]

/** Adds the header WWW-Authenticate (RFC 6750). */
export const challenge = (reply: FastifyReply, ...attributes: string[]) =>
  reply.header('www-authenticate', [`Bearer realm="attempt-api"`, ...attributes].join(', '))

/** The key or token of the request. X-API-Key takes precedence: Authorization may be meant for a proxy. */
function presented({ headers }: FastifyRequest): string | undefined {
  const key = headers['x-api-key']
  if (key !== undefined) return String(key)
  const { authorization } = headers
  if (authorization === undefined) return undefined
  const [scheme = '', token, ...more] = authorization.trim().split(/ +/)
  if (scheme.toLowerCase() !== 'bearer') return undefined
  if (token === undefined || more.length > 0 || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw new InvalidToken("The header Authorization must be 'Bearer', a space, and a key or token")
  return token
}

function identify({ keys, tokens }: Access, request: FastifyRequest): Caller | Promise<Caller> | undefined {
  const token = presented(request)
  if (token === undefined) return undefined
  if (
    keys !== undefined &&
    (tokens === undefined || token.startsWith(keyPrefix) || request.headers['x-api-key'] !== undefined)
  )
    return findCaller(keys.keys(), token)
  if (tokens !== undefined && request.headers['x-api-key'] === undefined) return tokens(token, request.log)
  throw new InvalidToken('This service accepts no keys of this kind')
}

export const access = fp<{ access: Access | undefined }>(
  (app, { access: settings }, done) => {
    app.decorateRequest('caller', undefined)

    // a route without a scope must not exist by mistake
    const undeclared: string[] = []
    const declared: DeclaredRoute[] = []
    app.decorate('declaredRoutes', declared)
    app.addHook('onRoute', (route) => {
      // the CORS plugin routes preflights to it; everything else there is not found
      if (!(route.method === 'OPTIONS' && route.url === '*')) declared.push(route)
    })
    app.addHook('onReady', (ready) => {
      for (const { url, method, config } of declared) {
        if (config?.scope === undefined || (config.scope === 'open' && groupOf(url) === undefined))
          undeclared.push(`${[method].flat().join(' ')} ${url}`)
      }
      settings?.keys?.follow(app.log)
      ready(
        undeclared.length === 0
          ? undefined
          : new Error(
              'These routes declare no config.scope, or are open and in no group that ACCESS_OPEN can close: ' +
                undeclared.join(', '),
            ),
      )
    })

    app.addHook('onRequest', async (request, reply) => {
      const { scope } = request.routeOptions.config
      // a path that does not exist has nothing to protect, and a preflight carries no key
      if (request.is404 || request.routeOptions.url === '*') return
      if (scope !== 'open') reply.header('cache-control', 'private, no-cache')
      if (settings === undefined) return
      const group = groupOf(request.routeOptions.url ?? '')
      if (group !== undefined && settings.open.has(group)) return

      // a refused request is counted here, because it does not reach the hook that counts the others
      let caller: Caller | undefined
      try {
        caller = await identify(settings, request)
      } catch (error) {
        if (!(error instanceof InvalidToken)) throw error
        await app.countClient(request, reply)
        challenge(reply, 'error="invalid_token"', `error_description="${error.message}"`)
        throw new ApiError('unauthenticated', error.message)
      }
      if (caller === undefined) {
        await app.countClient(request, reply)
        challenge(reply)
        throw new ApiError(
          'unauthenticated',
          'This endpoint needs an API key. Send it as Authorization: Bearer KEY, or as X-API-Key: KEY',
        )
      }
      request.caller = caller
      request.log = reply.log = request.log.child({ caller: caller.name })
      // an open route that is closed by configuration accepts any key
      if (scope === 'open' || (scope !== undefined && allows(caller.scopes, scope))) return
      await app.countClient(request, reply)
      challenge(reply, 'error="insufficient_scope"', ...(scope === undefined ? [] : [`scope="${scope}"`]))
      throw new ApiError(
        'insufficient_scope',
        scope === undefined
          ? 'No scope gives access to this endpoint'
          : `This endpoint needs the scope ${scope}, which the key or token does not have`,
      )
    })
    app.addHook('onClose', (_app, closed) => {
      settings?.keys?.close()
      closed()
    })
    done()
  },
  { name: 'access' },
)
