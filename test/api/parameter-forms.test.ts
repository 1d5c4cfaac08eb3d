/** Every parameter of the OpenAPI document takes its documented form and no other that a parser might also read. */
import t from 'tap'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { App } from '../../src/services.js'
import { startApp } from '../helpers/app.js'
import { createDatabase } from '../helpers/database.js'

interface Schema {
  type?: string
  enum?: string[]
  pattern?: string
  title?: string
  items?: Schema
}
interface Parameter {
  name: string
  in: string
  schema: Schema
}

const parametersOf = (app: App) =>
  Object.entries((app.swagger() as unknown as { paths: Record<string, { get: { parameters?: Parameter[] } }> }).paths)
    .flatMap(([path, { get }]) => (get.parameters ?? []).map((parameter) => ({ path, ...parameter })))
    .filter((parameter) => parameter.in === 'query')

/** Forms that JavaScript, PostgreSQL or a person reads as a value of this kind. */
const foreign: Record<string, string[]> = {
  integer: [
    '0x10',
    '1e3',
    '+5',
    '5.0',
    ' 5',
    '5 ',
    '',
    '-0',
    '-5',
    '1_000',
    '1,000',
    '٣',
    'NaN',
    'Infinity',
    'true',
    'null',
    '[1]',
    '0b1',
    '9e999',
    '0',
  ],
  number: [
    '0x1',
    '1e-1',
    '+0.5',
    '.5',
    '1.',
    ' 0.5',
    '0,5',
    '',
    'NaN',
    'Infinity',
    'true',
    '1/2',
    '50%',
    '0',
    '-0.5',
    '1.1',
  ],
  'a 64-bit integer': [
    '0x10',
    '1e3',
    '+5',
    '5.0',
    ' 5',
    '5 ',
    '1_000',
    '--1',
    'NaN',
    '9223372036854775808',
    '-9223372036854775809',
  ],
  'a date': [
    '2026-1-1',
    '26-11-01',
    '2026-02-30',
    '2026-13-01',
    '2026-11-01T00:00:00Z',
    'today',
    'infinity',
    '0000-01-01',
    '20261101',
    ' 2026-11-01',
  ],
  'a timestamp': [
    '2026-11-01',
    '2026-11-01T00:00:00',
    '2026-11-01 00:00:00Z',
    '2026-11-01T24:00:00Z',
    '2026-11-01T00:00:60Z',
    '2026-02-30T00:00:00Z',
    '1762000000',
    'now',
    'infinity',
    '2026-11-01T00:00:00.1234567Z',
  ],
  'a UUID': [
    'c773fdef38893bdadbe809f1e8aaeea46',
    '{c773fdef-3889-bdad-be80-9f1e8aaeea46}',
    'c773fdef-3889-bdad-be80',
    'alice',
    ' c773fdef-3889-bdad-be80-9f1e8aaeea46',
  ],
}

t.test('a value of another form is a 400 that quotes it, says what is allowed, and has an example', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  const tried = new Set<string>()
  for (const { path, name, schema } of parametersOf(app)) {
    const one = schema.items ?? schema
    const kind = one.enum === undefined ? (foreign[one.title ?? ''] === undefined ? one.type : one.title) : 'enum'
    const values =
      one.enum === undefined
        ? (foreign[kind ?? ''] ?? [])
        : ['', ` ${one.enum[0]}`, one.enum[0]?.toUpperCase() ?? '', '1']
    for (const value of values) {
      const place = path.replace('{student_id}', 'c773fdef-3889-bdad-be80-9f1e8aaeea46')
      const url = `${place}?${new URLSearchParams({ [name]: value })}`
      const response = await app.inject(url)
      const { errors = [] } = response.json<{ errors?: { parameter: string; message: string }[] }>()
      t.equal(response.statusCode, 400, url)
      t.equal(errors[0]?.parameter, name, url)
      t.match(errors[0]?.message, value === '' ? /\S/ : JSON.stringify(value).slice(1, -1).trim(), url)
      if (value !== '' && kind !== 'enum')
        t.match(errors[0]?.message, /such as|from .* to |must have|for example/i, url)
    }
    tried.add(kind ?? '')
  }
  for (const kind of [...Object.keys(foreign), 'enum']) t.ok(tried.has(kind), `${kind} was tried`)
})

t.test('every parameter that has one value is refused when it is repeated, and every unknown one', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  const detail = async (url: string) => {
    const response = await app.inject(url.replace('{student_id}', 'c773fdef-3889-bdad-be80-9f1e8aaeea46'))
    t.equal(response.statusCode, 400, url)
    return response.json<{ detail: string }>().detail
  }
  for (const { path, name, schema } of parametersOf(app)) {
    if (schema.items !== undefined) continue
    const value = encodeURIComponent(schema.enum?.[0] ?? '1')
    t.equal(await detail(`${path}?${name}=${value}&${name}=${value}`), `\`${name}\` must be given once; got 2 values`)
  }
  const paths = Object.keys((app.swagger() as unknown as { paths: object }).paths)
  for (const path of [...paths, '/openapi.json']) t.match(await detail(`${path}?x=1`), /^Unknown parameter `x`\. This /)
})

t.test('a refusal quotes what was sent, not what was read of it; shortened, with nothing invisible', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  const message = async (path: string, parameters: Record<string, string>) => {
    const response = await app.inject(`${path}?${new URLSearchParams(parameters)}`)
    t.ok(response.body.length < 2_000, path)
    return response.json<{ errors: { message: string }[] }>().errors[0]?.message
  }
  t.equal(
    await message('/v1/attempts', { limit: '99999999999999999999' }),
    'must be an integer from 1 to 9007199254740991, such as 100; got "99999999999999999999"',
  )
  t.match(await message('/v1/irt/responses', { sample: `0.${'0'.repeat(400)}1` }), /; got "0\.0{98}\.\.\."$/)
  t.equal(
    await message('/v1/attempts', { cursor: '' }),
    'must be the next_cursor of the previous page, unchanged; got ""',
  )
  t.match(await message('/v1/attempts', { cursor: 'abc' }), /^is damaged; got "abc"\. Use the next_cursor/)
  t.equal(
    await message('/v1/changes', { since: '' }),
    'must be the next_token of the previous answer, unchanged; got ""',
  )
  t.match(
    await message('/v1/attempts', { session_id: 'x'.repeat(10_001) }),
    /^must have at most 10000 characters; got 10001: "x{100}\.\.\."$/,
  )
  // the order of the text around it, a line separator, a tag, an escape sequence, half a character
  t.equal(
    await message('/v1/attempts', { limit: '5\u202e\u2028\u{e0041}\u009b\u001b[31m' }),
    'must be an integer from 1 to 9007199254740991, such as 100; ' +
      'got "5\\u202e\\u2028\\udb40\\udc41\\u009b\\u001b[31m"',
  )
  const format = await app.inject(`/v1/attempts?format=${'x'.repeat(200)}`)
  t.equal(format.statusCode, 406)
  t.match(format.json<{ detail: string }>().detail, /format="x{100}\.\.\."; use json, ndjson, csv or arrow$/)
})

t.test('a parameter that is repeated, unknown or nearly known', async (t) => {
  const app = await startApp(t, (await createDatabase(t)).url)
  const detail = async (url: string) => (await app.inject(url)).json<{ detail: string }>().detail
  t.equal(await detail('/v1/items?limit=1&limit=2'), '`limit` must be given once; got 2 values')
  t.match(
    await detail('/v1/irt/readiness?sample=NaN'),
    /^`sample` must be a number above 0 .* such as 0\.1; got "NaN"$/,
  )
  t.match(await detail('/v1/attempts?studentId=x'), /Unknown parameter `studentId` \(did you mean `student_id`\?\)/)
  t.match(await detail('/v1/attempts?topics=x'), /`topics`.* This endpoint accepts: student_id, user_id, /)
  t.match(await detail('/v1/attempts?limits=5'), /did you mean `limit`\?/)
  t.notMatch(await detail('/v1/attempts?something_else=5'), /did you mean/)
  t.match(await detail('/health/live?x=1'), /accepts no parameters/)
})

t.test('a request has one Host, which names a host', async (t) => {
  const app = await startApp(t, 'postgres://nobody:secret@127.0.0.1:1/none')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const status = (lines: string[], version = '1.1') =>
    new Promise<string>((resolve, reject) => {
      let text = ''
      connect(port, '127.0.0.1')
        .on('data', (data) => {
          text += data.toString()
        })
        .on('close', () => {
          resolve(text)
        })
        .on('error', reject)
        .end(['GET /health/live HTTP/' + version, ...lines, 'Connection: close', '', ''].join('\r\n'))
    })
  for (const host of ['localhost', 'localhost:3000', '[::1]:3000', '127.0.0.1', 'attempt_api.internal', ''])
    t.match(await status([`Host: ${host}`]), /^HTTP\/1\.1 200 /, host)
  t.match(await status([], '1.0'), /^HTTP\/1\.1 200 /)
  t.match(await status(['Host: a', 'Host: a']), /^HTTP\/1\.1 400 [^]*has 2 Host headers; it must have exactly one/)
  t.match(await status(['Host: a', 'host: b']), /^HTTP\/1\.1 400 /)
  for (const host of ['a b', 'http://a', 'a/b', 'a:port', 'a, b'])
    t.match(await status([`Host: ${host}`]), /^HTTP\/1\.1 400 [^]*must be a name or an address/, host)
  t.match(await status([]), /^HTTP\/1\.1 400 /)
})
