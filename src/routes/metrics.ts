import { Type } from 'typebox'
import { noParameters } from '../schemas/parameters.js'
import { problems } from '../schemas/problems.js'
import type { Routes } from '../services.js'

export const metricsRoute: Routes = (app) => {
  app.get(
    '/metrics',
    {
      config: { scope: 'metrics:read', requestClass: 'probe' },
      schema: {
        tags: ['Operations'],
        operationId: 'getMetrics',
        summary: 'Get metrics for Prometheus',
        description:
          'Text exposition format. Never waits for a database that does not answer: then the values are the last ' +
          'known ones and `attempt_database_up` is 0. docs/observability.md explains each metric.',
        querystring: noParameters,
        response: {
          200: {
            description: 'The metrics',
            content: { 'text/plain': { schema: Type.String({ examples: ['attempt_streams_running 0'] }) } },
          },
          ...problems('invalid_parameter', 'internal_error'),
        },
      },
    },
    async (_request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type(app.metrics.contentType)
        .send(await app.metrics.scrape()),
  )
}
