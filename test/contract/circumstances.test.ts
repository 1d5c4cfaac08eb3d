/** The same view under other owners, roles, settings and schemas: which of these are drift, and which are not. */
import pg from 'pg'
import t from 'tap'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'

type Teardown = { teardown(action: () => unknown): unknown }

/** A role of this run; what it owns in the database is dropped with the database. */
async function createRole(t: Teardown, db: TestDatabase, what: string, options = ''): Promise<string> {
  const role = `${what}_${db.name}`
  await db.pool.query(`create role ${role} ${options}`)
  t.teardown(async () => {
    const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] })
    await admin.connect()
    await admin.query(`drop role if exists ${role}`)
    await admin.end()
  })
  return role
}

/** The check on a connection of its own, so that the settings of database and role are in force. */
async function checked(db: TestDatabase, { user, before = '' }: { user?: string; before?: string } = {}) {
  const url = new URL(db.url)
  if (user !== undefined) [url.username, url.password] = [user, 'secret']
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    if (before !== '') await client.query(before)
    const report = await checkContract(client, attemptV1)
    return {
      status: report.status,
      bad: report.checks
        .filter((check) => check.status !== 'pass' && check.status !== 'warn')
        .map((check) => `${check.name} ${check.status}`),
    }
  } finally {
    await client.end()
  }
}

const holds = { status: 'pass', bad: [] }
const hidden = { status: 'fail', bad: ['row_security fail'] }

t.test('row security is drift where it is in force for the owner of the view, and only there', async (t) => {
  const db = await createDatabase(t)
  const version = Number((await db.pool.query('show server_version_num')).rows[0].server_version_num)
  const owner = await createRole(t, db, 'owner')
  const bypasses = await createRole(t, db, 'bypasses', 'bypassrls')
  const member = await createRole(t, db, 'member', `in role ${owner}`)
  const outsider = await createRole(t, db, 'outsider')
  const views = ['attempt_exam', 'attempt_element', 'attempt_response', 'attempt_numbered', 'attempt']
  const setOwners = async (table: string, view: string) => {
    await db.pool.query(`
      alter table exam_results owner to ${table};
      ${views.map((name) => `alter view ${name} owner to ${view}`).join('; ')};
      grant select on exam_results to public`)
  }
  t.teardown(() =>
    db.pool.query(`
      reassign owned by ${owner}, ${bypasses}, ${member}, ${outsider} to postgres;
      drop owned by ${owner}, ${bypasses}, ${member}, ${outsider}`),
  )

  await setOwners(owner, outsider)
  t.strictSame(await checked(db), holds, 'not enabled')
  await db.pool.query('alter table exam_results enable row level security')
  t.strictSame(await checked(db), hidden, 'enabled, and the view belongs to another role')
  await db.pool.query('create policy everything on exam_results using (true)')
  t.strictSame(await checked(db), hidden, 'a policy that hides no row today')
  await setOwners(owner, owner)
  t.strictSame(await checked(db), holds, 'the owner of the table')
  await setOwners(owner, member)
  t.strictSame(await checked(db), holds, 'a member of the owner')
  await setOwners(owner, bypasses)
  t.strictSame(await checked(db), holds, 'BYPASSRLS')
  await setOwners(owner, 'postgres')
  t.strictSame(await checked(db), holds, 'a superuser')

  await db.pool.query('alter table exam_results force row level security')
  t.strictSame(await checked(db), holds, 'forced, a superuser')
  await setOwners(owner, bypasses)
  t.strictSame(await checked(db), holds, 'forced, BYPASSRLS')
  await setOwners(owner, owner)
  t.strictSame(await checked(db), hidden, 'forced, the owner of the table')
  await setOwners(owner, member)
  t.strictSame(await checked(db), hidden, 'forced, a member of the owner')

  // the owner of the helper decides who reads the table
  await setOwners(owner, outsider)
  await db.pool.query('alter view attempt_exam owner to postgres')
  t.strictSame(await checked(db), holds, 'a helper of a superuser')
  await setOwners(owner, 'postgres')
  await db.pool.query(`alter view attempt_exam owner to ${owner}`)
  t.strictSame(await checked(db), hidden, 'a helper of the owner, forced')

  if (version < 150_000) return
  await setOwners(owner, 'postgres')
  await db.pool.query('alter view attempt_exam set (security_invoker = true)')
  t.strictSame(await checked(db), hidden, 'security_invoker: the role that queries decides')
  await db.pool.query('alter table exam_results disable row level security')
  t.strictSame(await checked(db), holds, 'security_invoker, and nothing is hidden')
})

t.test('settings of database and role are not drift', async (t) => {
  const db = await createDatabase(t)
  const role = await createRole(t, db, 'asking', `login password 'secret'`)
  const settings: Record<string, string> = {
    quote_all_identifiers: 'on',
    timezone: 'Asia/Kathmandu',
    datestyle: 'German',
    intervalstyle: 'iso_8601',
    bytea_output: 'escape',
    extra_float_digits: '-15',
    standard_conforming_strings: 'off',
    transform_null_equals: 'on',
    row_security: 'off',
    array_nulls: 'off',
    default_transaction_isolation: 'serializable',
    default_transaction_deferrable: 'on',
    default_transaction_read_only: 'on',
    plan_cache_mode: 'force_generic_plan',
    client_encoding: 'LATIN1',
    jit_above_cost: '0',
    debug_parallel_query: 'regress',
    xmlbinary: 'hex',
    search_path: 'public, pg_catalog',
  }
  const known = new Set(
    (await db.pool.query<{ name: string }>('select name from pg_settings')).rows.map(({ name }) => name.toLowerCase()),
  )
  for (const [name, value] of Object.entries(settings)) {
    if (known.has(name) || name === 'client_encoding')
      await db.pool.query(`alter database ${db.name} set ${name} = ${name === 'search_path' ? value : `'${value}'`}`)
  }
  t.strictSame(await checked(db), holds, 'all of them')
  t.strictSame(await checked(db, { user: role }), holds, 'all of them, and a role without a right')
})

t.test('the locale of the database is not drift', async (t) => {
  const major = Number(process.env['PGMAJOR'] ?? 18)
  for (const [since, locale] of [
    [15, "locale_provider icu icu_locale 'tr-TR'"],
    [17, "locale_provider builtin builtin_locale 'C.UTF-8'"],
  ] as const) {
    if (major >= since) t.strictSame(await checked(await createDatabase(t, { locale })), holds, locale)
  }
})

t.test('the view in another schema, found by the search_path of the role', async (t) => {
  const db = await createDatabase(t)
  const role = await createRole(t, db, 'reader', `login password 'secret'`)
  const views = [
    'attempt_anomaly',
    'attempt',
    'attempt_numbered',
    'attempt_response',
    'attempt_element',
    'attempt_exam',
  ]
  await db.pool.query(`
    create schema platform; create schema "The contract"; alter table exam_results set schema platform;
    ${views.map((view) => `alter view ${view} set schema "The contract"`).join('; ')};
    create table public.exam_results (id int); create table public.attempt (id int)`)
  t.match(await checked(db), { status: 'fail' }, 'the one in public is a table')
  t.strictSame(await checked(db, { before: 'set search_path = "The contract", public' }), holds)
  await db.pool.query(`
    alter role ${role} in database ${db.name} set search_path = "The contract", public;
    grant usage on schema "The contract" to ${role};
    grant select on "The contract".attempt to ${role}`)
  t.strictSame(await checked(db, { user: role }), holds, 'a role that may only read the view')
  await db.pool.query(`drop owned by ${role}`)
  t.match(
    await checked(db, { user: role, before: 'set search_path = "The contract"' }),
    { status: 'error' },
    'a schema that the role may not use cannot be checked',
  )
})

t.test('a schema with functions and operators of built-in names changes nothing', async (t) => {
  const db = await createDatabase(t)
  // later on the path than pg_catalog, and before it
  await db.pool.query(`create schema traps;
    create function traps.md5(text) returns text language sql immutable as $$ select repeat('0', 32) $$;
    create function traps.round(numeric) returns numeric language sql immutable as $$ select trunc($1) $$;
    create function traps.to_char(timestamp, text) returns text language sql immutable as $$ select 'x' $$;
    create function traps.isfinite(timestamptz) returns boolean language sql immutable as $$ select false $$;
    create function traps.more(integer, integer) returns boolean language sql immutable as $$ select false $$;
    create operator traps.> (function = traps.more, leftarg = integer, rightarg = integer);
    create type traps.text as (a int);
    create table traps.pg_class (oid oid);
    create table traps.pg_attribute (attrelid oid)`)
  t.strictSame(await checked(db, { before: 'set search_path = public, traps' }), holds)
  t.strictSame(await checked(db, { before: 'set search_path = traps, pg_catalog, public' }), holds)
})
