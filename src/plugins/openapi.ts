/** The OpenAPI document, generated from the routes, and its page. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { contractVersion } from '../contract/columns.js'
import type { Scope } from '../access/caller.js'
import { problems } from '../schemas/problems.js'

interface Schema {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  items?: Schema
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
}
interface Operation {
  responses?: Record<string, { content?: Record<string, { schema?: Schema; example?: unknown }> }>
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** A value that a schema allows, made of the examples of its parts. */
function example(schema: Schema, components: Record<string, Schema>): unknown {
  if (schema.$ref !== undefined) return example(components[schema.$ref.split('/').at(-1) ?? ''] ?? {}, components)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.anyOf !== undefined) return example(schema.anyOf[0] ?? {}, components)
  if (schema.items !== undefined) return [example(schema.items, components)]
  if (schema.properties !== undefined)
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, part]) => [name, example(part, components)]),
    )
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

/** What a route asks for by default; the running configuration may ask for more (ACCESS_OPEN) or, on a loopback address, for nothing. */
const securityOf = (scope: Scope | undefined) =>
  scope === undefined || scope === 'open'
    ? [{}, { apiKey: [] }, { apiKeyHeader: [] }, { jwt: [] }]
    : [{ apiKey: [scope] }, { apiKeyHeader: [scope] }, { jwt: [scope] }]

type Responses = Record<number, Schema & { description?: string; content?: Record<string, unknown> }>

/** The responses of a route with those that access control gives before it; 503 is shared with the route's own. */
function withRefusals(scope: Scope | undefined, own: Responses = {}): Responses {
  const all = problems('unauthenticated', 'insufficient_scope', 'too_many_requests', 'access_unavailable') as Responses
  if (scope === 'open') delete all[403]
  const [theirs, mine] = [all[503], own[503]]
  const both =
    mine === undefined
      ? theirs
      : mine.content === undefined
        ? {
            description: `It could not be done, and the answer says why. ${theirs?.description ?? ''}`,
            content: { 'application/json': { schema: mine }, ...theirs?.content },
          }
        : {
            ...mine,
            description: `${mine.description ?? ''}. ${theirs?.description ?? ''}`,
            content: { ...theirs?.content, ...mine.content },
          }
  return { ...all, ...own, 503: both } as Responses
}

/** Scripts and styles of this service alone; the page sets attributes of style, and its pictures are in its style sheet. */
const pageCsp = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

export const openapi = fp(
  async (app) => {
    app.addHook('onRoute', (route) => {
      if (route.url.startsWith('/docs')) route.config = { ...route.config, scope: 'open', requestClass: 'probe' }
    })
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'attempt-api',
          version: contractVersion,
          description:
            'The locked view `attempt` (V1) as typed endpoints: attempts, students, topics, items, anomalies, and the check of the lock itself. 64-bit integers are decimal strings; timestamps are UTC with six fraction digits; ranges are half-open.',
          license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
        },
        servers: [{ url: '/', description: 'this service' }],
        components: {
          securitySchemes: {
            apiKey: {
              type: 'http',
              scheme: 'bearer',
              description:
                'A key that `attempt-api key create` made, as `Authorization: Bearer attempt_key_...`. Scopes: `attempts:read` has every row and every aggregate, `aggregates:read` the aggregates without students, `metrics:read` the metrics.',
            },
            apiKeyHeader: {
              type: 'apiKey',
              in: 'header',
              name: 'X-API-Key',
              description: 'The same key where Authorization is taken, by a proxy for instance.',
            },
            jwt: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description:
                'A token of the configured issuer for the configured audience, with the scopes in `scope` or `scp`.',
            },
          },
        },
        tags: [
          { name: 'Attempts', description: 'Rows of the view, and what it left out' },
          { name: 'Students', description: 'Aggregates of students' },
          { name: 'Topics', description: 'Topic KPIs' },
          { name: 'Items', description: 'Item statistics' },
          { name: 'IRT', description: 'Response data for calibration' },
          { name: 'Operations', description: 'Health, and the check of the lock' },
        ],
      },
      transform: ({ schema, url, route }) => {
        const scope = (route.config as { scope?: Scope } | undefined)?.scope
        return {
          url,
          schema:
            schema?.hide === true
              ? schema
              : ({
                  ...schema,
                  security: securityOf(scope),
                  response: withRefusals(scope, schema?.response as Responses | undefined),
                } as never),
        }
      },
      transformObject: (input) =>
        withExamples(
          ('openapiObject' in input ? input.openapiObject : input.swaggerObject) as unknown as Document,
        ) as never,
      refResolver: {
        buildLocalReference: (json, _base, _fragment, index) =>
          typeof json['$id'] === 'string' ? json['$id'] : `schema-${index}`,
      },
    })
    // without an address the page would have it validated by a service of others, who would learn that it is here
    await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: pageCsp, uiConfig: { validatorUrl: null } })
    app.get('/openapi.json', { config: { scope: 'open', requestClass: 'probe' }, schema: { hide: true } }, () =>
      app.swagger(),
    )
  },
  { name: 'openapi' },
)
