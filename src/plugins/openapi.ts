/** The OpenAPI document, generated from the routes, and its page. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { contractVersion } from '../contract/columns.js'

interface Schema { $ref?: string; type?: string | string[]; properties?: Record<string, Schema>; items?: Schema; examples?: unknown[]; enum?: unknown[]; const?: unknown; anyOf?: Schema[] }
interface Operation { responses?: Record<string, { content?: Record<string, { schema?: Schema; example?: unknown }> }> }
interface Document { paths?: Record<string, Record<string, Operation>>; components?: { schemas?: Record<string, Schema> } }

/** A value that a schema allows, made of the examples of its parts. */
function example(schema: Schema, components: Record<string, Schema>): unknown {
  if (schema.$ref !== undefined) return example(components[schema.$ref.split('/').at(-1) ?? ''] ?? {}, components)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.anyOf !== undefined) return example(schema.anyOf[0] ?? {}, components)
  if (schema.items !== undefined) return [example(schema.items, components)]
  if (schema.properties !== undefined) return Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, example(part, components)]))
  return Array.isArray(schema.type) && schema.type.includes('null') ? null : schema.type === 'array' ? [] : ''
}

/** Gives each operation the example of its answer. */
function withExamples(document: Document): Document {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(operations)) {
      for (const content of Object.values(operation.responses?.['200']?.content ?? {})) {
        if (content.schema !== undefined) content.example = example(content.schema, document.components?.schemas ?? {})
      }
    }
  }
  return document
}

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
        { name: 'IRT', description: 'Response data for calibration' },
        { name: 'Operations', description: 'Health, and the check of the lock' },
      ],
    },
    transformObject: (input) => withExamples(('openapiObject' in input ? input.openapiObject : input.swaggerObject) as unknown as Document) as never,
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => (typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`) },
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}, { name: 'openapi' })
