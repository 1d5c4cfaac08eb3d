import t from 'tap'
import { readFileSync } from 'node:fs'
import { sql, type Kysely } from 'kysely'
import { Kysely as Builder, Migrator, PostgresDialect } from 'kysely'
import pg from 'pg'
import { describeFailure, withoutSecrets } from '../../src/cli/failure.js'
import { migrateDown, migrateUp } from '../../src/migrate/runner.js'
import {
  viewMigrations,
  queueMigrations,
  storeMigrations,
  type MigrationSet,
} from '../../src/migrate/migration-sets.js'
import { hashesOf } from '../../src/migrate/hashes.js'
import { planUp } from '../../src/migrate/plan.js'
import { migrationStatus } from '../../src/migrate/status.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { migrateCommand } from '../helpers/migrate.js'

// each has a database of its own
t.jobs = 2

const catalog = async (db: TestDatabase) =>
  (
    await db.pool.query(`select oid::text, relname, relkind, relacl::text, xmin::text from pg_class
          where relnamespace = 'public'::regnamespace
  union all select oid::text, proname, 'f', proacl::text, xmin::text from pg_proc
    where pronamespace = 'public'::regnamespace order by 1`)
  ).rows

t.test('applied migrations are frozen: what each does has the hash that it had', async (t) => {
  const hashes = Object.assign(
    {},
    ...(await Promise.all(
      [viewMigrations, queueMigrations, storeMigrations].map(
        async (set) => Object.fromEntries(await hashesOf(set)) as Record<string, string>,
      ),
    )),
  ) as Record<string, string>
  t.strictSame(hashes, {
    '20251101_0900_attempt_view_lock': '5010c1823a70822ed7091923aa4c70abe9deb063f6e5b4fa4822314302ba2485',
    '20251201_0900_attempt_queue': '8331d7d5a7a9af6a381bd4aff77d1a622520c072db2ba5080d3e1d0c9701e4d0',
    '20251202_0900_attempt_queue_exams': 'c6bc0010d5840115ec3c9f8d242710e3828f311e12f275abaedd80fc115d4855',
    '20261201_0900_attempt_queue_problems': '01a42db6096a87ec062e909d03bb2922efe7e75c4d5c91f9b812903ff31d57cc',
    '20251201_0910_attempt_store': 'b0d72f4c3a9c3c34195169a6d4404f9f2af595d7faa4ecf3e96d4daa6bc81c23',
    '20251202_0910_attempt_day_stale': 'a7a955a1c760976e04152f58cd8e4113b23c9b5f4a924d8a10e3be32302d4d91',
    '20251203_0900_attempt_session_index': '79b453ad1dc66a9a147daa690ac7d752bf491d68758fa08ac312939d63bd3192',
    '20261201_0910_attempt_store_limits': '79f3c89bec5d5f5f3afaada9f2ed1fc8cb9f28fb23d2b1358c3c6bc03e866a0a',
  })
})

t.test('status ends with 4 for pending, 0 for up to date, 5 for edited or unknown, 3 for not reached', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const status = () => migrateCommand(db.url, 'status')
  t.match(await status(), {
    code: 4,
    said: /20251101_0900_attempt_view_lock is pending: attempt-api migrate up applies it/,
  })
  t.equal((await migrateCommand(db.url, 'up', '--no-indexes')).code, 0)
  t.match(await status(), { code: 0, said: /was applied at \d{4}-\d\d-\d\dT.*, hash 5010c1823a70\./ })
  await db.pool.query(`update attempt_view_migration_hash set hash = 'abcdef0123456789'`)
  t.match(await status(), {
    code: 5,
    said: /with the hash abcdef012345 and was edited since: in this version its hash is 5010c1823a70/,
  })
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), {
    code: 0,
    said: /Nothing to apply.*\nCheck 20251101_0900_attempt_view_lock/,
  })
  await db.pool.query(
    `update attempt_view_migration_hash set hash = '5010c1823a70822ed7091923aa4c70abe9deb063f6e5b4fa4822314302ba2485'`,
  )
  await db.pool.query(`insert into attempt_view_migration values ('20991231_0900_later', '2099-12-31T00:00:00Z')`)
  t.match(await status(), {
    code: 5,
    said: /20991231_0900_later was applied at 2099-12-31T00:00:00.000Z by a newer version; this version does not know/,
  })
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: /Check 20991231_0900_later/ })
  t.match(await migrateCommand(db.url, 'down'), {
    code: 1,
    said: /cannot revert 20991231_0900_later: a newer version applied it.*Nothing was changed/,
  })
  await db.pool.query(`delete from attempt_view_migration where name < '2099'`)
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), {
    code: 1,
    said: /does not know \(20991231_0900_later\): a newer version applied them/,
  })
  const nowhere = new URL(db.url)
  nowhere.port = '1'
  t.match(await migrateCommand(nowhere.href, 'status'), { code: 3, said: /refuses connections/ })
  // without the right to read, the state is unknown
  const role = `blind_${db.name}`
  await db.pool.query(`create role ${role} login password 'blind'`)
  t.teardown(() => db.pool.query(`drop role ${role}`))
  const blind = new URL(db.url)
  blind.username = role
  blind.password = 'blind'
  t.match(await migrateCommand(blind.href, 'status'), { code: 3, said: /permission denied/ })
})

t.test('hashes are recorded for what Kysely migrated before, and Kysely reads what this runner writes', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const pool = new pg.Pool({ connectionString: db.url, max: 2 })
  const kysely = new Builder<unknown>({ dialect: new PostgresDialect({ pool }) })
  // dropping the database may end its idle sessions first
  pool.on('error', () => undefined)
  t.teardown(() => kysely.destroy())
  const migrator = (set: MigrationSet) =>
    new Migrator({
      db: kysely,
      provider: { getMigrations: () => Promise.resolve(set.migrations) },
      migrationTableName: set.table,
      migrationLockTableName: `${set.table}_lock`,
    })
  t.equal((await migrator(viewMigrations).migrateToLatest()).error, undefined)
  t.match(await migrateCommand(db.url, 'status'), { code: 0, said: /before hashes were recorded/ })
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: /Nothing to apply/ })
  t.match(await migrateCommand(db.url, 'status'), { code: 0, said: /hash 5010c1823a70/ })
  t.equal((await migrateUp(db.pool, queueMigrations)).length, Object.keys(queueMigrations.migrations).length)
  const known = await migrator(queueMigrations).migrateToLatest()
  t.strictSame([known.error, known.results], [undefined, []])
  t.match((await migrateCommand(db.url, 'status')).said, /20251202_0900_attempt_queue_exams was applied/)
})

t.test('a migration is edited where its statements differ; one with an earlier name is refused', async (t) => {
  const db = await createDatabase(t)
  const set = (text: string, more: MigrationSet['migrations'] = {}): MigrationSet => ({
    table: 'small_migration',
    migrations: {
      m2: {
        up: async (db: Kysely<unknown>) => {
          await sql.raw(text).execute(db)
        },
      },
      ...more,
    },
  })
  await migrateUp(db.pool, set('create table small (id int)'))
  t.equal((await migrationStatus(db.pool, set('create table small (id int)'))).state, 'current')
  t.equal((await migrationStatus(db.pool, set('create table small (id bigint)'))).state, 'other')
  await t.rejects(
    migrateUp(db.pool, set('create table small (id int)', { m1: { up: () => Promise.resolve() } })),
    /m1 would come before m2/,
  )
})

t.test('plan shows the statements, the locks of the trial and the dependants, and changes nothing', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const before = await catalog(db)
  const fresh = await planUp(db.pool)
  t.strictSame(
    {
      pending: fresh.pending,
      noop: fresh.noop,
      locks: fresh.locks,
      dependants: fresh.dependants,
      indexes: fresh.indexes.length,
    },
    {
      pending: ['20251101_0900_attempt_view_lock'],
      noop: false,
      locks: [{ relation: 'exam_results', mode: 'AccessShareLock' }],
      dependants: [],
      indexes: 2,
    },
  )
  t.ok(fresh.statements.some((statement) => /^create or replace view attempt as/.test(statement)))
  t.strictSame(await catalog(db), before)
  await db.migrate()
  await db.pool.query('create view of_the_analysts as select count(*) from attempt; delete from attempt_view_migration')
  const again = await planUp(db.pool)
  t.equal(again.noop, true, 'the views are what they would be')
  await db.pool.query('drop table attempt_view_migration, attempt_view_migration_hash')
  t.equal((await planUp(db.pool)).noop, true, 'nor does it matter that the record itself is made')
  await db.pool.query(
    'create table attempt_view_migration (name varchar(255) not null primary key, timestamp varchar(255) not null)',
  )
  t.ok(again.locks.some(({ relation, mode }) => relation === 'attempt' && mode === 'AccessExclusiveLock'))
  t.strictSame(again.dependants, ['view of_the_analysts'])
  t.match(
    (await migrateCommand(db.url, 'plan')).said,
    new RegExp(
      'only the record would be written[^]*' +
        'attempt +AccessExclusiveLock +readers and writers wait until the commit[^]*' +
        'Depending on the view attempt: view of_the_analysts',
    ),
  )
  t.match(
    (await migrateCommand(db.url, 'plan')).said,
    /ShareUpdateExclusiveLock, readers and writers continue; each build waits for transactions that began before it$/,
  )
  t.match(JSON.parse((await migrateCommand(db.url, 'plan', '--json')).said), {
    noop: true,
    indexLocks: [{ relation: 'exam_results', mode: 'ShareUpdateExclusiveLock' }],
  })
  await db.pool.query(
    `create or replace view attempt as select id, student_id, item_id, correct, response_time_ms, hint_used,
        completed_at, started_at, attempt_no, session_id, nullif(topic_id, 'x') as topic_id from attempt_numbered`,
  )
  t.equal((await planUp(db.pool)).noop, false)
  t.match((await planUp(db.pool, queueMigrations)).locks, [{ relation: 'exam_results', mode: 'ShareRowExclusiveLock' }])
  t.equal((await db.pool.query('select count(*)::int as n from attempt_view_migration')).rows[0].n, 0)
})

t.test(
  '--again repairs views that were changed without the runner, and applies only what this version knows',
  async (t) => {
    const db = await createDatabase(t)
    await db.pool
      .query(`create view of_the_analysts as select correct from attempt; grant select on attempt to pg_monitor;
    insert into exam_results (session_id, user_id, result_json) values ('one', 'somebody',
      '{"questions": [{"question_id": 1, "is_correct": false}]}');
    create or replace view attempt as select id, student_id, item_id, true as correct, response_time_ms, hint_used,
      completed_at, started_at, attempt_no, session_id, topic_id from attempt_numbered`)
    const correct = async () => (await db.pool.query('select correct from of_the_analysts')).rows
    t.strictSame(await correct(), [{ correct: true }])
    t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: /Nothing to apply/ })
    t.match(await migrateCommand(db.url, 'plan', '--again'), {
      code: 0,
      said: /To apply again: 20251101_0900_attempt_view_lock[\s\S]*passed the contract check and was rolled back/,
    })
    t.strictSame(await correct(), [{ correct: true }], 'a plan changes nothing')
    const before = (await db.pool.query('select timestamp from attempt_view_migration')).rows
    t.match(await migrateCommand(db.url, 'up', '--again', '--no-indexes'), {
      code: 0,
      said: /applied 20251101_0900_attempt_view_lock/,
    })
    t.strictSame(await correct(), [{ correct: false }], 'what depends on it is still there')
    t.equal(
      (await db.pool.query(`select has_table_privilege('pg_monitor', 'attempt', 'select') as may`)).rows[0].may,
      true,
    )
    const after = (await db.pool.query('select timestamp from attempt_view_migration')).rows
    t.equal(after.length, 1)
    t.equal(after[0].timestamp > before[0].timestamp, true)
    t.match(await migrateCommand(db.url, 'status'), { said: /hash 5010c1823a70/ })
    t.match(await migrateCommand(db.url, 'plan', '--again', '--json'), { said: /"noop": true/ })
    await db.pool.query(
      `insert into attempt_view_migration (name, timestamp) values ('29990101_0900_of_a_newer_version', now()::text)`,
    )
    for (const verb of ['up', 'plan'])
      t.match(await migrateCommand(db.url, verb, '--again'), { code: 1, said: /this version does not know/ })
  },
)

t.test('a dropped view is reported, and created by --again, which names it', async (t) => {
  const db = await createDatabase(t)
  await db.pool.query('grant select on attempt to pg_monitor; drop view attempt cascade')
  t.match(await migrateCommand(db.url, 'status'), {
    code: 5,
    said: /The view attempt does not exist although its migration is recorded\. .*migrate up --again creates it/,
  })
  for (const verb of [['up', '--no-indexes'], ['plan']])
    t.match(
      await migrateCommand(db.url, ...verb),
      { code: 1, said: /does not exist although.*up --again creates it/ },
      verb.join(' '),
    )
  t.match(await migrateCommand(db.url, 'up', '--again', '--no-indexes'), {
    code: 0,
    said: /^created the missing view attempt: grant the rights on it again\napplied/,
  })
  t.equal((await migrateCommand(db.url, 'status')).code, 0)
  t.match(
    await migrateCommand(db.url, 'up', '--again', '--no-indexes'),
    { code: 0, said: /^applied/ },
    'nothing was missing',
  )
  // with other columns, the hint is a command that does something
  await db.pool.query('drop view attempt; create view attempt as select 1 as id')
  t.match(await migrateCommand(db.url, 'up', '--again', '--no-indexes'), {
    code: 1,
    said: /other columns.*migrate up --again --replace recreates it/,
  })
  t.match(await migrateCommand(db.url, 'up', '--replace', '--no-indexes'), {
    code: 0,
    said: /Nothing to apply.*\n--replace has no effect.*migrate up --again --replace/,
  })
  t.match(await migrateCommand(db.url, 'up', '--again', '--replace', '--no-indexes'), {
    code: 0,
    said: /replaced the view attempt/,
  })
})

t.test('down refuses while there is a store', async (t) => {
  const db = await createDatabase(t)
  await migrateUp(db.pool, queueMigrations)
  t.match(await migrateCommand(db.url, 'down'), {
    code: 1,
    said: /A store exists.*store disable first\. Nothing was changed/,
  })
  await migrateDown(db.pool, queueMigrations, { all: true })
  t.equal((await migrateCommand(db.url, 'down')).code, 0)
})

t.test('status includes the pending migrations of a store, also in a database of its own', async (t) => {
  const [db, elsewhere] = [await createDatabase(t), await createDatabase(t, { bare: true })]
  await migrateUp(db.pool, queueMigrations)
  await migrateUp(elsewhere.pool, storeMigrations)
  t.equal((await migrationStatus(db.pool, viewMigrations, elsewhere.pool)).state, 'current')
  t.match(await migrateCommand(db.url, 'status', { STORE_DATABASE_URL: elsewhere.url }), {
    code: 0,
    said: /20251201_0910_attempt_store was applied/,
  })
  await migrateDown(elsewhere.pool, storeMigrations)
  t.match(await migrateCommand(db.url, 'status', { STORE_DATABASE_URL: elsewhere.url }), {
    code: 4,
    said: /is pending: attempt-api store upgrade applies it/,
  })
  elsewhere.url = elsewhere.url.replace(/:\d+\//, ':1/')
  t.match(await migrateCommand(db.url, 'status', { STORE_DATABASE_URL: elsewhere.url }), {
    code: 3,
    said: /check the host and port in STORE_DATABASE_URL/,
  })
})

t.test('a role without a right is refused with the right that it lacks', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const url = new URL(db.url)
  const [role, owner] = [`weak_${db.name}`, `owner_${db.name}`]
  await db.pool.query(
    `revoke create on schema public from public;
      create role ${role} login password 'unused';
      create role ${owner};
      grant select on exam_results to ${role}, ${owner}`,
  )
  t.teardown(() => db.pool.query(`drop owned by ${role}, ${owner} cascade; drop role ${role}, ${owner}`))
  url.username = role
  url.password = 'unused'
  for (const verb of [['up', '--no-indexes'], ['plan']])
    t.match(
      await migrateCommand(url.href, ...verb),
      { code: 1, said: /permission denied for schema public: use a database role with this privilege/ },
      verb.join(' '),
    )
  await db.migrate()
  await db.pool.query(`grant create on schema public to ${role}, ${owner};
      grant select on attempt_view_migration, attempt_view_migration_hash to ${role};
    do $$ declare one text;
    begin foreach one in array array['attempt_exam', 'attempt_element', 'attempt_response', 'attempt_numbered',
      'attempt', 'attempt_anomaly'] loop execute format('alter view %I owner to ${owner}', one);
    end loop;
    end $$`)
  for (const options of [['--again'], ['--again', '--replace']]) {
    t.match(
      await migrateCommand(url.href, 'up', '--no-indexes', ...options),
      {
        code: 1,
        said: new RegExp(
          `The view attempt belongs to ${owner}, and ${role} is not a member of that role. ` +
            `Migrate as ${owner}, or change the owner of the view. Nothing was changed`,
        ),
      },
      options.join(' '),
    )
  }
  // a member that does not inherit acts as the owner
  await db.pool.query(
    `alter role ${role} noinherit;
      grant ${owner} to ${role};
      grant insert, update on attempt_view_migration, attempt_view_migration_hash to ${role};
      alter function attempt_student_id(text) owner to ${owner}`,
  )
  t.match(await migrateCommand(url.href, 'up', '--no-indexes', '--again'), { code: 0, said: /^applied/ })
})

t.test('indexes that cannot be built are refused before anything is changed, and the plan says so', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const role = `migrator_${db.name}`
  await db.pool.query(
    `create role ${role} login password 'unused';
      grant create on schema public to ${role};
      grant select on exam_results to ${role}`,
  )
  t.teardown(() => db.pool.query(`drop owned by ${role} cascade; drop role ${role}`))
  const url = Object.assign(new URL(db.url), { username: role, password: 'unused' }).href
  const before = await catalog(db)
  const refused = new RegExp(
    `exam_results belongs to \\w+, and ${role} does not have the rights of that role.*--no-indexes`,
  )
  t.match(await migrateCommand(url, 'up'), {
    code: 1,
    said: new RegExp(`^attempt-api: ${refused.source}.*nothing was changed`),
  })
  t.match(await migrateCommand(url, 'plan'), {
    code: 0,
    said: new RegExp(`-- migrate up would be refused: ${refused.source}`),
  })
  t.strictSame(await catalog(db), before)
  t.equal((await migrateCommand(url, 'up', '--no-indexes')).code, 0)
  t.equal((await migrateCommand(db.url, 'up')).code, 0, 'the owner builds them')
  t.notMatch((await migrateCommand(url, 'plan')).said, /refused/)
  t.match(await migrateCommand(url, 'up'), { code: 0, said: /Nothing to apply/ }, 'nothing is left to build')
  t.match(await migrateCommand(url, 'down'), { code: 1, said: refused })
  t.equal((await migrateCommand(url, 'status')).code, 0, 'the view is still there')
})

t.test('a partitioned exam_results is refused with what to do, and the documented statements work', async (t) => {
  const db = await createDatabase(t, { bare: true })
  await db.pool.query(`create table exam_results (id uuid, session_id text, user_id text, result_json jsonb,
        created_at timestamptz not null default now(), updated_at timestamptz) partition by range (created_at);
    create table exam_results_all partition of exam_results default`)
  t.match(await migrateCommand(db.url, 'up'), {
    code: 1,
    said: /is partitioned.*--no-indexes.*docs\/migrations\.md.*nothing was changed/,
  })
  t.match(await migrateCommand(db.url, 'plan'), {
    code: 0,
    said: /-- migrate up would be refused: exam_results is partitioned/,
  })
  t.equal((await migrateCommand(db.url, 'up', '--no-indexes')).code, 0)
  const documented =
    /^```sql\n(create index attempt_student_idx on only[^]*?)^```/m.exec(
      readFileSync('docs/migrations.md', 'utf8'),
    )?.[1] ?? ''
  // a concurrent build is a statement of its own
  for (const statement of documented
    .replaceAll('exam_results_2026', 'exam_results_all')
    .split(/;\n/)
    .filter((one) => one.trim() !== ''))
    await db.pool.query(statement)
  t.match(await migrateCommand(db.url, 'status'), {
    code: 0,
    said: /attempt_student_idx exists\.\nIndex attempt_completed_at_idx exists/,
  })
  t.match(
    (
      (await db.pool.query(
        `set enable_seqscan = off;
          explain select * from attempt where student_id = '00000000-0000-0000-0000-958e2b33e695'`,
      )) as unknown as { rows: Record<string, string>[] }[]
    )[1]?.rows
      .map((row) => row['QUERY PLAN'])
      .join('\n'),
    /Index Scan using exam_results_all_student_idx/,
  )
})

t.test('down drops the indexes that an earlier down did not get to', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  t.equal((await migrateCommand(db.url, 'up')).code, 0)
  const reader = await db.pool.connect()
  await reader.query('begin isolation level repeatable read; select count(*) from exam_results')
  t.match(await migrateCommand(db.url, 'down', '--wait', '1'), {
    code: 6,
    said: /reverted[^]*could not be built or dropped/,
  })
  await reader.query('rollback')
  reader.release()
  t.match(await migrateCommand(db.url, 'down', '--no-indexes'), {
    code: 0,
    said: /^Nothing to revert: no migration is applied\.$/,
  })
  t.match(await migrateCommand(db.url, 'down'), { code: 0, said: /dropping the remaining indexes/ })
  t.equal((await db.pool.query(`select count(*)::int as n from pg_class where relname like 'attempt%'`)).rows[0].n, 0)
  t.match(await migrateCommand(db.url, 'down'), { code: 0, said: /^Nothing to revert: no migration is applied\.$/ })
})

t.test('names of the views that another relation has are refused', async (t) => {
  for (const [name, statement] of [
    ['attempt_exam', 'create table attempt_exam (x int)'],
    ['attempt_numbered', 'create materialized view attempt_numbered as select 1 as x'],
    ['attempt', 'create table attempt (x int)'],
  ] as const) {
    const db = await createDatabase(t, { migrated: false })
    await db.pool.query(statement)
    for (const options of [[], ['--replace']])
      t.match(await migrateCommand(db.url, 'up', ...options), {
        code: 1,
        said: new RegExp(`^attempt-api: ${name} exists and is not a view\\. Rename it.*Nothing was changed`),
      })
  }
})

t.test('no error shows a password', async (t) => {
  const db = await createDatabase(t, { bare: true })
  const url = new URL(db.url)
  url.password = 's3cret%2Fword'
  const refused = await migrateCommand(url.href, 'up')
  t.match(
    refused,
    { code: 1, said: /refuses the password: check the user and password in DATABASE_URL/ },
    'nothing that a pipeline should try again',
  )
  t.notMatch(refused.said, /s3cret|postgres:\/\//)
  const secrets = ['postgres://user:s3cret%2Fword@host:5432/db']
  for (const text of [
    'cannot reach postgres://user:s3cret%2Fword@host:5432/db',
    'password s3cret/word is wrong',
    'host=x password=s3cret%2Fword user=y',
  ])
    t.notMatch(withoutSecrets(text, secrets), /s3cret/)
  t.match(
    describeFailure(
      Object.assign(new Error(''), {
        errors: [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
      }),
    ),
    /check the host and port/,
  )
})
