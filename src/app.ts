/** The table of contents: options, plugins, routes, in this order. Builds and never listens. */
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
  /** None: every request is allowed. */
  access?: Access | undefined
  corsOrigins?: readonly string[]
}

/** Builds the service. The options are here, so that tests and production run under the same rules. */
export async function buildApp(
  services: Services,
  { logger = false, access: who, corsOrigins = [] }: AppOptions = {},
): Promise<App> {
  const app = fastify({
    logger,
    // unknown and repeated parameters are errors, never ignored; a list may have a single value; strict numbers would
    // skip the maximum for digits beyond the range of a double
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: 'array',
        allErrors: true,
        useDefaults: false,
        strictNumbers: false,
        // an error says what was sent, and what its schema allows
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
    // Fastify's own 10 s would turn a longer grace period into a failure
    pluginTimeout: services.limits.shutdownGraceS * 1000 + 10_000,
    keepAliveTimeout: services.limits.keepAliveS * 1000,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerUnroutable,
    trustProxy: services.limits.trustProxy.length > 0 && [...services.limits.trustProxy],
    // the plugin shutdown refuses requests, but not probes
    return503OnClosing: false,
    // one line per request, at its end: observability/request-log.ts
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestId,
    childLoggerFactory: childLogger,
  }).withTypeProvider<TypeBoxTypeProvider>()
  // the data routes write their own JSON; the other answers are small
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
  await app.register(access, { access: who })
  app.addSchema(problemSchema)
  await app.register(rateLimit, services.limits)
  await app.register(timeouts, services.limits)
  await app.register(openapi)
  for (const routes of [attempts, changes, anomalies, students, topics, items, irt, operations, metricsRoute]) {
    app.register((scope, _options, done) => {
      routes(scope.withTypeProvider<TypeBoxTypeProvider>(), services)
      done()
    })
  }
  // the refresher and the heartbeat end during the last answers, not after them
  app.addHook('preClose', (done) => {
    services.stopBackgroundWork()
    done()
  })
  app.addHook('onClose', () => services.stop())
  return app
}
