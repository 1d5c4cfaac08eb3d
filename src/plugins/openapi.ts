/** The OpenAPI document, generated from the routes, and the page that shows it. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { contractVersion } from '../contract/attempt-v1.js'
import type { Scope } from '../access/caller.js'
import { noParameters } from '../schemas/parameters.js'
import { mediaTypes } from '../formats/media-types.js'
import { problems } from '../schemas/problems.js'

interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  properties?: Record<string, Schema>
  items?: Schema
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
}
interface Parameter {
  name: string
  in: string
  description?: string
  example?: unknown
  schema?: Schema
}
interface Content {
  schema?: Schema
  example?: unknown
}
interface Operation {
  parameters?: Parameter[]
  responses?: Record<string, { content?: Record<string, Content> }>
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** A value that a schema allows, from the examples of its parts. */
function example(schema: Schema, components: Record<string, Schema>): unknown {
  if (schema.$ref !== undefined) return example(components[schema.$ref.split('/').at(-1) ?? ''] ?? {}, components)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.anyOf !== undefined) return example(schema.anyOf[0] ?? {}, components)
  if (schema.items !== undefined) return [example(schema.items, components)]
  if (schema.properties !== undefined)
    return Object.fromEntries(
      Object.entries(schema.properties)
        // an empty list of examples: the member is not in every answer
        .filter(([, part]) => part.examples?.length !== 0)
        .map(([name, part]) => [name, example(part, components)]),
    )
  return Array.isArray(schema.type) && schema.type.includes('null') ? null : schema.type === 'array' ? [] : ''
}

/**
 * A form that tries an endpoint fills in every example at once, so these go together and give a full answer on the
 * sample data of the embedded start. Examples of the other parameters are in their descriptions.
 */
const requestExamples: Record<string, Record<string, unknown>> = {
  '/v1/attempts': { user_id: 'student-1', limit: 100 },
  '/v1/changes': { limit: 100 },
  '/v1/anomalies': { limit: 100 },
  '/v1/students': { topic_id: ['algebra'], min_attempts: 10, limit: 100 },
  // student-1 of the sample data
  '/v1/students/{student_id}': { student_id: '0505c399-09c4-1861-08d1-ff7e6623890a' },
  '/v1/students/daily': { tz: 'Asia/Seoul', limit: 100 },
  '/v1/topics': { limit: 100 },
  '/v1/topics/daily': { tz: 'Asia/Seoul', limit: 100 },
  '/v1/items': { topic_id: ['algebra'], min_attempts: 10, limit: 100 },
  '/v1/irt/responses': { min_per_item: 30, sample: 0.5 },
  '/v1/irt/readiness': { min_per_item: 30 },
}

/** Moves the example of a parameter to its description, unless the operation's request has it. */
function withRequestExample(parameter: Parameter, examples: Record<string, unknown>): void {
  const { name, schema = {}, description = '' } = parameter
  const own = parameter.example ?? schema.examples?.[0] ?? schema.items?.examples?.[0]
  delete parameter.example
  delete schema.examples
  delete schema.items?.examples
  if (name in examples) parameter.example = examples[name]
  else if (own !== undefined) parameter.description = `${description} For example \`${String(own)}\`.`.trim()
}

/** The examples of the formats of one answer. Those of the streams are the first row of the page; Arrow is binary. */
function answerExamples(contents: Record<string, Content>, components: Record<string, Schema>): void {
  for (const content of Object.values(contents))
    if (content.schema !== undefined && content.schema.format !== 'binary')
      content.example = example(content.schema, components)
  const { data } = (contents[mediaTypes.json]?.example ?? {}) as { data?: Record<string, unknown>[] }
  const row = data?.[0]
  const [ndjson, csv] = [contents[mediaTypes.ndjson], contents[mediaTypes.csv]]
  if (row === undefined || ndjson === undefined || csv === undefined) return
  ndjson.example = `${JSON.stringify(row)}\n`
  csv.example = [Object.keys(row), Object.values(row)].map((fields) => `${fields.join(',')}\r\n`).join('')
}

/** Gives each operation the example of its request and of its answer. */
function withExamples(document: Document): Document {
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const operation of Object.values(operations)) {
      for (const parameter of operation.parameters ?? []) withRequestExample(parameter, requestExamples[path] ?? {})
      answerExamples(operation.responses?.['200']?.content ?? {}, document.components?.schemas ?? {})
    }
  }
  return document
}

/**
 * What a route needs by default: an open route nothing, so that it has no padlock. ACCESS_OPEN may change this, and on
 * a loopback address no route needs a key.
 */
const securityOf = (scope: Scope | undefined) =>
  scope === undefined || scope === 'open' ? [] : [{ apiKey: [scope] }, { apiKeyHeader: [scope] }, { jwt: [scope] }]

type Responses = Record<number, Schema & { description?: string; content?: Record<string, unknown> }>

/** The responses of a route and of access control before it. Both have a 503. */
function withRefusals(scope: Scope | undefined, own: Responses = {}): Responses {
  const all = problems('unauthenticated', 'insufficient_scope', 'too_many_requests', 'access_unavailable') as Responses
  if (scope === 'open') delete all[403]
  const [theirs, mine] = [all[503], own[503]]
  const both =
    mine === undefined
      ? theirs
      : mine.content === undefined
        ? {
            description: `The request could not be completed; the answer has the reason. ${theirs?.description ?? ''}`,
            content: { 'application/json': { schema: mine }, ...theirs?.content },
          }
        : {
            ...mine,
            description: `${mine.description ?? ''}. ${theirs?.description ?? ''}`,
            content: { ...theirs?.content, ...mine.content },
          }
  return { ...all, ...own, 503: both } as Responses
}

/** Scripts and styles of this service only. The page sets style attributes, and its images are in its style sheet. */
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
            'A read-only API over the PostgreSQL view `attempt` (contract V1): attempts, students, topics, items and ' +
            'anomalies, and a check that the definition of the view has not changed. 64-bit integers are decimal ' +
            'strings. Timestamps are UTC with six fraction digits. Ranges include their start and exclude their end.',
          license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
        },
        servers: [{ url: '/', description: 'This service' }],
        components: {
          securitySchemes: {
            apiKey: {
              type: 'http',
              scheme: 'bearer',
              description:
                'An API key from `attempt-api key create`, as `Authorization: Bearer attempt_key_...`. Scopes: ' +
                '`attempts:read` gives access to every row and aggregate, `aggregates:read` to the aggregates that ' +
                'show no single student, `metrics:read` to the metrics.',
            },
            apiKeyHeader: {
              type: 'apiKey',
              in: 'header',
              name: 'X-API-Key',
              description: 'The same key, for requests whose Authorization header is used by a proxy.',
            },
            jwt: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description:
                'A token from the configured issuer for the configured audience, with its scopes in `scope` or `scp`.',
            },
          },
        },
        tags: [
          { name: 'Attempts', description: 'Rows of the view, and what the view leaves out' },
          { name: 'Students', description: 'Aggregates per student' },
          { name: 'Topics', description: 'Aggregates per topic and day' },
          { name: 'Items', description: 'Aggregates per item' },
          { name: 'IRT', description: 'Response data for calibration' },
          { name: 'Operations', description: 'Health, metrics and the contract check' },
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
    // by default the page sends the document to a validator of a third party
    await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: pageCsp, uiConfig: { validatorUrl: null } })
    app.get(
      '/openapi.json',
      { config: { scope: 'open', requestClass: 'probe' }, schema: { hide: true, querystring: noParameters } },
      () => app.swagger(),
    )
  },
  { name: 'openapi' },
)
