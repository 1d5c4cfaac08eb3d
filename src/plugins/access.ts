/** Who may ask what: decided before a request is validated and before any work for it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { findCaller, keyPrefix, type KeyFile } from '../access/api-keys.js'
import { allows, type Caller, InvalidToken } from '../access/caller.js'
import type { TokenVerifier } from '../access/jwt.js'
import type { OpenGroup } from '../config.js'
import { ApiError } from '../errors.js'
import type { Scope } from '../access/caller.js'

/** How callers prove who they are; at least one of the two. */
export interface Access {
  keys?: KeyFile | undefined
  tokens?: TokenVerifier | undefined
  /** Routes that ask for nothing. */
  open: ReadonlySet<OpenGroup>
}

/** A route, and what it declares of itself. */
export interface DeclaredRoute {
  url: string
  method: string | string[]
  config?: { scope?: Scope }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route that there is: for whoever checks that none is forgotten. */
    declaredRoutes: readonly DeclaredRoute[]
  }
  interface FastifyRequest {
    /** Who asks; undefined where the route asks for nothing. */
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

const challenge = (reply: FastifyReply, ...attributes: string[]) =>
  reply.header('www-authenticate', [`Bearer realm="attempt-api"`, ...attributes].join(', '))

/** What was sent to prove who asks. X-API-Key wins: Authorization may be meant for a proxy on the way. */
function presented({ headers }: FastifyRequest): string | undefined {
  const key = headers['x-api-key']
  if (key !== undefined) return String(key)
  const { authorization } = headers
  if (authorization === undefined) return undefined
  const [scheme = '', token, ...more] = authorization.trim().split(/ +/)
  if (scheme.toLowerCase() !== 'bearer') return undefined
  if (token === undefined || more.length > 0 || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw new InvalidToken('Authorization is malformed: it is Bearer, a space, and a key or token')
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
  throw new InvalidToken('No such keys are taken here')
}

export const access = fp<{ access: Access | undefined }>(
  (app, { access: how }, done) => {
    app.decorateRequest('caller', undefined)

    // a route that says nothing of itself must not be there by mistake
    const undeclared: string[] = []
    const declared: DeclaredRoute[] = []
    app.decorate('declaredRoutes', declared)
    app.addHook('onRoute', (route) => {
      // the plugin for CORS hands preflights to it, and says that all else is not found
      if (!(route.method === 'OPTIONS' && route.url === '*')) declared.push(route)
    })
    app.addHook('onReady', (ready) => {
      for (const { url, method, config } of declared) {
        if (config?.scope === undefined || (config.scope === 'open' && groupOf(url) === undefined))
          undeclared.push(`${[method].flat().join(' ')} ${url}`)
      }
      how?.keys?.follow(app.log)
      ready(
        undeclared.length === 0
          ? undefined
          : new Error(
              `These routes do not say who may ask them (config.scope), or are open and of no group that can be closed: ${undeclared.join(', ')}`,
            ),
      )
    })

    app.addHook('onRequest', async (request, reply) => {
      const { scope } = request.routeOptions.config
      // nothing is there, so that there is nothing to protect; nor does a preflight carry a key
      if (request.is404 || request.routeOptions.url === '*') return
      if (scope !== 'open') reply.header('cache-control', 'private, no-cache')
      if (how === undefined) return
      const group = groupOf(request.routeOptions.url ?? '')
      if (group !== undefined && how.open.has(group)) return

      // whoever is refused is counted here, since the hook that counts the others is not reached: without a caller by address
      let caller: Caller | undefined
      try {
        caller = await identify(how, request)
      } catch (error) {
        if (!(error instanceof InvalidToken)) throw error
        await app.countClient(request, reply)
        challenge(reply, 'error="invalid_token"', `error_description="${error.message}"`)
        throw new ApiError('unauthenticated', error.message)
      }
      if (caller === undefined) {
        await app.countClient(request, reply)
        challenge(reply)
        throw new ApiError('unauthenticated', 'This needs a key: send it as Authorization: Bearer KEY, or as X-API-Key')
      }
      request.caller = caller
      request.log = reply.log = request.log.child({ caller: caller.name })
      // of what is open elsewhere any key is enough
      if (scope === 'open' || (scope !== undefined && allows(caller.scopes, scope))) return
      await app.countClient(request, reply)
      challenge(reply, 'error="insufficient_scope"', ...(scope === undefined ? [] : [`scope="${scope}"`]))
      throw new ApiError(
        'insufficient_scope',
        scope === undefined
          ? 'Nobody may ask this'
          : `This needs the scope ${scope}, which the key or token does not have`,
      )
    })
    app.addHook('onClose', (_app, closed) => {
      how?.keys?.close()
      closed()
    })
    done()
  },
  { name: 'access' },
)
