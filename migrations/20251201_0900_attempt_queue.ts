/**
 * The store's side at the source: whose exams were touched. exam_results belongs to another team, so that its writers
 * only append to a table without an index: they wait for nobody, need no right, and know nothing of the store.
 */
import { type Kysely, sql } from 'kysely'

const triggers = [
  ['attempt_queue_insert', 'after insert', 'referencing new table as attempt_new'],
  ['attempt_queue_update', 'after update', 'referencing old table as attempt_old new table as attempt_new'],
  ['attempt_queue_delete', 'after delete', 'referencing old table as attempt_old'],
  ['attempt_queue_truncate', 'after truncate', ''],
] as const

export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows: [place] } = await sql<{ schema: string; source: string | null; view: string | null }>`
    select quote_ident(current_schema()) as schema, to_regclass('exam_results')::text as source, to_regclass('attempt')::text as view`.execute(db)
  if (place?.source === null || place === undefined) throw new Error('There is no table exam_results on the search path.')
  if (place.view === null) throw new Error('There is no view attempt to keep a store of: run attempt-api migrate up first.')
  const { schema, source } = place
  // user_id null: everybody, because the table was emptied. Rows are found by reading it all, which is short, and go by ctid.
  await sql.raw(`
create table attempt_queue (
  user_id text,
  enqueued_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`).execute(db)
  await sql.raw(`comment on table attempt_queue is 'users whose exams were written and whose attempts the store has not recomputed yet'`).execute(db)
  await sql.raw(`
create function attempt_enqueue() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
begin
  case tg_op
    when 'INSERT' then
      insert into ${schema}.attempt_queue (user_id) select distinct user_id from attempt_new where user_id is not null;
    when 'UPDATE' then
      insert into ${schema}.attempt_queue (user_id)
        select user_id from attempt_old where user_id is not null union select user_id from attempt_new where user_id is not null;
    when 'DELETE' then
      insert into ${schema}.attempt_queue (user_id) select distinct user_id from attempt_old where user_id is not null;
    else
      insert into ${schema}.attempt_queue (user_id) values (null);
  end case;
  return null;
end
$body$`).execute(db)
  await sql.raw('revoke all on function attempt_enqueue() from public').execute(db)
  for (const [name, event, tables] of triggers) {
    await sql.raw(`create trigger ${name} ${event} on ${source} ${tables} for each statement execute function attempt_enqueue()`).execute(db)
    // restores and replication write in a session where ordinary triggers are silent
    await sql.raw(`alter table ${source} enable always trigger ${name}`).execute(db)
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const { rows: [place] } = await sql<{ source: string | null }>`select to_regclass('exam_results')::text as source`.execute(db)
  if (place !== undefined && place.source !== null) for (const [name] of triggers) await sql.raw(`drop trigger if exists ${name} on ${place.source}`).execute(db)
  await sql.raw('drop function if exists attempt_enqueue()').execute(db)
  await sql.raw('drop table if exists attempt_queue').execute(db)
}
