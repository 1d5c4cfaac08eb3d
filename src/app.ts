/** The table of contents: options, plugins, routes, in this order. Builds and never listens. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type RawReplyDefaultExpression, type RawRequestDefaultExpression, type RawServerDefault } from 'fastify'
import type { Config } from './config.js'
import type { ContractMonitor } from './contract-monitor.js'
import type { Databases } from './database/reader.js'
import type { Streams } from './database/streams.js'
import { errors } from './plugins/errors.js'
import { openapi } from './plugins/openapi.js'
import { anomalies } from './routes/anomalies.js'
import { attempts } from './routes/attempts.js'
import { changes } from './routes/changes.js'
import { irt } from './routes/irt.js'
import { items } from './routes/items.js'
import { operations } from './routes/operations.js'
import { students } from './routes/students.js'
import { topics } from './routes/topics.js'
import { problemSchema } from './schemas/responses.js'
import type { StoreMonitor } from './store/monitor.js'
import type { Sources } from './store/sources.js'

export interface Services { limits: Pick<Config, 'irtWideItems' | 'irtResponses'>; databases: Databases; sources: Sources; streams: Streams; contract: ContractMonitor; storeMonitor: StoreMonitor }
export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider>
/** Declares the routes of one resource. */
export type Routes = (app: App, services: Services) => void

/** Builds the service. The options are here, so that tests and production run under the same rules. */
export async function buildApp(services: Services, { logger = false }: { logger?: object | boolean } = {}): Promise<App> {
  const app = fastify({
    logger,
    // unknown and repeated parameters are errors, never ignored; a single value of a list needs no second one
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: true, useDefaults: false } },
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    bodyLimit: 16_384,
    requestTimeout: 60_000,
    return503OnClosing: true,
  }).withTypeProvider<TypeBoxTypeProvider>()
  // The data routes write their own JSON; what is left is small.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  await app.register(errors)
  app.addSchema(problemSchema)
  await app.register(openapi)
  for (const routes of [attempts, changes, anomalies, students, topics, items, irt, operations]) {
    app.register((scope, _options, done) => {
      routes(scope as unknown as App, services)
      done()
    })
  }
  // before the requests in flight are waited for: a stream may run for an hour
  app.addHook('preClose', () => services.streams.close())
  app.addHook('onReady', (done) => {
    services.sources.start(app.log, (server) => {
      services.databases.drop(server)
      services.streams.drop(server)
    })
    done()
  })
  app.addHook('onClose', async () => { await Promise.all([services.databases.close(), services.sources.close(), services.contract.close(), services.storeMonitor.close()]) })
  return app
}
