/** What a response to a bad request may look like: no 5xx, and nothing that the OpenAPI document does not allow. */
import type http from 'node:http'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { codesOutsideOperations } from './bad-request-values.js'

export interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  examples?: unknown[]
  items?: Schema
}
export interface Parameter {
  name: string
  in: 'query' | 'path'
  schema: Schema
}
export interface Operation {
  operationId: string
  parameters?: Parameter[]
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

/** A request as it was sent. */
export interface Sent {
  operation: { path: string; operation: Operation } | undefined
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}
export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
}

export interface Verdict {
  sent: number
  statuses: Record<string, number>
  failures: string[]
}

/** Checks responses against the OpenAPI document. */
export function createJudge(document: OpenApi) {
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  addFormats.default(ajv)
  ajv.addSchema(document, 'api')
  const compiled = new Map<string, ValidateFunction>()
  const validate = (pointer: string, value: unknown): string | undefined => {
    let one = compiled.get(pointer)
    if (one === undefined) compiled.set(pointer, (one = ajv.compile({ $ref: `api#${pointer}` })))
    return one(value) ? undefined : `${pointer}: ${ajv.errorsText(one.errors)}`
  }
  const escaped = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))

  return (
    { operation, method, path, headers: sentHeaders }: Sent,
    { status, headers, body }: Answer,
  ): string | undefined => {
    if (status >= 500 && !(status === 505 && body.includes('http_version_not_supported'))) return `answered ${status}`
    const type = (headers['content-type'] ?? '').split(';')[0]
    const text = () => body.toString('utf8')
    if (status >= 400 && type !== 'application/json') {
      if (method === 'HEAD' && body.length === 0) return undefined
      if (type !== 'application/problem+json') return `${status} as ${type ?? 'no media type'}`
      const problem = JSON.parse(text()) as { status: number; code: string }
      const wrong = validate('/components/schemas/Problem', problem)
      if (wrong !== undefined) return wrong
      if (problem.status !== status) return `has status ${problem.status} in the body and ${status} in the response`
      const inside = /\bat .*\.[jt]s:\d|select |pg_|node_modules|syntax error/i
      // what was sent may be repeated
      if (inside.test(JSON.stringify({ ...problem, instance: '' })) && !inside.test(decoded(path)))
        return 'shows internals'
      if (status === 405 && headers.allow === undefined) return '405 without Allow'
      if (codesOutsideOperations.includes(problem.code)) return undefined
    }
    if (operation === undefined) return undefined
    const documented = operation.operation.responses[String(status)]
    if (documented === undefined) return `${status} is not documented`
    if (status === 304)
      return sentHeaders['if-none-match'] === undefined
        ? '304 without If-None-Match'
        : body.length > 0
          ? '304 with a body'
          : undefined
    if (type === undefined || documented.content?.[type] === undefined)
      return `${status} as ${type ?? 'no media type'} is not documented`
    if (method === 'HEAD') return body.length > 0 ? 'HEAD with a body' : undefined
    const content = `/paths/${escaped(operation.path)}/get/responses/${status}/content`
    if (type === 'application/json') return validate(`${content}/${escaped(type)}/schema`, JSON.parse(text()))
    if (type === 'application/x-ndjson' && headers['content-encoding'] === undefined) {
      const page = documented.content['application/json']?.schema?.$ref?.slice(1)
      const lines = text()
        .split('\n')
        .filter((line) => line !== '')
      for (const line of lines) {
        const row: unknown = JSON.parse(line)
        const wrong = page === undefined ? undefined : validate(`${page}/properties/data/items`, row)
        if (wrong !== undefined) return wrong
      }
    }
    return undefined
  }
}

/** The path without escapes, as far as they are UTF-8. */
const decoded = (path: string): string =>
  path.replace(/(%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
