/** What browsers may do with answers: security headers and, for configured origins, CORS. */
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** The headers that scripts of another origin may read. A browser gives no access to trailers. */
const exposed = [
  'ETag',
  'Link',
  'Retry-After',
  'WWW-Authenticate',
  'Attempt-Source',
  'Attempt-As-Of',
  'Attempt-Version',
  'Attempt-Set-Aside',
  'Attempt-Next-Token',
  'Attempt-Columns',
  'Attempt-Smallest-Group',
  'RateLimit',
  'RateLimit-Policy',
  'Server-Timing',
]
const accepted = ['Authorization', 'X-API-Key', 'Accept', 'If-None-Match', 'Prefer', 'Traceparent', 'Tracestate']

export const headers = fp<{ corsOrigins: readonly string[] }>(
  async (app, { corsOrigins }) => {
    await app.register(helmet, {
      // answers are data: a browser runs and frames nothing in them; the documentation page has its own policy
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      frameguard: { action: 'deny' },
      // only useful over TLS, which ends before this service
      hsts: false,
      // for pages that open windows, old browsers and Flash
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
      dnsPrefetchControl: false,
      ieNoOpen: false,
      permittedCrossDomainPolicies: false,
      xssFilter: false,
    })
    if (corsOrigins.length === 0) return
    await app.register(cors, {
      // a function: an origin that is not listed gets no header at all, and its preflight is an ordinary 405
      origin: (origin, answer) => {
        answer(null, origin !== undefined && corsOrigins.includes(origin) ? origin : false)
      },
      methods: ['GET', 'HEAD'],
      allowedHeaders: accepted,
      exposedHeaders: exposed,
      maxAge: 600,
      strictPreflight: false,
    })
    // a route's own Vary replaces that of the plugin
    app.addHook('onSend', async (_request, reply) => {
      const vary = String(reply.getHeader('vary') ?? '')
      if (!/(^|,\s*)origin\b/i.test(vary)) reply.header('vary', vary === '' ? 'Origin' : `${vary}, Origin`)
    })
  },
  { name: 'headers' },
)
