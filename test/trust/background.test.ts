/** What runs without a request: probes, the refresher, migrations and the commands of the store. */
import t from 'tap'
import type { Kysely } from 'kysely'
import type { Check } from '../../src/contract/report.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { viewMigrations } from '../../src/migrate/migration-sets.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { migrationStatus } from '../../src/migrate/status.js'
import { createRefresher } from '../../src/store/refresher.js'
import { startApp, untilReady } from '../helpers/app.js'
import { openToAttack } from '../helpers/attacker.js'
import { command } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'
import { enabled, shortIntervals } from '../helpers/store.js'
import { until } from '../helpers/until.js'

/** Better matches than PostgreSQL's own for calls with literals and the results of to_regclass. */
const betterMatches = `
  create function public.has_table_privilege(regclass, text) returns boolean language sql as 'select public.evil()';
  create function public.evil_equals(oid, regclass) returns boolean language sql as 'select public.evil()';
  create operator public.= (function = evil_equals, leftarg = oid, rightarg = regclass)`
const removed = 'drop operator public.= (oid, regclass); drop function public.has_table_privilege(regclass, text)'

/** A table of migrations that runs code when it is read. */
const ledgerView = `create view attempt_view_migration as
    select '20251101_0900_attempt_view_lock'::varchar as name, ''::varchar as timestamp where evil();
  grant all on attempt_view_migration to public`

/** The service, and the warnings in its log. */
async function serve(t: Parameters<typeof startApp>[0], url: string) {
  const warnings: string[] = []
  const app = await startApp(t, url, {}, url, [], {}, (created) => {
    created.log.warn = ((_fields: object, line: string) => {
      warnings.push(line)
    }) as unknown as typeof created.log.warn
  })
  return { app, warnings }
}

t.test('probes run nothing that is planted, and work', async (t) => {
  const { url, name, attacker, pool, ran } = await openToAttack(t)
  await pool.query('drop table attempt_view_migration, attempt_view_migration_hash')
  const { app, warnings } = await serve(t, url)
  await untilReady(app)
  await attacker.query(`${ledgerView}; ${betterMatches}`)
  const report = (await app.inject('/schema-contract')).json<{ status: string; checks: Check[] }>()
  t.equal(report.status, 'pass')
  t.match(
    report.checks.find((check) => check.name === 'creators'),
    {
      status: 'warn',
      actual: 'every role may create objects in the schema public',
      detail: /run revoke create on schema public from public;/,
    },
  )
  // the state is read every second in the background
  const now = (await pool.query<{ now: string }>('select now()::text')).rows[0]?.now
  const read = `select from pg_stat_activity where application_name = 'attempt-api contract' and datname = $1
    and state = 'idle' and query_start > $2::timestamptz`
  await until(async () => (await pool.query(read, [name, now])).rows.length > 0, 'the state was read')
  t.match((await app.inject('/health/ready')).json(), { status: 'ready', migrations: null })
  t.strictSame(await ran(), [])
  await untilReady(await startApp(t, url))
  t.strictSame(await ran(), [], 'also in sessions that begin later')
  t.strictSame(
    warnings.filter((line) => line.includes('may create')),
    [
      'In the database, every role may create objects in the schema public, which the service could take for its ' +
        'own: run `revoke create on schema public from public;` (docs/access.md, roles).',
    ],
    'once',
  )
})

t.test('a view of a role that is not trusted is not read: the probes say so', async (t) => {
  const { url, attacker, ran } = await openToAttack(t, { migrated: false })
  await attacker.query('create view attempt as select 1 as one where evil(); grant select on attempt to public')
  const { app, warnings } = await serve(t, url)
  const reason = await until(async () => {
    const answer = (await app.inject('/health/ready')).json<{ reason: string }>()
    return answer.reason.includes('not trusted') && answer.reason
  }, 'the probe says why')
  t.match(reason, /^a view belongs to a role that is not trusted/)
  t.match(
    warnings.find((line) => line.includes('not ready')),
    /public\.attempt belongs to the role attacker_\w+, .* drop it/,
  )
  t.strictSame(await ran(), [])
})

t.test('roles that may create are named until it is revoked', async (t) => {
  const { pool, role } = await openToAttack(t)
  const lines = async () => (await migrationStatus(pool)).lines.filter((line) => line.includes('may create'))
  await pool.query(`grant create on schema public to ${role}`)
  const [all = '', one = '', ...others] = await lines()
  t.match(
    all,
    /^Every role may create objects in the schema public, .* Run revoke create on schema public from public;/,
  )
  t.match(one, new RegExp(`^The role ${role} may create objects in the schema public, .* from ${role};`))
  t.strictSame(others, [])
  await pool.query(`revoke create on schema public from ${role}, public`)
  t.strictSame(await lines(), [])
})

t.test('a role does not become trusted by a second exam_results', async (t) => {
  const { pool, attacker, url, ran } = await openToAttack(t)
  await pool.query('create schema other; grant create, usage on schema other to public')
  await attacker.query(`create table other.exam_results (id uuid);
    create function other.md5(varchar) returns text language sql as $$select 'x' where public.evil()$$`)
  const found = await command(['migrate', 'status'], {
    DATABASE_URL: `${url}?options=-c%20search_path%3Dother,public`,
  })
  t.match(found, { status: 1, stderr: /function other\.md5\(character varying\) of the role attacker_/ })
  t.strictSame(await ran(), [])
})

t.test('commands run nothing that is planted, and name it', async (t) => {
  const { attacker, url, ran } = await openToAttack(t)
  const tables = `create view attempt_queue_reader as select 'x'::text as store where evil();
    create view attempt_store as select 'x'::text as id where evil();
    create view attempt_queue as select 'x'::text as user_id where evil();
    grant all on attempt_queue_reader, attempt_store, attempt_queue to public`
  for (const [planted, message, unplanted] of [
    [betterMatches, /operator public\.=\(oid,regclass\) of the role attacker_/, removed],
    [tables, /public\.attempt_\w+ belongs to the role attacker_/, 'select'],
  ] as const) {
    await attacker.query(planted)
    for (const args of [
      'migrate up',
      'migrate plan',
      'migrate status',
      'migrate down',
      'store enable',
      'store disable',
      'store upgrade',
      'store rebuild',
      'store status',
      'store verify',
      'store refresh --once',
    ])
      t.match(await command(args.split(' '), { DATABASE_URL: url }), { status: 1, stderr: message }, args)
    t.strictSame(await ran(), [])
    await attacker.query(unplanted)
  }
})

t.test('what is planted during a migration is not used, or not committed', async (t) => {
  const { pool, attacker, ran } = await openToAttack(t, { migrated: false })
  /** The view's migrations; `plant` runs at one of their calls: two compute hashes, the third is the migration. */
  const planting = (plant: string, at: number) => {
    let calls = 0
    const migrations = Object.fromEntries(
      Object.entries(viewMigrations.migrations).map(([name, migration]) => [
        name,
        {
          up: async (db: Kysely<unknown>) => {
            if (++calls === at) await attacker.query(plant)
            await migration.up(db)
          },
        },
      ]),
    )
    return { ...viewMigrations, migrations }
  }
  const ledger = `create table attempt_view_migration (name varchar(255) primary key, timestamp varchar(255));
    create trigger evil before insert on attempt_view_migration for each row execute function evil_trigger();
    grant all on attempt_view_migration to public`
  await t.rejects(migrateUp(pool, planting(ledger, 2)), {
    message: /public\.attempt_view_migration belongs to the role attacker_/,
  })
  t.strictSame(await ran(), [])
  await attacker.query('drop table attempt_view_migration')
  const operator = `create function evil_sum(varchar, varchar) returns text language sql as $$select 'x'$$;
    create operator public.|| (function = evil_sum, leftarg = varchar, rightarg = varchar)`
  await t.rejects(migrateUp(pool, planting(operator, 3), { checkMs: 600_000 }), {
    message: /operator public\.\|\|\(character varying,character varying\) of the role attacker_/,
  })
  const { rows } = await pool.query(`select to_regclass('attempt') as view`)
  t.strictSame(rows, [{ view: null }], 'nothing was committed')
})

t.test('the refresher names what is planted, also while it leads, and goes on without it', async (t) => {
  const db = await openToAttack(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  const lines: string[] = []
  const log = (fields: object, message: string) => {
    lines.push(`${message} ${(fields as { err?: Error }).err?.message ?? ''}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: db.url,
    log: { info: log, warn: log, error: log },
    intervals: shortIntervals,
  })
  void refresher.run()
  t.teardown(() => refresher.stop())
  await until(() => lines.some((line) => line.includes('started refreshing')), 'it leads')
  await db.attacker.query(betterMatches)
  await until(
    () => lines.some((line) => /could not be refreshed.*operator public\.=\(oid,regclass\) of the role/.test(line)),
    'it stops and names what it found',
  )
  await db.attacker.query(removed)
  const before = lines.length
  await until(() => lines.slice(before).some((line) => line.includes('started refreshing')), 'it goes on')
})

t.test('functions of the service name what they use, or fix their search_path', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enabled(db)
  const { rows } = await db.pool.query<{ name: string; fixed: boolean }>(`
    select proname as name,
      -- a body in the form of the SQL standard is bound when the function is created
      prosqlbody is not null or coalesce(proconfig, '{}') @> array['search_path=pg_catalog, pg_temp'] as fixed
    from pg_proc where pronamespace = 'public'::regnamespace order by 1`)
  t.strictSame(rows, [
    { name: 'attempt_enqueue', fixed: true },
    { name: 'attempt_enqueue_row', fixed: true },
    { name: 'attempt_student_id', fixed: true },
  ])
})
