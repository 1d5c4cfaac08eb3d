/** A role that may create in the schema plants objects: none runs as another role, and none changes an answer. */
import t from 'tap'
import { migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations } from '../../src/migrate/migration-sets.js'
import { get, startApp } from '../helpers/app.js'
import { openToAttack } from '../helpers/attacker.js'

const exam = `insert into exam_results (session_id, user_id, result_json) values
  ('s', 'u', '{"questions": [{"question_id": "1", "is_correct": true}, {"question_id": "2", "is_correct": false}]}')`

t.test('a planted operator changes no answer', async (t) => {
  const { url, pool, attacker } = await openToAttack(t)
  await pool.query(exam)
  const app = await startApp(t, url)
  const [before] = (await get(app, '/v1/topics')).data
  await attacker.query(`create function evil_divide(double precision, bigint) returns double precision
      language sql as 'select 666::double precision';
    create operator public./ (function = evil_divide, leftarg = double precision, rightarg = bigint)`)
  const other = await startApp(t, url)
  for (const one of [app, other]) {
    const [topic] = (await get(one, '/v1/topics')).data
    t.strictSame([topic?.['accuracy'], topic?.['attempts']], [0.5, before?.['attempts']])
    const csv = await one.inject('/v1/topics?format=csv')
    t.equal(csv.statusCode, 200)
    t.notMatch(csv.body, /666/)
  }
})

for (const when of ['before', 'after'] as const)
  t.test(`a view attempt_store that is planted ${when} the start is not read`, async (t) => {
    const { url, attacker, pool, ran } = await openToAttack(t)
    await pool.query(exam)
    const plant = () =>
      attacker.query(`create view attempt_store as select true as only_row, gen_random_uuid() as id,
        1::bigint as version, case when evil() then 'ready' end as state, null::uuid as filled_to,
        0::bigint as filled_rows, now() as caught_up_at, 0::bigint as oldest_version, 0::bigint as differences,
        null::timestamptz as difference_at;
        create table attempt_day (date date, version bigint, stale boolean);
        grant select on attempt_store, attempt_day to public`)
    if (when === 'before') await plant()
    const app = await startApp(t, url)
    await get(app, '/v1/topics?source=live')
    if (when === 'after') await plant()
    t.equal((await app.inject('/v1/topics?source=store')).statusCode, 503)
    const topics = await app.inject('/v1/topics')
    t.equal(topics.headers['attempt-source'], 'live')
    t.equal(topics.json().data[0].accuracy, 0.5)
    t.strictSame(await ran(), [])
  })

t.test('migrate up refuses what was planted, with object, owner and remedy', async (t) => {
  const planted: [string, RegExp][] = [
    [
      `create table attempt_view_migration (name varchar(255) primary key, timestamp varchar(255));
       create trigger evil before insert on attempt_view_migration for each row execute function evil_trigger();
       grant all on attempt_view_migration to public`,
      /public\.attempt_view_migration belongs to the role attacker_\w+.*revoke create on schema/,
    ],
    [
      `create view attempt_view_migration as select 'x'::text as name, '' as timestamp where evil();
       grant all on attempt_view_migration to public`,
      /public\.attempt_view_migration belongs to the role attacker_/,
    ],
    [
      `create view attempt_exam as select 1 as one where evil(); grant all on attempt_exam to public`,
      /public\.attempt_exam belongs to the role attacker_/,
    ],
    [
      `create function md5(varchar) returns text language sql as 'select ''x'' where public.evil()'`,
      /function public\.md5\(character varying\) of the role attacker_/,
    ],
    [
      `create function evil_equals(varchar, varchar) returns boolean language sql as 'select public.evil()';
       create operator public.= (function = evil_equals, leftarg = varchar, rightarg = varchar)`,
      /operator public\.=\(character varying,character varying\) of the role attacker_/,
    ],
    [`create domain public.text as pg_catalog.text check (public.evil())`, /type public\.text of the role attacker_/],
    [
      `create type evil_type as (x pg_catalog.text);
       create function evil_cast(pg_catalog.text) returns evil_type language sql as
         'select row($1)::public.evil_type where public.evil()';
       create cast (pg_catalog.text as evil_type) with function evil_cast as implicit`,
      /cast from text to public\.evil_type of the role attacker_/,
    ],
    [
      `create view attempt_queue as select 'x'::pg_catalog.text as user_id where evil();
       grant all on attempt_queue to public`,
      /public\.attempt_queue belongs to the role attacker_/,
    ],
  ]
  const { pool, attacker, ran } = await openToAttack(t, { migrated: false })
  for (const [statements, message] of planted) {
    await attacker.query(statements)
    await t.rejects(migrateUp(pool, viewMigrations, { checkMs: 600_000 }), { message }, statements)
    t.strictSame(await ran(), [], statements)
    await attacker.query(`do $$ declare one record; begin
      for one in select
        format('drop %s %s cascade', case relkind when 'v' then 'view' else 'table' end, oid::regclass) as sql
        from pg_class where relowner = current_user::regrole and relkind in ('v', 'r') loop execute one.sql; end loop;
      drop operator if exists public.= (varchar, varchar);
      drop function if exists evil_equals(varchar, varchar), public.md5(varchar), evil_cast(pg_catalog.text) cascade;
      drop type if exists evil_type cascade;
      drop domain if exists public.text;
      end $$`)
  }
  await migrateUp(pool, viewMigrations, { checkMs: 600_000 })
  t.strictSame(await ran(), [])
})
