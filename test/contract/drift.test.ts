/** What golden rows alone do not show: another table of the name, errors of any class, definitions of other text. */
import type pg from 'pg'
import t from 'tap'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import type { Contract } from '../../src/contract/contract.js'
import { readPrinted, requireInstalled } from '../../src/contract/installed.js'
import type { Check } from '../../src/contract/report.js'
import { plainSettings, setLocally } from '../../src/contract/settings.js'
import type { SqlClient } from '../../src/contract/sql-client.js'
import { createDatabase } from '../helpers/database.js'

const chain = ['attempt_exam', 'attempt_element', 'attempt_response', 'attempt_numbered', 'attempt']

/** Within the transaction that takes the changes back. */
const nested = (client: pg.ClientBase): SqlClient => ({
  query(text, values) {
    if (text.startsWith('begin')) return client.query('savepoint contract')
    if (text === 'rollback') return client.query('rollback to savepoint contract')
    return client.query(text, values)
  },
})

const withClient = async (
  t: { teardown(action: () => unknown): unknown },
  action: (client: pg.PoolClient) => Promise<void>,
) => {
  const { pool } = await createDatabase(t)
  const client = await pool.connect()
  try {
    await action(client)
  } finally {
    client.release(true)
  }
}

/** Few golden rows, for what does not depend on how many there are. */
const few: Contract = {
  ...attemptV1,
  golden: attemptV1.golden.filter(({ property }) => ['attempt_no_ties', 'text_words'].includes(property)),
}

/** The report on the database as these statements leave it. Takes them back. */
async function reportAfter(client: pg.ClientBase, statements: readonly string[], contract = few) {
  await client.query('begin')
  for (const statement of statements) await client.query(statement)
  const report = await checkContract(nested(client), contract)
  await client.query('rollback')
  return report
}

const named = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name)
const bad = (checks: readonly Check[]) =>
  checks.filter(({ status }) => status === 'fail' || status === 'error').map(({ name, status }) => `${name} ${status}`)

/** A view with one expression of its printed definition replaced. @throws Error where nothing was replaced */
async function changed(client: pg.ClientBase, view: string, from: string | RegExp, to: string): Promise<string> {
  const { rows } = await client.query<{ text: string }>('select pg_get_viewdef($1::regclass) as text', [view])
  // PostgreSQL 14 and 15 qualify the columns of attempt_exam
  const before = (rows[0]?.text ?? '').replace(/\br\.(?=\w)/g, '')
  const after = before.replace(from, () => to)
  if (after === before) throw new Error(`nothing to replace in ${view}: ${String(from)}`)
  return `create or replace view ${view} as ${after}`
}

t.test('the table that the view reads is the one that the search_path means', async (t) =>
  withClient(t, async (client) => {
    const copy = 'create table other.exam_results (like public.exam_results including all)'
    const reading = await changed(client, 'attempt_exam', /FROM exam_results/, 'from other.exam_results')
    const cases: [string, string[], 'pass' | 'warn' | 'fail'][] = [
      ['another schema', ['create schema other', copy, reading], 'fail'],
      ['a copy that the view does not read', ['create schema other', copy], 'pass'],
      [
        'a table that stands before the one that the view reads',
        ['create schema other', copy, 'set local search_path = other, public'],
        'fail',
      ],
      [
        'the same name before it, without its columns',
        ['create schema other', 'create table other.exam_results (id int)', 'set local search_path = other, public'],
        'pass',
      ],
      [
        'a child',
        ['create schema other', 'create table other.exam_results () inherits (public.exam_results)', reading],
        'fail',
      ],
      [
        'a partition',
        [
          'create schema other',
          'alter table exam_results rename to exam_results_old',
          'create table public.exam_results (like exam_results_old) partition by range (created_at)',
          'create table other.exam_results partition of public.exam_results default',
          reading,
        ],
        'fail',
      ],
      [
        'both',
        [
          'create schema other',
          copy,
          await changed(
            client,
            'attempt_exam',
            'FROM exam_results r',
            'from (select * from exam_results union all select * from other.exam_results) r',
          ),
        ],
        'fail',
      ],
      ['moved', ['create schema other', 'alter table exam_results set schema other'], 'pass'],
      [
        'moved off the path, with a copy off the path',
        [
          'create schema other',
          'create schema third',
          'alter table exam_results set schema other',
          'create table third.exam_results (like other.exam_results including all)',
        ],
        'warn',
      ],
    ]
    for (const [name, statements, status] of cases) {
      const report = await reportAfter(client, statements)
      const check = named(report.checks, 'source_schema')
      t.equal(check?.status, status, name, { check })
      if (status !== 'fail') t.equal(report.status, 'pass', `${name}: the contract holds`, { bad: bad(report.checks) })
      else t.match(check?.detail, /the view reads (public|other)\.exam_results/, `${name}: names the table`)
    }
    const foreign = await reportAfter(client, [
      'create schema other',
      'create foreign data wrapper nothing',
      'create server nowhere foreign data wrapper nothing',
      'create foreign table other.exam_results (id uuid, session_id text, user_id text, result_json jsonb, ' +
        'created_at timestamptz, updated_at timestamptz) server nowhere',
      reading,
    ])
    t.equal(named(foreign.checks, 'source')?.status, 'fail', 'a foreign table')
  }),
)

t.test('an error that the definition raises is drift, and one of circumstances is not', async (t) =>
  withClient(t, async (client) => {
    const raising = (sqlState: string, when: string) => [
      `create function raising(value text) returns text language plpgsql as $$
        begin
          if ${when} then raise exception 'raised' using errcode = '${sqlState}'; end if;
          return value;
        end $$`,
      'create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, ' +
        'completed_at, started_at, attempt_no, raising(session_id) as session_id, topic_id from attempt_numbered',
    ]
    for (const sqlState of ['0A000', '42703']) {
      const report = await reportAfter(client, raising(sqlState, "value = 'tie x'"))
      t.equal(report.status, 'fail', sqlState, { bad: bad(report.checks) })
      t.match(bad(report.checks), [/^golden:attempt_no_ties fail$/], `${sqlState}: only the case with such a row`)
    }
    for (const sqlState of ['2F003', '55000', 'P0004', 'XX000'])
      t.equal((await reportAfter(client, raising(sqlState, "value = 'tie x'"))).status, 'fail', sqlState)
    for (const sqlState of ['25006', '42501', '53200', '55P03', '57014']) {
      const report = await reportAfter(client, raising(sqlState, "value = 'tie x'"))
      t.equal(report.status, 'error', sqlState)
      t.strictSame(bad(report.checks), ['golden error'], `${sqlState}: could not be checked`)
    }

    // built-in functions that raise 0A000 and 22023 for some values
    const zone = await changed(
      client,
      'attempt_exam',
      'COALESCE(updated_at, created_at)',
      "date_trunc('microseconds', coalesce(updated_at, created_at), " +
        "case when user_id like '%test%' then 'Mars/Base' else 'UTC' end)",
    )
    t.equal((await reportAfter(client, [zone])).status, 'fail', 'a zone that does not exist, for some users')
    const broken = await reportAfter(client, [
      'create table later (a int)',
      'create function broken(value text) returns text language sql stable as $$ select value from later $$',
      'create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, ' +
        'completed_at, started_at, attempt_no, broken(session_id) as session_id, topic_id from attempt_numbered',
      'drop table later',
    ])
    t.equal(broken.status, 'fail', 'a function whose table is gone', { bad: bad(broken.checks) })
    const later = await reportAfter(client, [
      'create function inner_text(value text) returns text language sql immutable as $$ select value $$',
      'create function outer_text(value text) returns text language sql immutable as $$ select inner_text(value) $$',
      'create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, ' +
        'completed_at, started_at, attempt_no, outer_text(session_id) as session_id, topic_id from attempt_numbered',
      'drop function inner_text(text)',
    ])
    t.strictSame(bad(later.checks), ['golden fail'], 'a function whose inner function is gone', {
      check: named(later.checks, 'golden'),
    })
  }),
)

t.test('a failure shows the row in plain characters, where the texts differ', async (t) =>
  withClient(t, async (client) => {
    const lowered =
      'create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used, ' +
      'completed_at, started_at, attempt_no, session_id, ' +
      "replace(rtrim(topic_id, E'\\u00a0'), 'xy', 'xY') as topic_id from attempt_numbered"
    const { checks } = await reportAfter(client, [lowered], attemptV1)
    for (const { name, status, expected, actual } of checks) {
      if (status !== 'fail') continue
      t.notMatch(`${expected}${actual}`, /[^\P{C}]|[^\P{Z} ]/u, `${name}: no control characters`)
      t.not(expected, actual, `${name}: shows the difference`)
      t.ok(`${expected}${actual}`.length < 1000, `${name}: short`)
    }
    t.match(named(checks, 'golden:text_blanks'), { status: 'fail', expected: /\\u\{a0\}/, detail: /\d+ rows missing/ })
    t.match(named(checks, 'golden:long_texts'), { expected: /xxy \(10001 characters\)/, actual: /xxY \(10001/ })
  }),
)

t.test('definition=installed: the text that PostgreSQL prints', async (t) =>
  withClient(t, async (client) => {
    const installed = async (statements: string[]) => requireInstalled(await reportAfter(client, statements))
    const right = await installed([])
    t.equal(right.status, 'pass', 'as installed', { definition: named(right.checks, 'definition') })
    t.equal(named(right.checks, 'definition')?.status, 'pass', 'src/contract/installed/ is what this server prints')

    // what a dump restores: every definition from its printed text
    const restored: string[] = []
    for (const view of [...chain, 'attempt_anomaly']) restored.push(await changed(client, view, /;?$/, ''))
    t.equal((await installed(restored)).status, 'pass', 'restored from a dump')

    const schemas = [
      'create schema platform',
      'alter table exam_results set schema platform',
      'create schema "Other one"',
      ...[...chain, 'attempt_anomaly'].map((view) => `alter view ${view} set schema "Other one"`),
      'alter function attempt_student_id(text) set schema "Other one"',
      'set local search_path = "Other one", platform',
      'set local quote_all_identifiers = on',
    ]
    t.equal((await installed(schemas)).status, 'pass', 'in other schemas, with quoted names')

    const mapping = 'create or replace function attempt_student_id(user_id text) returns uuid language sql immutable'
    const same: [string, string[]][] = [
      [
        'another text of the same meaning',
        [
          await changed(
            client,
            'attempt_exam',
            'COALESCE(updated_at, created_at)',
            'case when updated_at is null then created_at else updated_at end',
          ),
        ],
      ],
      ['the anomalies', [await changed(client, 'attempt_anomaly', "'question_id_missing'", "'no_question_id'")]],
      ['the function', [`${mapping} return md5(user_id)::uuid`]],
      ['the function as a string', [`${mapping} as $$ select md5(user_id)::uuid $$`]],
      ['without the anomalies', ['drop view attempt_anomaly']],
      ['a helper elsewhere', ['create schema helpers', 'alter view attempt_exam set schema helpers']],
    ]
    for (const [name, statements] of same) {
      const plain = await reportAfter(client, statements)
      const check = named(plain.checks, 'definition')
      t.strictSame([plain.status, check?.status], ['pass', 'warn'], `${name}: a warning`)
      t.not(check?.expected, check?.actual, `${name}: shows the difference`, { check })
      const required = requireInstalled(plain)
      t.strictSame([required.status, bad(required.checks)], ['fail', ['definition fail']], `${name}: fails if required`)
    }

    // no text is known for a later version
    await client.query('begin')
    const unknown = await checkContract(nested(client), { ...few, installed: {} })
    await client.query('rollback')
    t.strictSame([unknown.status, named(unknown.checks, 'definition')?.status], ['pass', 'warn'], 'an unknown version')
    t.equal(requireInstalled(unknown).status, 'error', 'cannot be compared')

    await client.query('begin')
    await setLocally(client, plainSettings)
    const names = Object.keys(Object.values(attemptV1.installed ?? {})[0] ?? {})
    t.strictSame(Object.keys(await readPrinted(client, 'public', names)).sort(), [...names].sort(), 'all are read')
    await client.query('rollback')
  }),
)
