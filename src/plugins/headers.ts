/** What browsers may do with the answers: security headers and, where origins are configured, CORS. */
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** What scripts of another origin may read beside the body. Trailers are not to be had in a browser. */
const exposed = [
  'ETag',
  'Link',
  'Retry-After',
  'WWW-Authenticate',
  'Attempt-Source',
  'Attempt-As-Of',
  'Attempt-Version',
  'Attempt-Next-Token',
  'Attempt-Columns',
  'RateLimit',
  'RateLimit-Policy',
  'Server-Timing',
]
const accepted = ['Authorization', 'X-API-Key', 'Accept', 'If-None-Match', 'Prefer', 'Traceparent', 'Tracestate']

export const headers = fp<{ corsOrigins: readonly string[] }>(
  async (app, { corsOrigins }) => {
    await app.register(helmet, {
      // answers are data: a browser that is shown one runs and frames nothing; the page of the documentation has its own
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      frameguard: { action: 'deny' },
      // browsers heed it over TLS only, which ends before this service: whoever ends it says so there
      hsts: false,
      // for pages that open windows, for old browsers, for Flash
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
      dnsPrefetchControl: false,
      ieNoOpen: false,
      permittedCrossDomainPolicies: false,
      xssFilter: false,
    })
    if (corsOrigins.length === 0) return
    await app.register(cors, {
      // a function, for the origin that is not listed gets no header at all and its preflight is an ordinary 405
      origin: (origin, answer) => {
        answer(null, origin !== undefined && corsOrigins.includes(origin) ? origin : false)
      },
      methods: ['GET', 'HEAD'],
      allowedHeaders: accepted,
      exposedHeaders: exposed,
      maxAge: 600,
      strictPreflight: false,
    })
    // routes write their own Vary over that of the plugin
    app.addHook('onSend', async (_request, reply) => {
      const vary = String(reply.getHeader('vary') ?? '')
      if (!/(^|,\s*)origin\b/i.test(vary)) reply.header('vary', vary === '' ? 'Origin' : `${vary}, Origin`)
    })
  },
  { name: 'headers' },
)
