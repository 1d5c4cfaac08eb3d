/**
 * Requests that nobody should send, made from the OpenAPI document: every parameter of every operation with wrong
 * types, repeats, huge and odd texts, damaged cursors and tokens, odd headers, methods, bodies and bytes, good ones
 * among them. What comes back is held against the same document: no 5xx, and nothing that its schema does not allow.
 */
import http from 'node:http'
import { connect } from 'node:net'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { enableStore } from '../src/store/enable.js'
import type { Figures, Stand } from './harness.js'

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  examples?: unknown[]
  items?: Schema
}
interface Parameter {
  name: string
  in: 'query' | 'path'
  schema: Schema
}
interface Operation {
  operationId: string
  parameters?: Parameter[]
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

/** What was sent, as it is told where its answer is wrong. */
interface Sent {
  operation: { path: string; operation: Operation } | undefined
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}
interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
}

export interface Verdict {
  sent: number
  statuses: Record<string, number>
  failures: string[]
}

/** A sequence of numbers that a seed decides. */
function random(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    below: (most: number) => Math.floor(next() * most),
    chance: (share: number) => next() < share,
    one: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T,
  }
}
type Random = ReturnType<typeof random>

const odd = [
  '',
  ' ',
  '0',
  '-1',
  '-0',
  '+1',
  '1e3',
  '1.5',
  '0x10',
  '007',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  'TRUE',
  '[]',
  '{}',
  '{"$gt":""}',
  '*',
  '%',
  '%25',
  '..',
  '../../etc/passwd',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999',
  '9'.repeat(400),
  '2147483648',
  '4294967296',
  '9007199254740993',
  "'",
  "''",
  "' or '1'='1",
  "'; drop table exam_results; --",
  '1; select pg_sleep(10)',
  "1' union select password from pg_shadow --",
  '$1',
  '$$',
  '\\',
  '\\x00',
  "E'\\''",
  '/*',
  '--',
  '${jndi:ldap://x}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '\0',
  'a\0b',
  '\n',
  '\r\nX-Injected: 1',
  '\t',
  '\u007f',
  '\ufeff',
  '\u202e',
  '\ufffe',
  '\uffff',
  'ü',
  '日本語',
  '😀',
  '😀'.repeat(300),
  'e\u0301',
  'İ',
  'ß',
  'a'.repeat(5_000),
  'z'.repeat(12_000),
  '2025-01-01',
  '2025-02-30',
  '2024-02-29',
  '2025-13-01',
  '0000-00-00',
  '0001-01-01',
  '9999-12-31',
  '10000-01-01',
  '-2025-01-01',
  'infinity',
  '-infinity',
  'now',
  'epoch',
  'today',
  '2025-01-01T00:00:00Z',
  '2025-01-01T00:00:00',
  '2025-01-01T24:00:00Z',
  '2025-01-01T23:59:60Z',
  '2025-01-01T00:00:00.1234567Z',
  '2025-01-01T00:00:00+15:00',
  '0001-01-01T00:00:00+14:00',
  '9999-12-31T23:59:59-14:00',
  '2025-01-01t00:00:00z',
  'UTC',
  'utc',
  'Asia/Seoul',
  'Etc/GMT+12',
  'EST5EDT',
  'posixrules',
  'localtime',
  '+09:00',
  'Factory',
  'America/Argentina/ComodRivadavia',
  'GMT0',
  'Zulu',
  'ROK',
  'c773fdef-3889-bdad-be80-9f1e8aaeea46',
  '00000000-0000-0000-0000-000000000000',
  'C773FDEF-3889-BDAD-BE80-9F1E8AAEEA46',
  '{c773fdef-3889-bdad-be80-9f1e8aaeea46}',
  'c773fdef3889bdadbe809f1e8aaeea46',
  'json',
  'csv',
  'ndjson',
  'arrow',
  'xml',
  'JSON',
  'asc',
  'desc',
  'live',
  'store',
  'long',
  'wide',
  'subjects',
]
const unknownNames = [
  'limt',
  'LIMIT',
  'limit[]',
  'limit[$gt]',
  '__proto__',
  'constructor',
  'toString',
  'prototype[x]',
  '',
  ' ',
  'a.b',
  "'",
  '\0',
  '😀',
  'x'.repeat(3_000),
  'page',
  'offset',
  'callback',
  '_',
  'since ',
  'student_id[0]',
]
/** Escapes that no encoder writes. */
const rawEscapes = [
  '%',
  '%zz',
  '%00',
  '%C0%80',
  '%ff',
  '%ED%A0%80',
  '%u0041',
  '%F5%80%80%80',
  '+',
  ';',
  '&',
  '==',
  '#',
  '?',
  '%26limit%3D1',
  'ÿ',
]
const headerValues: Record<string, readonly string[]> = {
  accept: [
    'application/json',
    'application/x-ndjson',
    'text/csv',
    'application/vnd.apache.arrow.stream',
    '*/*',
    'text/*',
    'application/json;q=0',
    '*/*;q=0',
    'application/xml',
    ';',
    ',',
    ',,,',
    '/',
    'application/json;q=abc',
    'text/csv;q=2',
    'application/json;q=-1',
    'a'.repeat(9_000),
    'application/*;q=0.5, text/csv;q=0.4',
    'ÿ',
    'application/json; charset=utf-16',
  ],
  'accept-encoding': [
    'gzip',
    'br',
    'zstd',
    'identity',
    '*',
    'gzip;q=0',
    'gzip;q=x',
    ';;,',
    'deflate',
    'a'.repeat(4_000),
  ],
  prefer: [
    'wait=10',
    'wait=0',
    'wait=-1',
    'wait=abc',
    'wait',
    'wait=',
    'wait="7"',
    'wait=99999999999999999999',
    'respond-async, wait=5',
    'return=minimal',
    ';',
    '=',
    'wait=5;x=y',
    'w'.repeat(5_000),
  ],
  'if-none-match': [
    '*',
    '""',
    'W/"1-abc"',
    '"',
    'W/',
    ',',
    'x'.repeat(9_000),
    'W/"0-AAAAAAAAAAAA", W/"1-BBBBBBBBBBBB"',
    'ÿ',
  ],
  'if-modified-since': ['yesterday', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  'if-match': ['"x"'],
  range: ['bytes=0-0', 'bytes=-1', 'bytes=5-2', 'rows=1-2', 'bytes=0-,1-,2-,3-', 'x'],
  authorization: [
    'Bearer',
    'Bearer x',
    'Bearer a.b.c',
    'Basic dTpw',
    'Digest',
    `Bearer ${'x'.repeat(9_000)}`,
    'Bearer eyJhbGciOiJub25lIn0.e30.',
  ],
  'x-forwarded-for': ['127.0.0.1', '1.2.3.4, 5.6.7.8', 'x', '::1'],
  'content-type': [
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'x',
    'application/json; charset=utf-16',
    '',
  ],
  'x-http-method-override': ['DELETE'],
  traceparent: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-0-0-0', 'x'],
  origin: ['null', 'https://example.org'],
  te: ['trailers', 'x'],
  expect: ['100-continue', 'x'],
  cookie: ['a=b', '__proto__=1'],
  connection: ['keep-alive', 'close'],
  'x-huge': ['x'.repeat(30_000), 'x'.repeat(70_000)],
}
const methods = [
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'SEARCH',
  'REPORT',
  'M-SEARCH',
]
const bodies = [
  '',
  '{}',
  '{',
  '[]',
  'null',
  '{"__proto__":{"x":1}}',
  'a=b&c=d',
  '\0\0\0',
  'x'.repeat(20_000),
  '"',
  '{"limit":1}',
]
/** What no HTTP library sends. */
const rawRequests = [
  'GET\r\n\r\n',
  'GET /\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET /v1/attempts?limit=1 HTTP/1.0\r\n\r\n',
  'GET /v1/attempts?format=csv&limit=1 HTTP/1.0\r\n\r\n',
  'GET /v1/attempts HTTP/1.1\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
  'G\0T /health/live HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /health/\0live HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nHost: x\r\nA\0b: c\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n',
  'POST /v1/attempts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1 HTTP/1.1\r\n\r\n',
  'POST /v1/attempts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'POST /v1/attempts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'POST /v1/attempts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'GET http://example.org/health/live HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n',
  'GET //health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'GET //example.org/%2e%2e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  '\r\n\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET /health/live?x=${'a'.repeat(62_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  `GET /health/live HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(1_500)}Connection: close\r\n\r\n`,
  'GET /health/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'GET /health/live HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
]
/** Codes that the router or the parser says: they belong to no operation. */
const outside = [
  'bad_request',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'uri_too_long',
  'unsupported_media_type',
  'expectation_failed',
  'request_timeout',
  'headers_too_large',
]

/** Holds answers against the document. */
function judge(document: OpenApi) {
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

  return ({ operation, method, path, headers: asked }: Sent, { status, headers, body }: Answer): string | undefined => {
    if (status >= 500 && !(status === 505 && body.includes('http_version_not_supported'))) return `answered ${status}`
    const type = (headers['content-type'] ?? '').split(';')[0]
    const text = () => body.toString('utf8')
    if (status >= 400 && type !== 'application/json') {
      if (method === 'HEAD' && body.length === 0) return undefined
      if (type !== 'application/problem+json') return `${status} as ${type ?? 'nothing'}`
      const problem = JSON.parse(text()) as { status: number; code: string }
      const wrong = validate('/components/schemas/Problem', problem)
      if (wrong !== undefined) return wrong
      if (problem.status !== status) return `says ${problem.status} and is ${status}`
      const inside = /\bat .*\.[jt]s:\d|select |pg_|node_modules|syntax error/i
      // what was sent may be told again
      if (inside.test(JSON.stringify({ ...problem, instance: '' })) && !inside.test(decoded(path)))
        return 'tells of the inside'
      if (status === 405 && headers.allow === undefined) return '405 without Allow'
      if (outside.includes(problem.code)) return undefined
    }
    if (operation === undefined) return undefined
    const documented = operation.operation.responses[String(status)]
    if (documented === undefined) return `${status} is not documented`
    if (status === 304)
      return asked['if-none-match'] === undefined ? '304 for nothing' : body.length > 0 ? '304 with a body' : undefined
    if (type === undefined || documented.content?.[type] === undefined)
      return `${status} as ${type ?? 'nothing'} is not documented`
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

/** As far as it can be read. */
const decoded = (path: string): string =>
  path.replace(/(%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))

/** Answers of the service that good requests, cursors and tokens are made of. */
interface Known {
  rows: Record<string, string | null>[]
  cursors: { path: string; name: string; value: string }[]
  tags: string[]
}

async function know(url: string): Promise<Known> {
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return {
      tag: response.headers.get('etag'),
      body: (await response.json()) as {
        data: Record<string, string | null>[]
        next_cursor?: string
        next_token?: string
      },
    }
  }
  const lists = [
    '/v1/attempts?limit=2',
    '/v1/attempts?limit=3&order=desc',
    '/v1/anomalies?limit=1',
    '/v1/students?limit=2',
    '/v1/students/daily?limit=2',
    '/v1/topics?limit=1',
    '/v1/topics/daily?since=2020-01-01&limit=2',
    '/v1/items?limit=2',
  ]
  const answers = await Promise.all(lists.map(async (path) => ({ path, ...(await get(path)) })))
  const first = (await get('/v1/changes')).body.next_token as string
  // a token at the very beginning has everything behind it
  const [format, epoch] = JSON.parse(Buffer.from(first, 'base64url').toString()) as [number, string, string]
  return {
    rows: (await get('/v1/attempts?limit=200')).body.data,
    tags: answers.flatMap(({ tag }) => (tag === null ? [] : [tag])),
    cursors: [
      ...answers.flatMap(({ path, body }) =>
        typeof body.next_cursor === 'string' ? [{ path, name: 'cursor', value: body.next_cursor }] : [],
      ),
      ...[first, Buffer.from(JSON.stringify([format, epoch, '0'])).toString('base64url')].map((value) => ({
        path: '/v1/changes?limit=5',
        name: 'since',
        value,
      })),
    ],
  }
}

function generator(document: OpenApi, known: Known, { below, chance, one }: Random) {
  const operations = Object.entries(document.paths).flatMap(([path, methodsOf]) =>
    methodsOf['get'] === undefined ? [] : [{ path, operation: methodsOf['get'] }],
  )
  const data = operations.filter(({ path }) => path.startsWith('/v1'))

  /** A cursor or token that was good: cut, with a bit turned, or with another value inside. */
  function damaged(value: string): string {
    const bytes = Buffer.from(value, 'base64url')
    switch (below(6)) {
      case 0:
        return value.slice(0, below(value.length))
      case 1:
        return value + one(odd)
      case 2: {
        const at = below(bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
        return bytes.toString('base64url')
      }
      case 3:
        return bytes.toString('base64')
      case 4: {
        const at = below(value.length)
        return value.slice(0, at) + one(['A', '_', '-', '.', '%', '😀']) + value.slice(at + 1)
      }
      default: {
        const list = JSON.parse(bytes.toString()) as unknown[]
        const at = below(list.length + 1)
        list[at] = one<unknown>([...odd, null, 1, -1, {}, [], true, 2, '9'.repeat(30)])
        return Buffer.from(JSON.stringify(list)).toString('base64url')
      }
    }
  }

  function good({ name, schema }: Parameter): string {
    const kind = schema.items ?? schema
    const row = known.rows.length > 0 && chance(0.6) ? one(known.rows)[name] : undefined
    if (typeof row === 'string') return row
    if (name === 'since' || name === 'until')
      return kind.examples?.[0] === '2025-01-01'
        ? one(['2025-12-20', '2025-12-30', '2025-11-01'])
        : one(['2025-12-20T00:00:00Z', '2025-12-28T12:00:00.5%2B09:00'.replace('%2B', '+')])
    if (name === 'limit') return String(one([1, 2, 7, 50]))
    if (name === 'tz') return one(['UTC', 'Asia/Seoul', 'America/New_York'])
    if (name === 'format') return one(['json', 'ndjson', 'csv', 'arrow'])
    if (kind.enum !== undefined) return String(one(kind.enum))
    return String(kind.examples?.[0] ?? '1')
  }

  const path = (template: string) =>
    template.replace(/\{[^}]+\}/g, () => {
      const known_ = known.rows.length > 0 ? (one(known.rows)['student_id'] ?? '') : ''
      return chance(0.5) ? known_ : chance(0.2) ? one(rawEscapes) : encodeURIComponent(wellFormed(one(odd)))
    })

  function query(parameters: Parameter[], bad: boolean): string[] {
    const pairs: string[] = []
    const add = (name: string, value: string) => {
      pairs.push(`${encodeURIComponent(wellFormed(name))}=${encodeURIComponent(wellFormed(value))}`)
    }
    for (const parameter of parameters) {
      if (parameter.in !== 'query' || !chance(bad ? 0.3 : 0.15)) continue
      const value = () => (bad && chance(0.5) ? one(odd) : good(parameter))
      add(parameter.name, value())
      if (bad && chance(0.1)) for (let more = one([1, 2, 30]); more > 0; more--) add(parameter.name, value())
    }
    if (bad && chance(0.15)) add(one(unknownNames), one(odd))
    if (bad && chance(0.03)) for (let more = 0; more < 900; more++) add('item_id', String(more))
    if (bad && chance(0.1))
      pairs.push(
        one([...rawEscapes, `limit=${one(rawEscapes)}`, `user_id=${one(rawEscapes)}`, `topic_id=${one(rawEscapes)}`]),
      )
    return pairs
  }

  return (): Sent => {
    const bad = !chance(0.15)
    if (chance(0.1)) {
      const { path: from, name, value } = one(known.cursors)
      const operation = chance(0.8) ? operations.find((candidate) => candidate.path === from.split('?')[0]) : one(data)
      const base = operation?.path === from.split('?')[0] ? from : path(operation?.path ?? from)
      return {
        operation,
        method: 'GET',
        path: `${base}${base.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(wellFormed(bad ? damaged(value) : value))}`,
        headers: {},
      }
    }
    // the check of the contract costs the database more than all the others
    const chosen = chance(0.85) ? one(data) : one(operations)
    const pairs = query(chosen.operation.parameters ?? [], bad || chosen.path === '/schema-contract')
    let url = path(chosen.path)
    // an empty or cut path is another's
    let operation: Sent['operation'] = /[?#]|\/$/.test(url) ? undefined : chosen
    if (bad && chance(0.04)) {
      url = one([
        `${url}/`,
        url.toUpperCase(),
        `${url}/x`,
        `/${url}`,
        url.replace('/v1', '/v2'),
        `${url}/..`,
        url.replace(/.$/, ''),
        `${url}%2f`,
        `${url};a=b`,
        `/${one(rawEscapes)}`,
        `/${encodeURIComponent(wellFormed(one(odd)))}`,
      ])
      operation = undefined
    }
    const headers: Record<string, string> = {}
    const names = Object.keys(headerValues)
    if (chance(0.25)) headers['accept'] = one(headerValues['accept'] ?? [])
    if (known.tags.length > 0 && chance(0.03)) headers['if-none-match'] = one(known.tags)
    if (bad)
      while (chance(0.25)) {
        const name = one(names)
        if (name !== 'x-huge' || chance(0.1)) headers[name] = one(headerValues[name] ?? [])
      }
    const method = chance(0.03) ? 'HEAD' : bad && chance(0.06) ? one(methods) : 'GET'
    const sent: Sent = {
      operation: method === 'GET' || method === 'HEAD' ? operation : undefined,
      method,
      path: `${url}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`,
      headers,
    }
    if ((method !== 'GET' && method !== 'HEAD' && method !== 'TRACE') || (method === 'GET' && bad && chance(0.01)))
      sent.body = one(bodies)
    return sent
  }
}

// a lone surrogate has no UTF-8
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

function ask(agent: http.Agent, url: URL, { method, path, headers, body }: Sent): Promise<Answer> {
  return new Promise((done, fail) => {
    const request = http.request(
      {
        agent,
        host: url.hostname,
        port: url.port,
        method,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => {
          done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) })
        })
        response.on('error', fail)
      },
    )
    request.setTimeout(60_000, () => {
      request.destroy(new Error('no answer in 60 s'))
    })
    request.on('error', fail)
    request.end(body)
  })
}

/** Sends bytes as they are; the server is to answer, or to close, and to do either soon. */
function askRaw(url: URL, bytes: string): Promise<Answer | undefined> {
  return new Promise((done, fail) => {
    const socket = connect(Number(url.port), url.hostname, () => {
      socket.end(Buffer.from(bytes, 'latin1'))
    })
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.on('error', () => undefined)
    socket.setTimeout(60_000, () => {
      fail(new Error('no answer in 60 s'))
    })
    socket.on('close', () => {
      const [head = '', ...rest] = Buffer.concat(parts).toString('latin1').split('\r\n\r\n')
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
      if (parts.length === 0) return done(undefined)
      if (Number.isNaN(status)) return fail(new Error(`answered ${JSON.stringify(head.slice(0, 80))}`))
      const headers = Object.fromEntries(
        head
          .split('\r\n')
          .slice(1)
          .map((line) => [line.split(':')[0]?.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      )
      done({ status, headers, body: Buffer.from(rest.join('\r\n\r\n'), 'latin1') })
    })
  })
}

/** Sends `count` requests to the service at `url`, `concurrency` at a time; the same ones for the same seed and data. */
export async function sendBadRequests(
  url: string,
  document: OpenApi,
  {
    count,
    seed,
    concurrency,
    progress,
  }: { count: number; seed: number; concurrency: number; progress?: (verdict: Verdict) => void },
): Promise<Verdict> {
  const numbers = random(seed)
  const next = generator(document, await know(url), numbers)
  const check = judge(document)
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency })
  const where = new URL(url)
  const verdict: Verdict = { sent: 0, statuses: {}, failures: [] }
  const worker = async () => {
    while (verdict.sent < count) {
      verdict.sent++
      if (verdict.sent % 10_000 === 0) progress?.(verdict)
      const raw = numbers.chance(0.01) ? numbers.one(rawRequests) : undefined
      const sent: Sent = raw === undefined ? next() : { operation: undefined, method: '', path: raw, headers: {} }
      let wrong: string | undefined
      try {
        const answer = raw === undefined ? await ask(agent, where, sent) : await askRaw(where, raw)
        const status = answer === undefined ? 'closed' : String(answer.status)
        verdict.statuses[status] = (verdict.statuses[status] ?? 0) + 1
        wrong = answer === undefined ? undefined : check(sent, answer)
      } catch (error) {
        // what the client itself refuses to send, or the server stopped reading
        const { code = '' } = error as { code?: string }
        if (['ERR_UNESCAPED_CHARACTERS', 'ERR_INVALID_CHAR'].includes(code))
          verdict.statuses['unsendable'] = (verdict.statuses['unsendable'] ?? 0) + 1
        // the parser of the service gave up before it told the method, and so a HEAD is refused with a body
        else if (code === 'HPE_CLOSED_CONNECTION' && sent.method === 'HEAD' && sent.headers['x-huge'] !== undefined)
          verdict.statuses['431'] = (verdict.statuses['431'] ?? 0) + 1
        else if (
          ['EPIPE', 'ECONNRESET'].includes(code) &&
          (sent.headers['x-huge'] !== undefined || (sent.body?.length ?? 0) > 16_384)
        )
          verdict.statuses['closed'] = (verdict.statuses['closed'] ?? 0) + 1
        else wrong = `${code} ${(error as Error).message}`
      }
      if (wrong === undefined) continue
      verdict.failures.push(
        `${wrong}: ${sent.method} ${sent.path.slice(0, 300)} ${JSON.stringify(sent.headers).slice(0, 200)} ${sent.body?.slice(0, 40) ?? ''}`,
      )
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  agent.destroy()
  return verdict
}

/** The suite: as many requests as the stand's size says, against the service as a process of its own. */
export async function badRequests({ pool, serve, size }: Stand, { report }: Figures): Promise<void> {
  await enableStore({ primary: pool, store: pool }, () => undefined)
  const service = await serve({
    STORE_LAG_S: '86400',
    STREAM_POOL_SIZE: '8',
    LOG_LEVEL: 'error',
    OVERLOAD_DELAY_MS: '0',
  })
  try {
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApi
    // until the store is whole
    while ((await fetch(`${service.url}/v1/attempts?source=store&limit=1`)).status !== 200)
      await new Promise((again) => setTimeout(again, 200))
    const seed = 20251101
    const memory: number[] = []
    const verdict = await sendBadRequests(service.url, document, {
      count: size,
      seed,
      concurrency: 6,
      progress: ({ sent, failures }) => {
        memory.push(service.residentMb('VmRSS'))
        console.log(
          `${sent} sent, ${failures.length} wrong answers, ${Math.round(memory.at(-1) ?? 0)} MB resident${failures.length > 0 ? `; the last: ${failures.slice(-5).join('\n')}` : ''}`,
        )
      },
    })
    for (const failure of verdict.failures.slice(0, 20)) console.log(failure)
    report(
      `${verdict.sent} generated requests, seed ${seed}: wrong answers`,
      `${verdict.failures.length}; statuses ${JSON.stringify(verdict.statuses)}`,
      verdict.failures.length,
      0,
    )
    // what it needs after a fifth is what it needs
    const [settled, end] = [memory[Math.floor(memory.length / 5)], memory.at(-1)]
    if (settled !== undefined && end !== undefined && memory.length >= 5)
      report(
        'resident memory at the end against a fifth of the way',
        `${Math.round(end)} MB against ${Math.round(settled)} MB`,
        end / settled,
        1.25,
      )
  } finally {
    await service.stop()
  }
}
