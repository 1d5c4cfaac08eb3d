import t from 'tap'
import { sql, type Kysely } from 'kysely'
import { migrateDown, migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations, type MigrationSet } from '../../src/migrate/migration-sets.js'
import { createDatabase } from '../helpers/database.js'
import { sleep } from '../helpers/until.js'

/** The migrations of the view, and one with a mistake: no hint is used. */
const wrong: MigrationSet = {
  ...viewMigrations,
  migrations: {
    ...viewMigrations.migrations,
    '20990101_0900_wrong': {
      up: async (db: Kysely<unknown>) => {
        await sql`create table of_the_wrong_one (id int)`.execute(db)
        await sql`
          create or replace view attempt as
          select id, student_id, item_id, correct, response_time_ms, false as hint_used, completed_at, started_at,
            attempt_no, session_id, topic_id
          from attempt_numbered`.execute(db)
        await sql`select pg_sleep(1)`.execute(db)
      },
    },
  },
}

t.test('a view that fails its golden rows is never visible, and leaves nothing', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const things = async () =>
    (
      await db.pool.query(`select relname, relkind, xmin::text from pg_class where relnamespace = 'public'::regnamespace
    union all select proname, 'f', xmin::text from pg_proc where pronamespace = 'public'::regnamespace order by 1`)
    ).rows
  const before = await things()
  let [seen, looks, over] = [0, 0, false]
  const looking = (async () => {
    for (; !over; looks++) {
      seen +=
        (
          await db.pool.query(
            `select to_regclass('attempt') is not null or to_regclass('of_the_wrong_one') is not null as seen`,
          )
        ).rows[0].seen === true
          ? 1
          : 0
      await sleep(10)
    }
  })()
  await t.rejects(migrateUp(db.pool, wrong), /violates the contract \(golden:.*Nothing was changed/s)
  over = true
  await looking
  t.ok(looks > 5, `looked ${looks} times`)
  t.equal(seen, 0)
  t.strictSame(await things(), before)
  // and where the right one is there, it stays what it was
  await db.migrate()
  const right = await things()
  await t.rejects(migrateUp(db.pool, wrong), /violates the contract/)
  t.strictSame(await things(), right)
})

t.test('a check that does not finish is not a pass', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await t.rejects(migrateUp(db.pool, viewMigrations, { checkMs: 1 }), { code: '57014' })
  t.equal((await db.pool.query(`select to_regclass('attempt') is null as nothing`)).rows[0].nothing, true)
})

t.test('down is one transaction, and no migration may end it', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const two: MigrationSet = {
    table: 'two_migration',
    migrations: {
      a: {
        up: async (db: Kysely<unknown>) => {
          await sql`create table a (id int)`.execute(db)
        },
        down: () => Promise.reject(new Error('a stays')),
      },
      b: {
        up: async (db: Kysely<unknown>) => {
          await sql`create table b (id int)`.execute(db)
        },
        down: async (db: Kysely<unknown>) => {
          await sql`drop table b`.execute(db)
        },
      },
    },
  }
  t.equal((await migrateUp(db.pool, two)).length, 2)
  await t.rejects(migrateDown(db.pool, two, { all: true }), /a stays/)
  t.equal(
    (await db.pool.query(`select to_regclass('b') is not null as there`)).rows[0].there,
    true,
    'b is back with it',
  )
  t.strictSame(
    (await migrateDown(db.pool, two)).map(({ name }) => name),
    ['b'],
  )
  const ends: MigrationSet = {
    table: 'ends_migration',
    migrations: {
      c: {
        up: async (db: Kysely<unknown>) => {
          await sql`create table c (id int)`.execute(db)
          await sql`commit`.execute(db)
        },
      },
    },
  }
  await t.rejects(migrateUp(db.pool, ends), /must not begin or end a transaction/)
  t.equal((await db.pool.query(`select to_regclass('c') is null as nothing`)).rows[0].nothing, true)
})

t.test('a view that no role could read is refused: a view reads with the rights of its owner', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const role = `maker_${db.name}`
  await db.pool.query(`create role ${role}; grant create, usage on schema public to ${role}`)
  t.teardown(() => db.pool.query(`drop owned by ${role}; drop role ${role}`))
  await db.pool.query(`
    create view attempt as
    select 1::bigint as id, gen_random_uuid() as student_id, 1::bigint as item_id, true as correct,
      1 as response_time_ms, true as hint_used, now() as completed_at, now() as started_at, 1 as attempt_no,
      ''::text as session_id, ''::text as topic_id;
    alter view attempt owner to ${role}`)
  await t.rejects(
    migrateUp(db.pool),
    new RegExp(`The role ${role}, which would own the view attempt_exam, may not read exam_results`),
  )
  await db.pool.query(`grant select on exam_results to ${role}`)
  await db.migrate()
  t.equal(
    (
      await db.pool.query(
        `select count(*)::int as n from pg_class
            where relname like 'attempt%' and relkind = 'v' and relowner = '${role}'::regrole`,
      )
    ).rows[0].n,
    6,
    'the helpers belong to the owner of the view',
  )
  t.equal((await db.pool.query('select count(*)::int as n from attempt')).rows[0].n, 0)
})
