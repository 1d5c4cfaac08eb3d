/**
 * What one exam can do to the store is bounded.
 *
 * An exam that the refresher cannot take is listed in attempt_set_aside, so that it does not stop the others.
 *
 * The index by session is a tree over a hash. A hash index becomes quadratic if many rows have the same value: each
 * insertion reads the pages of that value. A tree over the texts themselves cannot have texts above 2.7 kB.
 */
import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `create table attempt_set_aside (
  exam_result_id uuid primary key,
  students uuid[] not null,
  reason text not null,
  since timestamptz not null default now(),
  retry_at timestamptz not null
)`,
    `comment on table attempt_set_aside is
  'exams that the refresher could not take: the store has no rows of them, unless the reason says otherwise'`,
    'alter table attempt_store add column set_aside integer not null default 0',
    `comment on column attempt_store.set_aside is 'number of exams in attempt_set_aside'`,
    // the roles that write the store write this table, and those that read the store read it
    `do $body$
declare
  granted record;
begin
  for granted in
    select a.privilege_type as privilege,
      case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role
    from pg_class c, aclexplode(c.relacl) a
    where c.oid = to_regclass('attempt_deleted') and a.grantee <> c.relowner
  loop
    execute format('grant %s on attempt_set_aside to %s', granted.privilege, granted.role);
  end loop;
end
$body$`,
    // store upgrade has built it concurrently before this transaction
    `create index if not exists attempt_materialized_session_hash_idx
on attempt_materialized (hashtextextended(session_id, 0))`,
    'drop index if exists attempt_materialized_session_idx',
  ])
    await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'create index attempt_materialized_session_idx on attempt_materialized using hash (session_id)',
    'drop index if exists attempt_materialized_session_hash_idx',
    'alter table attempt_store drop column set_aside',
    'drop table attempt_set_aside',
  ])
    await sql.raw(statement).execute(db)
}
