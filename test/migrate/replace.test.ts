import t from 'tap'
import { migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations } from '../../src/migrate/migration-sets.js'
import { viewColumns } from '../../src/migrate/view-columns.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { migrateCommand } from '../helpers/migrate.js'

// each has a database of its own
t.jobs = 2

/** A view from before the contract: the same columns in another order, one retyped, and one more. */
const before = `
  create view attempt as
  select gen_random_uuid() as student_id, 1::bigint as id, 7::int as item_id, true as correct, 1 as response_time_ms,
    true as hint_used, now() as completed_at, now() as started_at, 1 as attempt_no, ''::text as session_id,
    ''::text as topic_id, 'x'::text as note`

const snapshot = async (db: TestDatabase) =>
  (
    await db.pool.query(`
      select c.relname, c.relkind, pg_get_userbyid(c.relowner) as owner, c.reloptions, c.relispopulated,
        (select array_agg(one::text order by one::text) from unnest(c.relacl) as one) as acl,
        obj_description(c.oid) as comment,
        (
          select json_agg(
            json_build_object(
              'n', a.attname, 'acl', a.attacl::text, 'c', col_description(c.oid, a.attnum),
              'd', pg_get_expr(f.adbin, f.adrelid)
            )
            order by a.attnum
          )
          from pg_attribute a
          left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
          where a.attrelid = c.oid and a.attnum > 0
        ) as columns,
        case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) else pg_get_indexdef(c.oid) end as definition
      from pg_class c
      where c.relname like 'of_the_%'
      order by 1`)
  ).rows

async function roles(t: { teardown(action: () => unknown): unknown }, db: TestDatabase) {
  const [analysts, guests, owner] = ['analysts', 'guests', 'owner'].map((name) => `${name}_${db.name}`) as [
    string,
    string,
    string,
  ]
  for (const role of [analysts, guests, owner]) await db.pool.query(`create role ${role}`)
  t.teardown(async () => {
    for (const role of [analysts, guests, owner])
      await db.pool.query(`drop owned by ${role} cascade; drop role ${role}`)
  })
  return { analysts, guests, owner }
}

t.test('other columns are refused with the difference and every dependant, and nothing is changed', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await db.pool.query(`${before};
      create view of_the_analysts as select item_id, count(*) as n from attempt group by 1;
      create view of_the_chiefs as select sum(n) from of_the_analysts;
    create function recent() returns setof attempt language sql as $$ select * from attempt $$`)
  const refused = await migrateCommand(db.url, 'up', '--no-indexes')
  t.equal(refused.code, 1)
  t.match(
    refused.said,
    new RegExp(
      'it has an additional column note, has item_id as integer instead of bigint\\. .*Expected: id bigint.*' +
        'Depending on it: view of_the_analysts, view of_the_chiefs, function recent\\(\\)\\. ' +
        'Nothing was changed\\. attempt-api migrate up --replace',
    ),
  )
  const impossible = await migrateCommand(db.url, 'up', '--replace', '--no-indexes')
  t.match(impossible, {
    code: 1,
    said: /cannot be replaced: function recent\(\) cannot be recreated.*Nothing was changed/,
  })
  t.equal(
    (
      await db.pool.query(
        `select count(*)::int as n from pg_class where relname like 'attempt_%' or relname like 'kysely%'`,
      )
    ).rows[0].n,
    0,
  )
  t.equal((await db.pool.query('select sum(n)::int as n from of_the_analysts')).rows[0].n, 1)
})

t.test('--replace recreates view, dependants and grants in one transaction', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const { analysts, guests, owner } = await roles(t, db)
  await db.pool.query(`${before};
    grant select on attempt to ${owner};
    grant select on attempt to ${analysts} with grant option;
    grant select (item_id, correct) on attempt to ${guests};
    set role ${analysts}; grant select on attempt to ${guests}; reset role;
    create schema of_others; grant usage on schema of_others to public;
    create view of_the_analysts with (security_barrier) as select item_id, correct from attempt;
    comment on view of_the_analysts is 'it''s theirs';
    comment on column of_the_analysts.item_id is 'item';
    alter view of_the_analysts alter column correct set default false;
    alter view of_the_analysts owner to ${owner};
    grant all on of_the_analysts to ${analysts} with grant option;
    grant select (item_id) on of_the_analysts to public;
    set role ${analysts};
    grant select on of_the_analysts to ${guests};
    reset role;
    revoke delete on of_the_analysts from ${owner};
    create view of_others."of_the_ Odd" as select a.item_id from of_the_analysts a join attempt b using (item_id);
    create materialized view of_the_nightly as select item_id, count(*) as n from of_the_analysts group by 1;
    create unique index of_the_nightly_item on of_the_nightly (item_id);
    comment on index of_the_nightly_item is 'one each';
    create materialized view of_the_empty as select count(*) from attempt with no data;
    create view of_the_chiefs with (check_option = local) as select item_id from of_the_analysts where correct`)
  await db.pool.query(`refresh materialized view of_the_nightly`)
  const was = await snapshot(db)
  const grants = async () =>
    (
      await db.pool.query(`
        select grantor, grantee, privilege_type, is_grantable
        from information_schema.role_table_grants
        where table_name = 'attempt'
        union all
        select grantor, grantee, column_name || privilege_type, is_grantable
        from information_schema.column_privileges
        where table_name = 'attempt' and grantee = '${guests}' and column_name in ('item_id', 'correct')
        order by 1, 2, 3`)
    ).rows
  const granted = await grants()
  const plan = await migrateCommand(db.url, 'plan', '--replace')
  t.match(plan, {
    code: 0,
    said: new RegExp(
      'drop view public\\.attempt[^]*create view public\\.of_the_analysts[^]*' +
        'Depending on the view attempt: .*view of_the_analysts',
    ),
  })
  t.strictSame(await snapshot(db), was, 'a plan changes nothing')
  const up = await migrateCommand(db.url, 'up', '--replace', '--no-indexes')
  t.equal(up.code, 0, up.said)
  t.match(up.said, /recreated view public\.of_the_analysts; item_id is now bigint/)
  t.strictSame(await snapshot(db), was)
  t.strictSame(await grants(), granted)
  t.equal(
    (
      await db.pool.query(
        `select format_type(atttypid, -1) as type from pg_attribute
            where attrelid = 'attempt'::regclass and attnum = 1`,
      )
    ).rows[0].type,
    'bigint',
  )
  t.equal(
    (await db.pool.query('select count(*)::int as n from of_the_nightly')).rows[0].n,
    0,
    'filled from the new view',
  )
  t.equal((await migrateCommand(db.url, 'status')).code, 0)
})

t.test('the listed columns of all views are those of a new database', async (t) => {
  const db = await createDatabase(t)
  for (const [view, columns] of Object.entries(viewColumns)) {
    const { rows } = await db.pool.query(
      `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
          where attrelid = to_regclass($1) and attnum > 0 order by attnum`,
      [view],
    )
    t.strictSame(
      columns.map(({ name, type }) => ({ name, type })),
      rows,
      view,
    )
  }
})

t.test('a helper view with other columns is refused by its name, and replaced with what reads it', async (t) => {
  const db = await createDatabase(t)
  const { analysts, guests } = await roles(t, db)
  await db.pool.query(`grant select on attempt_numbered to ${analysts};
      grant select on attempt_anomaly to ${guests};
      grant select on attempt to ${guests};
    create view of_the_analysts as select item_id, count(*) as n from attempt group by 1;
    grant select on of_the_analysts to ${guests};
    create view of_the_chiefs as select position from attempt_numbered;
    do $$ begin execute replace(format('create or replace view attempt_numbered as %s',
      pg_get_viewdef('attempt_numbered'::regclass)), 'FROM attempt_response', ', 1 AS extra FROM attempt_response');
    end $$`)
  await db.pool.query(`do $$ begin execute format('create or replace view attempt_anomaly as select *, 1 as extra
        from (%s) as before', rtrim(pg_get_viewdef('attempt_anomaly'::regclass), ';'));
      end $$;
    create or replace view attempt as select id, student_id, item_id, true as correct, response_time_ms, hint_used,
      completed_at, started_at, attempt_no, session_id, topic_id from attempt_numbered`)
  const was = await snapshot(db)
  for (const verb of ['up', 'plan'])
    t.match(await migrateCommand(db.url, verb, '--again'), {
      code: 1,
      said: new RegExp(
        'A view attempt_anomaly with other columns exists: it has an additional column extra\\..*' +
          'migrate up --again --replace recreates it',
      ),
    })
  const up = await migrateCommand(db.url, 'up', '--again', '--replace', '--no-indexes')
  t.match(up, { code: 0, said: /replaced the view attempt_numbered; its grants are unchanged/ })
  for (const name of [
    'view attempt;',
    'view attempt_anomaly;',
    'recreated view public.of_the_analysts',
    'recreated view public.of_the_chiefs',
  ])
    t.ok(up.said.includes(name), name, { said: up.said })
  t.strictSame(await snapshot(db), was)
  t.strictSame(
    (
      await db.pool.query(
        `select has_table_privilege($1, 'attempt_numbered', 'select') as a, has_table_privilege($2, 'attempt_anomaly',
            'select') as b, has_table_privilege($2, 'attempt', 'select') as c, has_table_privilege($2,
            'of_the_analysts', 'select') as d`,
        [analysts, guests],
      )
    ).rows,
    [{ a: true, b: true, c: true, d: true }],
  )
  t.match(await migrateCommand(db.url, 'plan', '--again', '--json'), { said: /"noop": true/ })
  // what reads a column that goes stays, and all with it
  await db.pool.query(
    `drop view of_the_chiefs;
      do $$ begin execute format('create or replace view attempt_exam as select *, 1 as extra
        from (%s) as before', rtrim(pg_get_viewdef('attempt_exam'::regclass), ';'));
      end $$;
      create view of_the_chiefs as select extra from attempt_exam`,
  )
  t.match(await migrateCommand(db.url, 'up', '--again', '--replace', '--no-indexes'), {
    code: 1,
    said: /view public.of_the_chiefs cannot be recreated.*Nothing was changed/,
  })
})

t.test('one dependant that cannot be recreated refuses the whole command', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const { analysts, owner } = await roles(t, db)
  await db.pool.query(before)
  const cases: [string, string, RegExp][] = [
    [
      'create view of_the_notes as select note from attempt',
      'drop view of_the_notes',
      /view public\.of_the_notes cannot be recreated: column.*note.* does not exist/,
    ],
    [
      `create view of_the_rules as select item_id from attempt;
        create rule ignore as on insert to of_the_rules do instead nothing`,
      'drop view of_the_rules',
      /rule ignore on view of_the_rules.* cannot be recreated/,
    ],
    [
      `create view of_the_triggers as select item_id from attempt;
        create function skip() returns trigger language plpgsql as 'begin return null;
        end';
        create trigger skip instead of insert on of_the_triggers for each row execute function skip()`,
      'drop view of_the_triggers',
      /trigger skip on view of_the_triggers cannot be recreated/,
    ],
    [
      `grant select (note) on attempt to ${analysts}`,
      `revoke select (note) on attempt from ${analysts}`,
      /its columns note have grants/,
    ],
    [
      'create function body() returns bigint language sql begin atomic select count(*) from attempt; end',
      'drop function body()',
      /function body\(\) cannot be recreated/,
    ],
    [
      `create materialized view of_the_stats as select item_id, correct from attempt;
        create statistics of_the_numbers on item_id, correct from of_the_stats`,
      'drop materialized view of_the_stats',
      /statistics object of_the_numbers cannot be recreated/,
    ],
  ]
  for (const [make, remove, reason] of cases) {
    await db.pool.query(make)
    const was = await snapshot(db)
    await t.rejects(migrateUp(db.pool, viewMigrations, { replace: true }), reason)
    t.strictSame(await snapshot(db), was, make)
    t.equal((await db.pool.query(`select to_regclass('attempt_exam') is null as nothing`)).rows[0].nothing, true)
    await db.pool.query(remove)
  }
  // a migrator that may not give a dependant back to its owner
  const migrator = new URL(db.url)
  migrator.username = `migrator_${db.name}`
  migrator.password = 'migrator'
  await db.pool.query(`create role ${migrator.username} login password 'migrator';
      grant create, usage on schema public to ${migrator.username};
      grant select on exam_results to ${migrator.username};
      alter view attempt owner to ${migrator.username};
    create view of_the_owner as select item_id from attempt; alter view of_the_owner owner to ${owner}`)
  t.teardown(() => db.pool.query(`drop owned by ${migrator.username} cascade; drop role ${migrator.username}`))
  t.match(await migrateCommand(migrator.href, 'up', '--replace', '--no-indexes'), {
    code: 1,
    said: new RegExp(`view public.of_the_owner belongs to ${owner}: must be owner of view of_the_owner`),
  })
  await db.pool.query('drop view of_the_owner')
  t.match(
    await migrateCommand(migrator.href, 'up', '--replace', '--no-indexes'),
    { code: 0 },
    'a role without other rights migrates',
  )
})
