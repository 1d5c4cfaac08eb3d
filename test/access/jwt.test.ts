import t from 'tap'
import { createHmac } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from 'jose'
import { createTokenVerifier, type KeySetTimes } from '../../src/access/jwt.js'
import { startApp } from '../helpers/app.js'

const issuer = 'https://login.example'
const audience = ['attempt-api']

interface Signer {
  kid: string
  alg: string
  privateKey: Parameters<SignJWT['sign']>[0]
  publicKey: Parameters<typeof exportSPKI>[0]
  jwk: JWK
}
async function signer(kid: string, alg = 'ES256'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** A provider of keys on the loopback address, which can be slow, wrong or away. */
async function provider(t: { teardown(action: () => unknown): unknown }, ...keys: Signer[]) {
  const state = { keys, mode: 'well' as 'well' | 'slow' | 'broken' | 'html' | 'huge', asked: 0 }
  const server = http.createServer((_request, response) => {
    state.asked++
    if (state.mode === 'slow') return
    response.statusCode = state.mode === 'broken' ? 500 : 200
    response.end(
      state.mode === 'huge'
        ? JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk), more: 'x'.repeat(2_000_000) })
        : state.mode === 'html'
          ? '<html>'
          : JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk) }),
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(state, { server, jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys` })
}

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600
type Claims = Record<string, unknown>
const token = (by: Signer, claims: Claims = {}, header: object = {}) =>
  new SignJWT({
    iss: issuer,
    aud: audience[0]!,
    exp: inAnHour(),
    sub: 'person-7',
    client_id: 'kpi',
    scope: 'openid aggregates:read',
    ...claims,
  })
    .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
    .sign(by.privateKey)

const silent = { info: () => undefined, warn: () => undefined }
const patient: KeySetTimes = { timeoutMs: 60_000, freshMs: 600_000, keptMs: 3_600_000, cooldownMs: 0, failureMs: 0 }

t.test('tokens of the issuer are accepted under every asymmetric algorithm, with their scopes', async (t) => {
  const signers = await Promise.all(
    ['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA', 'Ed25519'].map((alg) => signer(alg, alg)),
  )
  const issuing = await provider(t, ...signers)
  const verify = createTokenVerifier({ issuer, audience, jwksUrl: issuing.jwksUrl })
  for (const one of signers) t.match(await verify(await token(one), silent), { name: 'jwt:kpi' }, one.alg)
  const [by] = signers as [Signer]
  const scopes = async (claims: Claims) =>
    [...(await verify(await token(by, { scope: undefined, ...claims }), silent)).scopes].sort()
  t.strictSame(await scopes({ scope: 'attempts:read  metrics:read' }), ['attempts:read', 'metrics:read'])
  t.strictSame(await scopes({ scp: ['attempts:read', 7, 'admin'] }), ['attempts:read'])
  t.strictSame(await scopes({ scp: 'metrics:read' }), ['metrics:read'])
  t.strictSame(await scopes({ scopes: ['aggregates:read'] }), ['aggregates:read'])
  t.strictSame(await scopes({}), [])
  const named = async (claims: Claims) => verify(await token(by, { client_id: undefined, ...claims }), silent)
  t.equal((await named({ azp: 'spa' })).name, 'jwt:spa')
  const [one, other] = [await named({ sub: 'person-7' }), await named({ sub: 'person-8' })]
  t.equal(one.name, 'jwt:unnamed')
  t.not(one.id, other.id, 'people of one client are counted by themselves')
  t.notMatch(JSON.stringify([one, other]), /person/)
  t.ok(
    await verify(await token(by, { exp: Math.floor(Date.now() / 1000) - 10 }), silent),
    'clocks may differ by a little',
  )
  t.equal(issuing.asked, 1, 'the keys were fetched once')
})

t.test('everything else is refused, and the reason is told', async (t) => {
  const [by, stranger] = [await signer('one', 'RS256'), await signer('one', 'RS256')]
  const { jwksUrl } = await provider(t, by)
  const verify = createTokenVerifier({ issuer, audience, jwksUrl })
  const refused = async (text: string | Promise<string>, reason: RegExp, what: string) =>
    t.rejects(verify(await text, silent), { name: 'InvalidToken', message: reason }, what)
  const now = Math.floor(Date.now() / 1000)
  await refused(token(by, { iss: 'https://elsewhere.example' }), /another issuer/, 'issuer')
  await refused(token(by, { iss: undefined }), /issuer|claim/, 'no issuer')
  await refused(token(by, { aud: 'another-api' }), /another audience/, 'audience')
  await refused(token(by, { aud: undefined }), /audience|claim/, 'no audience')
  await refused(token(by, { exp: now - 60 }), /expired/, 'expired')
  await refused(token(by, { exp: undefined }), /no expiry/, 'without an end')
  await refused(token(by, { nbf: now + 600 }), /not valid yet/, 'too early')
  await refused(token(stranger), /signature/, 'signed by another')
  await refused(token(by, {}, { kid: 'two' }), /does not publish/, 'unknown key')
  await refused((await token(by)).slice(0, -4) + 'AAAA', /not valid/, 'damaged')
  await refused(
    new UnsecuredJWT({ scope: 'attempts:read' })
      .setIssuer(issuer)
      .setAudience(audience[0]!)
      .setExpirationTime('1h')
      .encode(),
    /not valid|algorithm/,
    'alg none',
  )
  await refused(
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await token(by)).split('.')[1]}.`,
    /not valid|algorithm/,
    'alg none, signature taken off',
  )
  const pem = await exportSPKI(by.publicKey)
  for (const secret of [pem, pem.trim(), JSON.stringify(by.jwk), by.jwk.n!]) {
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'one' })).toString('base64url')
    const head = `${header}.${(await token(by)).split('.')[1]}`
    await refused(
      `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`,
      /algorithm/,
      'the public key as a secret',
    )
  }
  await refused('a.b.c', /not valid/, 'no token at all')
  await refused(
    token(by, {}, { crit: ['x'], x: 1 }).catch(() => 'x.y.z'),
    /not valid/,
    'critical extension',
  )
  t.ok(await verify(await token(by), silent), 'and the good one goes on')
})

/** The clock by which keys grow old, to be moved on by hand: nothing here may depend on how quickly it is done. */
function clock(t: { teardown(action: () => unknown): unknown }): (ms: number) => void {
  const now = performance.now.bind(performance)
  let later = 0
  performance.now = () => now() + later
  t.teardown(() => {
    performance.now = now
  })
  return (ms) => {
    later += ms
  }
}
const minute = 60_000

t.test('keys are followed: a new one is fetched once, and nobody makes the service ask without end', async (t) => {
  const pass = clock(t)
  const [old, young, never] = [await signer('old'), await signer('young'), await signer('never')]
  const issuing = await provider(t, old)
  const verify = createTokenVerifier(
    { issuer, audience, jwksUrl: issuing.jwksUrl },
    { ...patient, cooldownMs: 5 * minute },
  )
  const [ofOld, ofYoung, ofNever] = [await token(old), await token(young), await token(never)]
  await Promise.all(Array.from({ length: 20 }, () => verify(ofOld, silent)))
  t.equal(issuing.asked, 1, 'one fetch for all who wait')
  issuing.keys = [old, young]
  await t.rejects(verify(ofYoung, silent), /does not publish/, 'within the cooldown')
  t.equal(issuing.asked, 1)
  pass(5 * minute)
  const both = await Promise.all(Array.from({ length: 20 }, () => verify(ofYoung, silent)))
  t.equal(both.length, 20)
  t.equal(issuing.asked, 2)
  for (let n = 0; n < 20; n++) await t.rejects(verify(ofNever, silent), /does not publish/)
  t.equal(issuing.asked, 2)

  const forgetful = createTokenVerifier(
    { issuer, audience, jwksUrl: issuing.jwksUrl },
    { ...patient, cooldownMs: 0, freshMs: 0 },
  )
  t.ok(await forgetful(await token(old), silent))
  issuing.keys = [young]
  let refusal = ''
  for (const end = Date.now() + 30_000; refusal === '' && Date.now() < end;) {
    await forgetful(ofOld, silent).catch((error: unknown) => {
      refusal = (error as Error).message
    })
    await new Promise((again) => setTimeout(again, 20))
  }
  t.match(refusal, /does not publish/, 'a key that was taken back is not good any more')
})

t.test('a provider that is away: 503 at once for whom cannot be judged, and known keys go on for a time', async (t) => {
  const pass = clock(t)
  const [known, other] = [await signer('known'), await signer('other')]
  const issuing = await provider(t, known)
  const lines: string[] = []
  const log = {
    info: (_object: object, message: string) => {
      lines.push(message)
    },
    warn: (object: object, message: string) => {
      lines.push(`${message} ${JSON.stringify(object)}`)
    },
  }
  const away = { name: 'ApiError', code: 'access_unavailable' }
  const times = { ...patient, cooldownMs: 0, freshMs: 10 * minute, keptMs: 60 * minute, failureMs: 5 * minute }
  const verify = createTokenVerifier({ issuer, audience, jwksUrl: issuing.jwksUrl }, times)
  const good = await token(known)
  for (const mode of ['broken', 'html', 'huge', 'slow'] as const) {
    issuing.mode = mode
    // what never answers is given up by a timer; what answers has all the time that it needs
    times.timeoutMs = mode === 'slow' ? 500 : patient.timeoutMs
    await t.rejects(verify(good, log), away, mode)
    const { asked } = issuing
    await t.rejects(verify(good, log), away, `${mode}, and told again without a try`)
    t.equal(issuing.asked, asked)
    pass(5 * minute)
  }
  t.equal(lines.length, 1, 'told once, not at every request')
  times.timeoutMs = patient.timeoutMs
  issuing.mode = 'broken'
  const before = issuing.asked
  const waiting = createTokenVerifier({ issuer, audience, jwksUrl: issuing.jwksUrl }, { ...patient, failureMs: minute })
  for (let n = 0; n < 10; n++) await t.rejects(waiting(good, silent), away)
  t.equal(issuing.asked - before, 1, 'and not asked by each request')

  issuing.mode = 'well'
  t.ok(await verify(good, log))
  issuing.mode = 'slow'
  times.timeoutMs = 500
  pass(11 * minute)
  t.ok(await verify(good, log), 'the key is old, and taken while there is no newer one')
  await t.rejects(verify(await token(other), log), away, 'a key that is not known cannot be judged')
  const { asked } = issuing
  await t.rejects(verify(await token(other), log), away, 'nor a moment later, without waiting')
  t.equal(issuing.asked, asked)
  t.ok(await verify(good, log), 'while the old one goes on')
  pass(50 * minute)
  await t.rejects(verify(good, log), away, 'until the time is over')
  issuing.mode = 'well'
  times.timeoutMs = patient.timeoutMs
  pass(5 * minute)
  t.ok(await verify(good, log), 'and again as soon as it is back')

  const nowhere = createTokenVerifier({ issuer, audience, jwksUrl: 'http://127.0.0.1:1/keys' })
  await t.rejects(nowhere(good, log), away)
})

t.test('over HTTP: 401 names the reason, 403 the scope, 503 says when to try again', async (t) => {
  const by = await signer('one')
  const issuing = await provider(t, by)
  const nowhere = 'postgres://nobody:secret@127.0.0.1:1/none'
  const app = await startApp(t, nowhere, {}, nowhere, [], {
    access: {
      tokens: createTokenVerifier({ issuer, audience, jwksUrl: issuing.jwksUrl }, { ...patient, keptMs: 0 }),
      open: new Set(['health', 'contract', 'docs']),
    },
  })
  const ask = async (text: string | undefined, path = '/v1/topics') =>
    app.inject({ path, headers: text === undefined ? {} : { authorization: `bearer ${text}` } })
  t.match(await ask(await token(by)), { statusCode: 503 })
  t.match((await ask(await token(by))).json(), { code: 'database_unavailable' })
  t.match((await ask(await token(by), '/v1/topics?until=soon')).json(), { code: 'invalid_parameter' })
  const forbidden = await ask(await token(by), '/v1/attempts')
  t.match(
    [forbidden.statusCode, forbidden.headers['www-authenticate'], forbidden.json().detail],
    [403, 'Bearer realm="attempt-api", error="insufficient_scope", scope="attempts:read"', /attempts:read/],
  )
  const expired = await ask(await token(by, { exp: 1_700_000_000 }))
  t.match(
    [expired.statusCode, expired.headers['www-authenticate'], expired.json()],
    [
      401,
      'Bearer realm="attempt-api", error="invalid_token", error_description="The token has expired"',
      { code: 'unauthenticated' },
    ],
  )
  const key = await app.inject({ path: '/v1/topics', headers: { 'x-api-key': await token(by) } })
  t.equal(key.statusCode, 401, 'a token is no API key')
  issuing.mode = 'broken'
  const away = await ask(await token(by))
  t.match(
    [away.statusCode, away.json().code, away.headers['retry-after'], away.headers['www-authenticate']],
    [503, 'access_unavailable', '5', undefined],
  )
  t.equal((await app.inject('/health/live')).statusCode, 200)
})
