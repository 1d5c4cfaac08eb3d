/**
 * Requests that no client should send, generated from the OpenAPI document: every parameter of every operation with
 * wrong types, repeated, huge and odd values, damaged cursors and tokens, odd headers, methods, bodies and bytes, and
 * good requests among them. Responses are checked against the same document: no 5xx, nothing that its schemas forbid.
 */
import http from 'node:http'
import { connect } from 'node:net'
import { enableStore } from '../src/store/enable.js'
import { createJudge, type Answer, type OpenApi, type Parameter, type Sent, type Verdict } from './bad-request-judge.js'
import {
  bodies,
  headerValues,
  methods,
  oddValues,
  rawEscapes,
  rawRequests,
  unknownNames,
} from './bad-request-values.js'
import type { Bench, Figures } from './harness.js'

export type { OpenApi } from './bad-request-judge.js'

/** Pseudo-random numbers from a seed. */
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

/** Responses of the service, which good requests, cursors and tokens are made from. */
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
  // a token of version 0 is older than every change
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

  /** A valid cursor or token, damaged: cut, with a flipped bit, or with another value inside. */
  function damaged(value: string): string {
    const bytes = Buffer.from(value, 'base64url')
    switch (below(6)) {
      case 0:
        return value.slice(0, below(value.length))
      case 1:
        return value + one(oddValues)
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
        list[at] = one<unknown>([...oddValues, null, 1, -1, {}, [], true, 2, '9'.repeat(30)])
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
      return chance(0.5) ? known_ : chance(0.2) ? one(rawEscapes) : encodeURIComponent(wellFormed(one(oddValues)))
    })

  function query(parameters: Parameter[], bad: boolean): string[] {
    const pairs: string[] = []
    const add = (name: string, value: string) => {
      pairs.push(`${encodeURIComponent(wellFormed(name))}=${encodeURIComponent(wellFormed(value))}`)
    }
    for (const parameter of parameters) {
      if (parameter.in !== 'query' || !chance(bad ? 0.3 : 0.15)) continue
      const value = () => (bad && chance(0.5) ? one(oddValues) : good(parameter))
      add(parameter.name, value())
      if (bad && chance(0.1)) for (let more = one([1, 2, 30]); more > 0; more--) add(parameter.name, value())
    }
    if (bad && chance(0.15)) add(one(unknownNames), one(oddValues))
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
        path: [
          base,
          base.includes('?') ? '&' : '?',
          `${name}=${encodeURIComponent(wellFormed(bad ? damaged(value) : value))}`,
        ].join(''),
        headers: {},
      }
    }
    // the contract check costs the database more than all other requests
    const chosen = chance(0.85) ? one(data) : one(operations)
    const pairs = query(chosen.operation.parameters ?? [], bad || chosen.path === '/schema-contract')
    let url = path(chosen.path)
    // an empty or cut path is another operation
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
        `/${encodeURIComponent(wellFormed(one(oddValues)))}`,
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

/** A lone surrogate has no UTF-8. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

function send(agent: http.Agent, url: URL, { method, path, headers, body }: Sent): Promise<Answer> {
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

/** Sends bytes as they are; the server must respond or close the connection, soon. */
function sendRaw(url: URL, bytes: string): Promise<Answer | undefined> {
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

/** Sends `count` requests to `url`, `concurrency` at a time; the same ones for the same seed and data. */
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
  const check = createJudge(document)
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
        const answer = raw === undefined ? await send(agent, where, sent) : await sendRaw(where, raw)
        const status = answer === undefined ? 'closed' : String(answer.status)
        verdict.statuses[status] = (verdict.statuses[status] ?? 0) + 1
        wrong = answer === undefined ? undefined : check(sent, answer)
      } catch (error) {
        // the client refuses to send it, or the server stopped reading
        const { code = '' } = error as { code?: string }
        if (['ERR_UNESCAPED_CHARACTERS', 'ERR_INVALID_CHAR'].includes(code))
          verdict.statuses['unsendable'] = (verdict.statuses['unsendable'] ?? 0) + 1
        // the parser of the service fails before it has the method, so the refusal of a HEAD has a body
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
      const headers = JSON.stringify(sent.headers).slice(0, 200)
      verdict.failures.push(
        `${wrong}: ${sent.method} ${sent.path.slice(0, 300)} ${headers} ${sent.body?.slice(0, 40) ?? ''}`,
      )
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  agent.destroy()
  return verdict
}

/** The suite: `size` requests against the service as a process of its own. */
export async function badRequests({ pool, serve, size }: Bench, { report }: Figures): Promise<void> {
  await enableStore({ primary: pool, store: pool }, () => undefined)
  const service = await serve({
    STORE_LAG_S: '86400',
    STREAM_POOL_SIZE: '8',
    STREAMS_PER_CLIENT: '8',
    LOG_LEVEL: 'error',
    OVERLOAD_DELAY_MS: '0',
  })
  try {
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApi
    // until the store is complete
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
        console.log(`${sent} sent, ${failures.length} wrong answers, ${Math.round(memory.at(-1) ?? 0)} MB resident`)
        for (const failure of failures.slice(-5)) console.log(failure)
      },
    })
    for (const failure of verdict.failures.slice(0, 20)) console.log(failure)
    report(
      `${verdict.sent} generated requests, seed ${seed}: wrong answers`,
      `${verdict.failures.length}; statuses ${JSON.stringify(verdict.statuses)}`,
      verdict.failures.length,
      0,
    )
    // after a fifth, memory should no longer grow
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
