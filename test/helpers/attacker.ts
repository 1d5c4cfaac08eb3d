/** A database in which every role may create, as PostgreSQL 14 has it, and a session of a role without other rights. */
import type { Test } from 'tap'
import pg from 'pg'
import { createDatabase, type TestDatabase } from './database.js'

export interface Attacked extends TestDatabase {
  role: string
  attacker: pg.Pool
  /** The roles, other than the attacker, that ran `evil()`, `evil_trigger()` or what calls them. */
  ran(): Promise<string[]>
}

/** A lock that a function leaves in a session that may not write. */
const mark = 4711

export async function openToAttack(t: Test, options: Parameters<typeof createDatabase>[1] = {}): Promise<Attacked> {
  const db = await createDatabase(t, options)
  const role = `attacker_${db.name}`
  await db.pool.query(`create role ${role} login; grant create on schema public to public;
    create table marker (who text); grant insert on marker to public;
    create sequence calls; grant usage on sequence calls to public`)
  const attacker = new pg.Pool({ connectionString: db.url, max: 1, options: `-c role=${role}` }).on(
    'error',
    () => undefined,
  )
  t.teardown(async () => {
    await attacker.end()
    await db.pool.query(`drop owned by ${role}; drop role ${role}`)
  })
  await attacker.query(`create function evil() returns boolean language plpgsql as $$ begin
      perform pg_catalog.pg_advisory_lock_shared(${mark});
      -- stays after a rollback
      perform pg_catalog.nextval('public.calls');
      insert into public.marker values (current_user);
      return true;
    exception when others then
      return true;
    end $$;
    create function evil_trigger() returns trigger language plpgsql as
    $$ begin perform public.evil(); return new; end $$`)
  return {
    ...db,
    role,
    attacker,
    async ran() {
      const { rows } = await db.pool.query<{ who: string }>(
        `select who from marker where who <> $1
        union all
        select usename || ' in ' || application_name from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and objid = ${mark} and datname = current_database()
        union all
        select 'a session that has ended' from calls where is_called`,
        [role],
      )
      return rows.map(({ who }) => who)
    },
  }
}
