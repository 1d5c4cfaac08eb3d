import { Type } from 'typebox'
import type { Routes } from '../services.js'
import { problems } from '../schemas/responses.js'

export const metricsRoute: Routes = (app) => {
  app.get(
    '/metrics',
    {
      config: { scope: 'metrics:read', requestClass: 'probe' },
      schema: {
        tags: ['Operations'],
        operationId: 'getMetrics',
        summary: 'Figures for Prometheus',
        description:
          'Text exposition format. Never waits for a database that is away: what was known last, and `attempt_database_up` 0. docs/observability.md says what each figure means.',
        querystring: Type.Object({}, { additionalProperties: false }),
        response: {
          200: {
            description: 'the figures',
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
