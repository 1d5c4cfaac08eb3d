/** The examples of the OpenAPI document, sent as a form sends them, and what the document says of keys. */
import t from 'tap'
import { loadKeyFile } from '../../src/access/api-keys.js'
import { prepareSampleDatabase } from '../../src/development/sample-database.js'
import type { App } from '../../src/services.js'
import { startApp } from '../helpers/app.js'
import { parseCsv } from '../helpers/csv.js'
import { createDatabase } from '../helpers/database.js'
import { keyFile } from '../helpers/keys.js'
import { catchUp } from '../helpers/store.js'

interface Operation {
  security?: unknown[]
  parameters?: { name: string; in: string; required?: boolean; example?: unknown }[]
  responses: Record<string, { content?: Record<string, { example?: unknown }> }>
}

const operationsOf = (app: App) =>
  Object.entries((app.swagger() as unknown as { paths: Record<string, { get: Operation }> }).paths).map(
    ([path, { get }]) => ({ path, ...get }),
  )

/** The request with every example filled in. */
function requestOf({ path, parameters = [] }: ReturnType<typeof operationsOf>[number]): string {
  const query = new URLSearchParams()
  let url = path
  for (const { name, in: place, example } of parameters) {
    if (example === undefined) continue
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(String(example)))
    else for (const value of [example].flat()) query.append(name, String(value))
  }
  return query.size === 0 ? url : `${url}?${query}`
}

/** Whether two values have the same members and types; null and an empty list fit any. */
function haveSameShape(one: unknown, other: unknown): boolean {
  if (one === null || other === null) return true
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === 0 || other.length === 0 || haveSameShape(one[0], other[0])
  if (typeof one !== 'object' || typeof other !== 'object') return typeof one === typeof other
  const [a, b] = [new Map(Object.entries(one)), new Map(Object.entries(other))]
  return a.size === b.size && [...a].every(([name, value]) => b.has(name) && haveSameShape(value, b.get(name)))
}

const firstLine = (text: unknown) => String(text).split(/\r?\n/)[0] ?? ''

/** Whether the example of an answer in a format looks as the answer does. */
function fits(type: string, example: unknown, body: string): boolean {
  if (type === 'application/json') return haveSameShape(example, JSON.parse(body))
  if (type === 'text/csv') return firstLine(example) === firstLine(body)
  if (type === 'application/x-ndjson')
    return haveSameShape(JSON.parse(firstLine(example)), JSON.parse(firstLine(body) || 'null'))
  if (type === 'application/vnd.apache.arrow.stream') return example === undefined
  return body.includes(String(example).replace(/\d+$/, ''))
}

t.test('the examples of each operation together give a full answer on the sample data, in each format', async (t) => {
  const db = await createDatabase(t, { bare: true })
  await prepareSampleDatabase(db.url, { step: () => undefined, update: () => undefined })
  await catchUp(db.url)
  const app = await startApp(t, db.url)
  const operations = operationsOf(app)
  t.ok(operations.length > 15)
  for (const operation of operations) {
    const url = requestOf(operation)
    t.notMatch(url, /[{}]/, 'every part of the path has an example')
    const types = Object.keys(operation.responses['200']?.content ?? {})
    t.ok(types.length > 0, operation.path)
    for (const type of types) {
      const response = await app.inject({ url, headers: { accept: type } })
      t.equal(response.statusCode, 200, `${url} as ${type}: ${response.body.slice(0, 200)}`)
      t.equal(String(response.headers['content-type']).split(';')[0], type)
      const { example } = operation.responses['200']?.content?.[type] ?? {}
      t.ok(fits(type, example, response.body), `${operation.path}: the example as ${type} looks as the answer does`)
      if (operation.path === '/v1/changes') continue
      if (type === 'application/json') {
        const { data, responses } = response.json<{ data?: unknown[]; responses?: number }>()
        if (data !== undefined) t.ok(data.length > 0, `${url} has rows`)
        if (responses !== undefined) t.ok(responses > 0, `${url} has responses`)
      }
      if (type === 'text/csv') t.ok(parseCsv(response.body).length > 1, `${url} has rows of CSV`)
      if (type === 'application/x-ndjson') t.ok(response.body.length > 10, `${url} has lines`)
    }
  }
  // without since, the feed gives the token to start from, and no changes
  t.match((await app.inject('/v1/changes?limit=100')).json(), { data: [], next_token: /^\S+$/ })
})

t.test('a padlock is at an operation that needs a key, and at no other', async (t) => {
  const { file } = keyFile(t, { rows: ['attempts:read'] })
  const nowhere = 'postgres://nobody:secret@127.0.0.1:1/none'
  const app = await startApp(t, nowhere, {}, nowhere, [], {
    access: { keys: await loadKeyFile(file), open: new Set(['health', 'contract', 'docs']) },
  })
  const operations = operationsOf(app)
  t.ok(operations.some(({ security = [] }) => security.length === 0))
  for (const operation of operations) {
    const { statusCode } = await app.inject(requestOf(operation))
    t.equal(statusCode === 401, (operation.security ?? []).length > 0, operation.path)
  }
})
