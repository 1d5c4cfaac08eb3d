import t from 'tap'
import { spawnSync } from 'node:child_process'
import { cli as cliFile, command, type Ended } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'

const settings = (url: string | undefined) => ({
  CONTRACT_TIMEOUT_MS: '60000',
  ...(url === undefined ? {} : { DATABASE_URL: url }),
})
const cli = (url: string | undefined, ...args: string[]): Promise<Ended> => command(args, settings(url))
/** As a process of its own. */
const spawned = (url: string | undefined, ...args: string[]) => {
  const { DATABASE_URL: _, ...env } = process.env
  return spawnSync(process.execPath, [...cliFile, ...args], {
    encoding: 'utf8',
    env: { ...env, ...settings(url) },
    timeout: 120_000,
  })
}

t.test('plan changes nothing, up applies once, down reverts', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const there = async () =>
    (
      await db.pool.query(
        `select to_regclass('attempt') is not null as view, to_regclass('attempt_student_idx') is not null as index`,
      )
    ).rows[0]
  const plan = spawned(db.url, 'migrate', 'plan')
  t.equal(plan.status, 0, plan.stderr)
  t.match(plan.stdout, /create or replace view attempt as/)
  t.match(plan.stdout, /create index concurrently/)
  t.strictSame(await there(), { view: false, index: false })
  t.match((await cli(db.url, 'migrate', 'status')).stdout, /is pending/)

  t.equal(spawned(db.url, 'migrate', 'up').status, 0)
  t.strictSame(await there(), { view: true, index: true })
  t.match((await cli(db.url, 'migrate', 'up')).stdout, /Nothing to apply/)
  t.match((await cli(db.url, 'migrate', 'status')).stdout, /was applied at/)
  t.equal((await cli(db.url, 'contract', 'verify', '--definition', 'installed')).status, 0)

  await db.pool.query('create view of_the_analysts as select count(*) from attempt')
  const refused = await cli(db.url, 'migrate', 'down')
  t.equal(refused.status, 1)
  t.match(refused.stderr, /of_the_analysts.*nothing was dropped/)
  t.strictSame(await there(), { view: true, index: true })
  await db.pool.query('drop view of_the_analysts')
  t.equal((await cli(db.url, 'migrate', 'down')).status, 0)
  t.strictSame(await there(), { view: false, index: false })
  t.equal((await db.pool.query(`select count(*)::int as n from pg_class where relname like 'attempt%'`)).rows[0].n, 0)
})

t.test('down names the objects that depend on the views, and leaves objects of others alone', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  t.equal((await cli(db.url, 'migrate', 'up')).status, 0)
  const dependants: Record<string, string> = {
    'materialized view kpi': 'create materialized view kpi as select count(*) from attempt_response',
    'function recent()': 'create function recent() returns setof attempt language sql as $$ select * from attempt $$',
    'function counted()':
      'create function counted() returns bigint language sql begin atomic select count(*) from attempt_anomaly; end',
    'function many(attempt[])': 'create function many(attempt[]) returns int language sql return 1',
    'column sample of table notes': 'create table notes (id int, sample attempt)',
    'index by_student': 'create index by_student on exam_results (attempt_student_id(user_id))',
    'policy own on table notes': 'create policy own on notes using (exists (select from attempt where item_id = id))',
  }
  for (const make of Object.values(dependants)) await db.pool.query(make)
  const refused = await cli(db.url, 'migrate', 'down')
  t.equal(refused.status, 1)
  for (const name of Object.keys(dependants)) t.ok(refused.stderr.includes(name), name, { stderr: refused.stderr })
  t.match(refused.stderr, /nothing was dropped/)
  await db.pool.query(
    'drop materialized view kpi; drop function recent(), counted(), many(attempt[]); ' +
      'drop table notes; drop index by_student',
  )
  await db.pool.query(`create view attempt_v2 as select 1 as id; create table attempt_log (id int);
    create function attempt_student_id(int) returns int language sql return 1;
    insert into exam_results (session_id, result_json) values ('s', '{}')`)
  t.equal((await cli(db.url, 'migrate', 'down')).status, 0)
  const { rows } = await db.pool.query(`
    select relname::text as name from pg_class where relname like 'attempt%' or relname = 'exam_results'
    union all select oid::regprocedure::text from pg_proc where proname like 'attempt%' order by 1`)
  t.strictSame(
    rows.map(({ name }) => name),
    ['attempt_log', 'attempt_student_id(integer)', 'attempt_v2', 'exam_results'],
  )
  t.equal((await db.pool.query('select * from exam_results')).rowCount, 1)
})

t.test('up --no-indexes builds no index, and an index whose build failed is built again', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  t.equal((await cli(db.url, 'migrate', 'up', '--no-indexes')).status, 0)
  t.equal(
    (
      await db.pool.query(
        `select count(*)::int as n from pg_class where relname in ('attempt_student_idx', 'attempt_completed_at_idx')`,
      )
    ).rows[0].n,
    0,
  )
  // what a failed concurrent build leaves
  await db.pool.query(
    `create index attempt_student_idx on exam_results (id);
     update pg_index set indisvalid = false where indexrelid = 'attempt_student_idx'::regclass`,
  )
  t.match((await cli(db.url, 'migrate', 'status')).stdout, /attempt_student_idx is invalid/)
  const up = await cli(db.url, 'migrate', 'up')
  t.match(up.stdout, /dropping it/)
  t.match((await db.pool.query(`select pg_get_indexdef('attempt_student_idx'::regclass) as text`)).rows[0].text, /md5/)
})

t.test('an existing view with the same columns is adopted with its grants and dependants', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await db.pool.query(`create view attempt as
    select 1::bigint as id, gen_random_uuid() as student_id, 1::bigint as item_id, true as correct,
      1 as response_time_ms, true as hint_used, now() as completed_at,
      now() as started_at, 1 as attempt_no, ''::text as session_id, ''::text as topic_id;
    create view of_the_analysts as select count(*) from attempt; grant select on attempt to pg_monitor`)
  t.equal((await cli(db.url, 'migrate', 'up')).status, 0)
  t.equal(
    (await db.pool.query(`select has_table_privilege('pg_monitor', 'attempt', 'select') as kept`)).rows[0].kept,
    true,
  )
  t.equal((await db.pool.query('select * from of_the_analysts')).rows[0].count, '0')
})

t.test('refuses in one sentence, changing nothing', async (t) => {
  const bare = await createDatabase(t, { bare: true })
  t.match(await cli(bare.url, 'migrate', 'up'), { status: 1, stderr: /no table exam_results/ })
  await bare.pool.query('create table exam_results (id uuid primary key, session_id text, result_json json)')
  t.match(await cli(bare.url, 'migrate', 'up'), { status: 1, stderr: /lacks.*user_id text, result_json jsonb/ })
  await bare.pool.query(
    'alter table exam_results rename to elsewhere; create view exam_results as select * from elsewhere',
  )
  t.match(await cli(bare.url, 'migrate', 'up'), { status: 1, stderr: /no table exam_results/ })
  const other = await createDatabase(t, { migrated: false })
  await other.pool.query('create view attempt as select 1 as id; create view of_the_analysts as select * from attempt')
  t.match(await cli(other.url, 'migrate', 'up'), {
    status: 1,
    stderr: /other columns.*Depending on it: view of_the_analysts/,
  })
  t.equal(
    (await other.pool.query(`select count(*)::int as n from pg_class where relname like 'attempt_%' and relkind = 'v'`))
      .rows[0].n,
    0,
  )
})

t.test('errors go to standard error with an exit code that is not 0', async (t) => {
  t.match(await cli(undefined, 'migrate', 'sideways'), { status: 2, stderr: /up, down, status, plan/ })
  t.match(spawned(undefined, 'nothing'), {
    status: 2,
    stdout: '',
    stderr: /^attempt-api: Unknown command "nothing"\. .+\n$/,
  })
  t.match(spawned('postgres://x@127.0.0.1:1/x', 'migrate', 'up'), {
    status: 3,
    stderr: /^attempt-api: the database refuses connections: .+\n$/,
  })
  t.match(await cli('postgres://x@127.0.0.1:1/x', 'contract', 'verify'), { status: 3 })
  t.match(await cli('mysql://x', 'serve'), { status: 1, stderr: /DATABASE_URL must be/ })
  t.match(await command(['serve'], { NODE_ENV: 'production' }), {
    status: 1,
    stderr: /^attempt-api: DATABASE_URL is not set.*\n$/,
  })
  for (const name of ['serve', 'migrate', 'contract', 'load', 'generate'])
    t.match(await cli(undefined, name, '--help'), { status: 0, stdout: new RegExp(`attempt-api ${name}`) })
})
