/** Builds the Fastify app: options, plugins and routes, in this order. It does not listen. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { LogController } from 'fastify'
import { createMetrics, type Metrics } from './observability/metrics.js'
import { childLogger, requestId, requests } from './observability/request-log.js'
import { access, type Access } from './plugins/access.js'
import { answerBrokenRequest, answerExpectations } from './plugins/broken-requests.js'
import { answerUnroutable, errors } from './plugins/errors.js'
import { headers } from './plugins/headers.js'
import { overload } from './plugins/overload.js'
import { openapi } from './plugins/openapi.js'
import { rateLimit } from './plugins/rate-limit.js'
import { shutdown } from './plugins/shutdown.js'
import { smallGroups } from './plugins/small-groups.js'
import { slowClients } from './plugins/slow-clients.js'
import { timeouts } from './plugins/timeouts.js'
import { anomalies } from './routes/anomalies.js'
import { attempts } from './routes/attempts.js'
import { changes } from './routes/changes.js'
import { irt } from './routes/irt.js'
import { items } from './routes/items.js'
import { metricsRoute } from './routes/metrics.js'
import { operations } from './routes/operations.js'
import { students } from './routes/students.js'
import { topics } from './routes/topics.js'
import type {} from './http/route-config.js'
import { problemSchema } from './schemas/problems.js'
import type { App, Services } from './services.js'
import { serviceVersion } from './version.js'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

export interface AppOptions {
  logger?: object | boolean
  /** undefined: every request is allowed. */
  access?: Access | undefined
  corsOrigins?: readonly string[]
}

/** Builds the app. All options are here, so that tests and production use the same. */
export async function buildApp(
  services: Services,
  { logger = false, access: accessOptions, corsOrigins = [] }: AppOptions = {},
): Promise<App> {
  const app = fastify({
    logger,
    // removeAdditional: unknown parameters are errors. coerceTypes: a list may have a single value. strictNumbers: if
    // true, a number beyond the range of a double would skip the check of its maximum.
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: 'array',
        allErrors: true,
        useDefaults: false,
        strictNumbers: false,
        // errors then have the value and its schema, for the message
        verbose: true,
      },
    },
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    // docs/limits.md explains every limit
    bodyLimit: 16_384,
    http: {
      maxHeaderSize: 65_536,
      headersTimeout: 15_000,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false,
    },
    requestTimeout: 20_000,
    // with Fastify's default of 10 s, a longer grace period would fail
    pluginTimeout: services.limits.shutdownGraceS * 1000 + 10_000,
    keepAliveTimeout: services.limits.keepAliveS * 1000,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerUnroutable,
    trustProxy: services.limits.trustProxy.length > 0 && [...services.limits.trustProxy],
    // the plugin `shutdown` refuses requests instead; it lets probes through
    return503OnClosing: false,
    // one line per request, at its end: observability/request-log.ts
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestId,
    childLoggerFactory: childLogger,
  }).withTypeProvider<TypeBoxTypeProvider>()
  // without a schema-based serializer: data routes write their own JSON, and the other answers are small
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  answerExpectations(app.server)
  app.server.maxConnections = services.limits.maxConnections
  const metrics = createMetrics(services, serviceVersion)
  app.decorate('metrics', metrics)
  await app.register(requests, { metrics, slowQueries: services.slowQueries })
  await app.register(errors)
  await app.register(headers, { corsOrigins })
  await app.register(overload, services.limits)
  await app.register(shutdown, { graceS: services.limits.shutdownGraceS, abort: services.abortRunning })
  await app.register(access, { access: accessOptions })
  app.addSchema(problemSchema)
  await app.register(smallGroups, services.limits)
  await app.register(rateLimit, services.limits)
  await app.register(timeouts, services.limits)
  await app.register(slowClients, services.limits)
  await app.register(openapi)
  for (const routes of [attempts, changes, anomalies, students, topics, items, irt, operations, metricsRoute]) {
    app.register((scope, _options, done) => {
      routes(scope.withTypeProvider<TypeBoxTypeProvider>(), services)
      done()
    })
  }
  // the refresher and the heartbeat stop in parallel with the last requests
  app.addHook('preClose', (done) => {
    services.stopBackgroundWork()
    done()
  })
  app.addHook('onClose', () => services.stop())
  return app
}
