/** Our own ledger, beside the one that every Kysely application uses by default. */
import t, { type Test } from 'tap'
import { Kysely, Migrator, PostgresDialect, sql, type Migration } from 'kysely'
import pg from 'pg'
import { startApp, untilReady } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { migrateCommand } from '../helpers/migrate.js'

t.jobs = 2

const view = '20251101_0900_attempt_view_lock'

/** Kysely's migrator with its default tables, as any application has it. */
function migrator(t: Test, db: TestDatabase, migrations: Record<string, Migration>) {
  const pool = new pg.Pool({ connectionString: db.url, max: 2 })
  pool.on('error', () => undefined)
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  t.teardown(() => kysely.destroy())
  return new Migrator({ db: kysely, provider: { getMigrations: () => Promise.resolve(migrations) } })
}

const creates = (table: string): Migration => ({
  up: async (db: Kysely<unknown>) => {
    await sql.raw(`create table ${table} (id int)`).execute(db)
  },
})
const first = { '20240101_first': creates('of_the_platform') }
const both = { ...first, '20270101_second': creates('of_the_platform_too') }

const names = async (db: TestDatabase, table: string) =>
  (await db.pool.query<{ name: string }>(`select name from ${table} order by name`)).rows.map(({ name }) => name)
const exists = async (db: TestDatabase, table: string) =>
  (await db.pool.query('select to_regclass($1) is not null as found', [table])).rows[0].found as boolean

/** What version 1.0 left: our records in Kysely's tables. */
async function asVersion1(db: TestDatabase): Promise<void> {
  await db.pool.query(
    `alter table attempt_view_migration rename to kysely_migration;
    alter index attempt_view_migration_pkey rename to kysely_migration_pkey;
    alter table attempt_view_migration_hash rename to kysely_migration_hash;
    alter index attempt_view_migration_hash_pkey rename to kysely_migration_hash_pkey`,
  )
}

t.test('another Kysely application in the same schema migrates before and after this service', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  t.match(await migrator(t, db, first).migrateToLatest(), { error: undefined, results: [{ status: 'Success' }] })
  t.match(await migrateCommand(db.url, 'status'), { code: 4, said: new RegExp(`^${view} is pending`) })
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: new RegExp(`^applied ${view}`) })
  t.match(await migrator(t, db, both).migrateToLatest(), {
    error: undefined,
    results: [{ migrationName: '20270101_second', status: 'Success' }],
  })
  const status = await migrateCommand(db.url, 'status')
  t.match(status, { code: 0, said: new RegExp(`^${view} was applied at`) })
  t.notMatch(status.said, /20240101_first|kysely_migration/)
  t.equal((await migrateCommand(db.url, 'down', '--no-indexes')).code, 0)
  t.strictSame(await names(db, 'kysely_migration'), ['20240101_first', '20270101_second'])
  t.equal(await exists(db, 'attempt_view_migration'), false)
})

t.test('tables of version 1.0 are renamed, with their grants, and every reader knows both names', async (t) => {
  const db = await createDatabase(t)
  const hash = (await db.pool.query('select name, hash from attempt_view_migration_hash')).rows
  await asVersion1(db)
  await db.pool.query('create table kysely_migration_lock (id text); grant select on kysely_migration to pg_monitor')
  const recorded = async () => {
    const app = await startApp(t, db.url)
    await untilReady(app)
    const ready = await app.inject('/health/ready')
    const report = (await app.inject('/schema-contract')).json<{ migration: string }>()
    await app.close()
    return { ready: ready.statusCode, migration: report.migration }
  }
  const before = await recorded()
  t.strictSame(before, { ready: 200, migration: view })
  t.match(await migrateCommand(db.url, 'status'), {
    code: 0,
    said: /was applied at .*hash 5010c1823a70\.\nThe table kysely_migration has records of this service; the next/,
  })
  // whichever of several runners comes first
  const ran = await Promise.all([1, 2, 3].map(() => migrateCommand(db.url, 'up', '--no-indexes')))
  t.strictSame(
    ran.map(({ code }) => code),
    [0, 0, 0],
  )
  t.equal(ran.filter(({ said }) => said.includes('is now named attempt_view_migration')).length, 1)
  t.strictSame(await names(db, 'attempt_view_migration'), [view])
  t.strictSame((await db.pool.query('select name, hash from attempt_view_migration_hash')).rows, hash)
  for (const table of ['kysely_migration', 'kysely_migration_hash', 'kysely_migration_lock'])
    t.equal(await exists(db, table), false, table)
  const { rows } = await db.pool.query(`select has_table_privilege('pg_monitor', 'attempt_view_migration', 'select')`)
  t.strictSame(rows, [{ has_table_privilege: true }])
  t.strictSame(await recorded(), before)
  t.equal((await migrator(t, db, first).migrateToLatest()).error, undefined)
})

t.test('where another application shares the table, only our records move', async (t) => {
  const db = await createDatabase(t)
  await asVersion1(db)
  await db.pool.query(
    `insert into kysely_migration values ('20240101_first', '2024-01-01T00:00:00Z');
    create table of_the_platform (id int);
    grant select on kysely_migration to pg_monitor`,
  )
  t.match(await migrator(t, db, both).migrateToLatest(), { error: /corrupted migrations/ }, 'the fault of 1.0')
  const status = await migrateCommand(db.url, 'status')
  t.match(status, { code: 0 })
  t.notMatch(status.said, /newer version/)
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: /Our records in public.kysely_migrati/ })
  t.strictSame(await names(db, 'attempt_view_migration'), [view])
  t.strictSame(await names(db, 'kysely_migration'), ['20240101_first'])
  const { rows } = await db.pool.query(`select has_table_privilege('pg_monitor', 'attempt_view_migration', 'select')`)
  t.strictSame(rows, [{ has_table_privilege: true }])
  t.equal((await migrator(t, db, both).migrateToLatest()).error, undefined)
  // version 1.0, rolled back to, does not find our record and adopts the view again
  await db.pool.query(`insert into kysely_migration values ('${view}', '2026-01-01T00:00:00Z')`)
  t.equal((await migrateCommand(db.url, 'up', '--no-indexes')).code, 0)
  t.strictSame(await names(db, 'kysely_migration'), ['20240101_first', '20270101_second'])
  t.strictSame(await names(db, 'attempt_view_migration'), [view])
})

t.test('down reverts what version 1.0 applied, and leaves the records of others', async (t) => {
  const db = await createDatabase(t)
  await asVersion1(db)
  await db.pool.query(`insert into kysely_migration values ('20240101_first', '2024-01-01T00:00:00Z')`)
  t.match(await migrateCommand(db.url, 'down', '--no-indexes'), {
    code: 0,
    said: new RegExp(`reverted ${view}`),
  })
  t.strictSame(await names(db, 'kysely_migration'), ['20240101_first'])
  t.equal(await exists(db, 'attempt'), false)
  t.equal(await exists(db, 'kysely_migration_hash'), false)
})

t.test('a table that belongs to another role keeps our records, and the command names the remedy', async (t) => {
  const db = await createDatabase(t)
  const role = `migrator_${db.name}`
  await asVersion1(db)
  await db.pool.query(
    `create role ${role} login password 'unused';
    grant create on schema public to ${role};
    grant select on exam_results, kysely_migration, kysely_migration_hash to ${role}`,
  )
  t.teardown(() => db.pool.query(`drop owned by ${role} cascade; drop role ${role}`))
  const url = Object.assign(new URL(db.url), { username: role, password: 'unused' }).href
  t.match(await migrateCommand(url, 'up', '--no-indexes'), {
    code: 0,
    said: new RegExp(`As \\w+: delete from public.kysely_migration where name in \\('${view}'\\)`),
  })
  t.strictSame(await names(db, 'attempt_view_migration'), [view])
  t.strictSame(await names(db, 'kysely_migration'), [view])
})

t.test('a table that a role without rights has planted is neither read nor changed', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const role = `attacker_${db.name}`
  await db.pool.query(`create role ${role} login password 'unused'; grant create on schema public to public`)
  t.teardown(() => db.pool.query(`drop owned by ${role} cascade; drop role ${role}`))
  const attacker = new pg.Client({
    connectionString: Object.assign(new URL(db.url), { username: role, password: 'unused' }).href,
  })
  await attacker.connect()
  await attacker.query(
    `create table kysely_migration (name text, timestamp text);
    insert into kysely_migration values ('${view}', '2026-01-01T00:00:00Z'), ('other', '2026-01-01T00:00:00Z');
    create function evil() returns trigger language plpgsql as $$
      begin execute 'create table was_here ()'; return old; end $$;
    create trigger evil before delete or insert on kysely_migration for each row execute function evil();
    grant all on kysely_migration to public`,
  )
  await attacker.end()
  t.match(await migrateCommand(db.url, 'status'), { code: 4, said: new RegExp(`${view} is pending`) })
  t.match(await migrateCommand(db.url, 'up', '--no-indexes'), { code: 0, said: new RegExp(`^applied ${view}`) })
  t.equal(await exists(db, 'was_here'), false)
  t.strictSame(await names(db, 'kysely_migration'), [view, 'other'])
})
