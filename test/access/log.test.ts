import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createKey } from '../../src/access/api-keys.js'
import { logOptions } from '../../src/observability/log.js'
import { cli } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'
import { keyFile } from '../helpers/keys.js'
import { until } from '../helpers/until.js'

t.jobs = 3

interface Served {
  url: string
  output(): string
  stop(): Promise<number>
}

/** `serve` as production runs it, with everything logged that can be. */
async function serve(t: { teardown(action: () => unknown): unknown }, env: Record<string, string>): Promise<Served> {
  const child = spawn(process.execPath, [...cli, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      LOG_LEVEL: 'trace',
      PORT: '0',
      OVERLOAD_DELAY_MS: '0',
      CONTRACT_TIMEOUT_MS: '60000',
      ...env,
    } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  // by then everything that it said has been read
  const exited = once(child, 'close') as Promise<[number]>
  t.teardown(() => {
    child.kill('SIGKILL')
  })
  await until(() => /Server listening at/.test(output) || child.exitCode !== null, 'it listens or ends')
  return {
    url: /Server listening at (http:\/\/[^"]+)"/.exec(output)?.[1] ?? '',
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}

/** Starts and is expected to end by itself. */
async function refusal(
  t: { teardown(action: () => unknown): unknown },
  env: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const served = await serve(t, env)
  const code = await served.stop()
  return { code, output: served.output() }
}

t.test('nothing secret and nobody is in the log, whatever goes wrong', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('session-of-alice', 'alice@example.org', '{"questions": [{"question_id": 1, "topic": "algebra"}]}', now())`,
  )
  const student = (await db.pool.query('select student_id from attempt')).rows[0].student_id as string
  const { file, keys } = keyFile(t, { 'nightly-kpi': ['aggregates:read'], research: ['attempts:read'] })
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }
  let broken = false
  const issuing = http.createServer((_request, response) => {
    response.end(broken ? '<html>secret-of-the-issuer' : JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((done) => issuing.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    issuing.close()
  })
  const sign = (kid: string, exp = Math.floor(Date.now() / 1000) + 600) =>
    new SignJWT({
      sub: 'carol-the-person',
      azp: 'dashboard',
      email: 'carol@example.org',
      scope: 'attempts:read',
      exp,
      iss: 'https://login.example',
      aud: 'attempt-api',
    })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey)
  const tokens = [await sign('one'), await sign('two'), await sign('one', 1_700_000_000)]
  const stranger = createKey().key
  const jwt = {
    JWT_ISSUER: 'https://login.example',
    JWT_AUDIENCE: 'attempt-api',
    JWT_JWKS_URL: `http://127.0.0.1:${(issuing.address() as AddressInfo).port}/`,
  }

  const service = await serve(t, { DATABASE_URL: db.url, API_KEYS_FILE: file, ...jwt })
  const paths = [
    '/v1/topics',
    '/v1/attempts?user_id=alice%40example.org',
    '/v1/attempts?user_id=alice%40example.org&format=csv',
    `/v1/students/${student}`,
    `/v1/students/${student.replace(/./, 'x')}`,
    '/v1/students?user_id=alice%40example.org&nonsense=alice%40example.org',
    '/v1/attempts?session_id=session-of-alice',
    '/v1/attempts?cursor=alice%40example.org',
    '/v1/topics/daily?tz=alice%40example.org',
    '/v1/users/alice%40example.org',
    `/${keys.research}`,
    `/v1/topics?api_key=${keys.research}`,
    '/health',
    '/v1/%zz',
    `//${keys.research}@alice%40example.org/v1/topics`,
  ]
  const credentials = [
    {},
    ...[keys['nightly-kpi'], keys.research, stranger, ...tokens, 'garbage-token'].flatMap((key) => [
      { authorization: `Bearer ${key}` },
      { 'x-api-key': key },
    ]),
    { authorization: `Basic ${keys.research}` },
  ]
  // the first answer of health may be given before the lock was checked
  await until(async () => (await fetch(`${service.url}/health`)).status === 200, 'it is healthy')
  const statuses = new Set<number>()
  for (const path of paths)
    for (const headers of credentials)
      statuses.add((await fetch(`${service.url}${path}`, { headers: headers as Record<string, string> })).status)
  t.strictSame([...statuses].sort(), [200, 400, 401, 403, 404])
  broken = true
  await db.pool
    .query(
      `alter view attempt_exam rename to gone;
      alter view attempt rename to gone_too;
      drop function attempt_student_id(text) cascade`,
    )
    .catch(() => undefined)
  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name like 'attempt-api%' and datname = current_database()`,
  )
  for (const path of paths)
    await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${keys.research}` } })
  await fetch(`${service.url}/v1/topics`, { headers: { authorization: `Bearer ${tokens[1]}` } })
  t.equal(await service.stop(), 0)
  const logs = [service.output()]
  t.match(logs[0], /"caller":"nightly-kpi"/)
  t.match(logs[0], /"caller":"jwt:dashboard"/)
  t.match(logs[0], /"route":"\/v1\/students\/:student_id"/)

  const wrong = new URL(db.url)
  wrong.password = 'wrong-password-of-the-database'
  const failingOn = async (url: string) => {
    const failing = await serve(t, { DATABASE_URL: url, API_KEYS_FILE: file })
    if (failing.url !== '')
      for (const path of [
        '/v1/topics',
        '/v1/attempts?user_id=alice%40example.org',
        '/v1/attempts?format=csv',
        '/health',
        '/schema-contract',
      ])
        await fetch(`${failing.url}${path}`, { headers: { authorization: `Bearer ${keys.research}` } })
    await failing.stop()
    return failing.output()
  }
  logs.push(
    ...(await Promise.all(
      [
        wrong.href,
        'postgres://who:half%zzsecret@127.0.0.1:1/none',
        'postgres://who:se@cret@of@three/and/four@127.0.0.1:1/none',
      ].map(failingOn),
    )),
  )
  const passwords = [new URL(db.url).password, wrong.password, 'half%zz', 'zzsecret', 'cret@of', 'of@three']
  for (const secret of [
    ...Object.values(keys).flatMap((key) => [key, key.slice(12, 40)]),
    stranger,
    ...tokens.flatMap((token) => [token, ...token.split('.')]),
    ...passwords,
    'alice',
    'carol',
    student,
    'garbage-token',
    'secret-of-the-issuer',
    'postgres://',
    'user_id=',
    'api_key',
  ]) {
    t.ok(
      logs.every((log) => !log.includes(secret)),
      `${secret.slice(0, 24)} is not in the log`,
      {
        found: logs
          .join('\n')
          .split('\n')
          .find((line) => line.includes(secret)),
      },
    )
  }
})

t.test('what a database error quotes stays out of the log', async (t) => {
  const { err } = logOptions('info').serializers
  const quoting = Object.assign(new Error('invalid input syntax for type uuid: "alice"'), {
    code: '22P02',
    detail: 'Key (user_id)=(alice)',
    where: 'unnamed portal parameter $1 = alice',
    severity: 'ERROR',
  })
  t.match(err(quoting), { code: '22P02', severity: 'ERROR', stack: /^\s+at / })
  t.notMatch(JSON.stringify(err(quoting)), /alice/)
  const url = (() => {
    try {
      return new URL('postgres://u:secret@ x')
    } catch (error) {
      return error
    }
  })()
  t.notMatch(JSON.stringify(err(url as Error)), /secret/)
  t.match(err(new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')], '')), { errors: [/ECONNREFUSED/] })
  t.match(err(new Error('outer', { cause: quoting })), {
    message: 'outer',
    cause: { code: '22P02', message: /left out/ },
  })
})

t.test('other machines are let in only where something says who may ask', async (t) => {
  const url = 'postgres://nobody:secret@127.0.0.1:1/none'
  const { file } = keyFile(t, { kpi: ['aggregates:read'] })
  t.match(await refusal(t, { DATABASE_URL: url, HOST: '0.0.0.0' }), {
    code: 1,
    output: new RegExp(
      '^attempt-api: HOST=\\S+ can be reached from other machines and no access control is configured\\. ' +
        'Set API_KEYS_FILE .* or ACCESS=none .*\\.\n$',
    ),
  })
  const open: Record<string, string>[] = [
    { HOST: '0.0.0.0', ACCESS: 'none' },
    { HOST: '0.0.0.0', API_KEYS_FILE: file },
  ]
  for (const env of open) {
    const service = await serve(t, { DATABASE_URL: url, ...env })
    t.match(service.output(), /Server listening/, JSON.stringify(env))
    await service.stop()
  }
  for (const HOST of ['203.0.113.7', 'nowhere.invalid']) {
    t.match(await refusal(t, { DATABASE_URL: url, HOST, ACCESS: 'none' }), {
      code: 1,
      output: /^attempt-api: Cannot listen on HOST=\S+, PORT=\d+ \(\w+\)\. Set HOST to an address of this machine/m,
    })
  }
  const missing = await refusal(t, { DATABASE_URL: url, API_KEYS_FILE: '/nowhere/keys.json' })
  t.match(missing, { code: 1, output: /^attempt-api: API_KEYS_FILE=\S+ is invalid: there is no such file .*\n$/ })
})
