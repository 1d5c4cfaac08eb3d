/** Settings of the database or of the role change no answer and end no session. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startApp, untilReady } from '../helpers/app.js'
import { command } from '../helpers/cli.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { sleep, until } from '../helpers/until.js'

// each arrangement has a database of its own
t.jobs = 3

/** Whatever a session could depend on, set as badly as an operator may. */
const settings = {
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  statement_timeout: '20ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1s',
  idle_session_timeout: '1s',
  transaction_timeout: '1s',
  TimeZone: 'America/New_York',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  timezone_abbreviations: 'India',
  bytea_output: 'escape',
  extra_float_digits: '-14',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  row_security: 'off',
  exit_on_error: 'on',
  client_min_messages: 'error',
  plan_cache_mode: 'force_generic_plan',
  jit: 'on',
  jit_above_cost: '0',
  max_parallel_workers_per_gather: '8',
  check_function_bodies: 'off',
  xmloption: 'document',
  search_path: 'public, pg_catalog',
  restrict_nonsystem_relation_kind: 'view',
}

const bodies = [
  '/v1/attempts?format=csv',
  '/v1/attempts?format=ndjson&source=live',
  '/v1/anomalies?format=csv',
  '/v1/students?format=csv',
  '/v1/items?format=ndjson',
  '/v1/topics?format=csv',
  '/v1/topics/daily?format=csv&tz=Asia/Seoul',
  '/v1/topics/daily?format=csv&tz=Asia/Seoul&source=live',
  '/v1/irt/responses?format=csv&since=2026-03-07T12:00:00Z',
  '/v1/irt/responses?format=ndjson&attempts=all',
]

/** Exams with times, intervals, fractions and texts; a session of 100 kB makes a stream that sockets do not hold. */
const source = `
  insert into exam_results (id, session_id, user_id, result_json, updated_at)
  select md5(n::text)::uuid, 'é\u00fc' || n || case when n % 3 = 0 then repeat('\\', 40000) else '' end,
    'student ' || n % 7,
    jsonb_build_object('questions', (
      select jsonb_agg(jsonb_build_object('question_id', q, 'is_correct', (n * q) % 3 = 0, 'topic', 'Thema ß ' || q % 3,
        'time_spent', q + 0.1, 'started_at', '2026-03-08 02:30:00' || case when q = 2 then ' IST' else 'Z' end))
      from generate_series(1, 7) as q)),
    timestamptz '2026-03-07 20:00Z' + n * interval '17 minutes'
  from generate_series(1, 60) as n;
  insert into exam_results (id, session_id, user_id, result_json)
  values (md5('broken')::uuid, 'broken', 'student 1', '{"questions": 7}')`

async function applySettings(db: TestDatabase, level: 'database' | 'role'): Promise<void> {
  const { rows } = await db.pool.query<{ name: string; unknown: string[] }>(
    `select current_user::text as name, array(
      select name from unnest($1::text[]) as name where current_setting(name, true) is null) as unknown`,
    [Object.keys(settings)],
  )
  const [{ name = '', unknown = [] } = {}] = rows
  const target =
    level === 'database' ? `database ${db.name}` : `role ${pg.escapeIdentifier(name)} in database ${db.name}`
  for (const [setting, value] of Object.entries(settings)) {
    if (unknown.includes(setting)) continue
    const values = setting === 'search_path' ? value : pg.escapeLiteral(value)
    await db.pool.query(`alter ${target} set ${setting} = ${values}`)
  }
}

/** @returns what the service answers after all commands have run, and how they ended */
async function everything(t: Test, level?: 'database' | 'role') {
  const db = await createDatabase(t, { migrated: false })
  await db.pool.query(source)
  // this session began before the settings
  const before = await db.pool.connect()
  t.teardown(() => {
    before.release(true)
  })
  if (level !== undefined) await applySettings(db, level)
  const environment = { DATABASE_URL: db.url, CONTRACT_TIMEOUT_MS: '60000' }
  const commands: Record<string, number> = {}
  for (const line of [
    'migrate plan',
    'migrate up',
    'migrate status',
    'contract verify --definition installed',
    'store enable',
    'store refresh --once',
    'store verify',
    'store status',
  ]) {
    const { status, stderr } = await command(line.split(' '), environment)
    if (status !== 0) t.comment(`${line}: ${stderr}`)
    commands[line] = status
  }
  const app = await startApp(t, db.url, { storeRefresh: true })
  await untilReady(app)
  const answers: Record<string, string> = {}
  for (const path of bodies) {
    const { statusCode, body } = await app.inject(path)
    answers[path] = `${statusCode} ${body}`
  }
  const contract = (await app.inject('/schema-contract')).statusCode

  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const request = http.get({ host: '127.0.0.1', port, path: '/v1/attempts?format=csv', agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.pause()
  const sessions = async () =>
    (
      await before.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and application_name like 'attempt-api%'`,
      )
    ).rows.map(({ pid }) => pid)
  const pids = await sessions()
  // not a wait for something to happen: nothing must, though each limit of idle sessions and of transactions is over
  await sleep(1_800)
  const kept = (await sessions()).filter((pid) => pids.includes(pid)).length
  const slow = await text(response)

  // a late exam reaches the store and the feed of changes
  const { body } = await app.inject('/v1/changes')
  const { next_token: token } = JSON.parse(body) as { next_token: string }
  await before.query(`set default_transaction_read_only = off; set standard_conforming_strings = on;
    insert into exam_results (session_id, user_id, result_json, updated_at) values
    ('late', 'student 3', '{"questions": [{"question_id": 1, "is_correct": true}]}', '2026-03-09T00:00:00Z')`)
  await until(
    async () => (await app.inject(`/v1/changes?since=${token}`)).body.includes('late'),
    'the change is in the feed',
  )
  return { commands, contract, answers, slow: `200 ${slow}`, kept: kept === pids.length }
}

const plain = everything(t)

for (const level of ['database', 'role'] as const)
  t.test(`settings of the ${level} change nothing`, async (t) => {
    const [expected, found] = await Promise.all([plain, everything(t, level)])
    t.strictSame(Object.values(expected.commands), Array(8).fill(0))
    t.strictSame(found.commands, expected.commands)
    t.equal(found.contract, 200)
    t.ok(expected.answers[bodies[0] as string]?.includes('2026-03-'))
    for (const path of bodies) {
      t.match(expected.answers[path], /^200 /, path)
      t.ok(found.answers[path] === expected.answers[path], path)
    }
    t.ok(found.slow === found.answers['/v1/attempts?format=csv'], 'a slow reader gets every row')
    t.ok(found.kept, 'no session ends because it is idle')
  })
