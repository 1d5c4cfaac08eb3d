/** The OpenAPI document, generated from the routes, and its page. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { contractVersion } from '../contract/columns.js'

export const openapi = fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'attempt-api',
        version: contractVersion,
        description: 'The locked view `attempt` (V1) as typed endpoints: attempts, students, topics, items, anomalies, and the check of the lock itself. 64-bit integers are decimal strings; timestamps are UTC with six fraction digits; ranges are half-open.',
        license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
      },
      servers: [{ url: '/', description: 'this service' }],
      // nothing is asked for yet: listen on the loopback address, or behind what checks access
      security: [],
      tags: [
        { name: 'Attempts', description: 'Rows of the view, and what it left out' },
        { name: 'Students', description: 'Aggregates of students' },
        { name: 'Topics', description: 'Topic KPIs' },
        { name: 'Items', description: 'Item statistics' },
        { name: 'Operations', description: 'Health, and the check of the lock' },
      ],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`) },
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}, { name: 'openapi' })
