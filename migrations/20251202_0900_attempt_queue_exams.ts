/**
 * The queue names exams beside users, so that a student's thousand earlier exams are not read again for a new one.
 * `is_new`: the statement inserted the exam, so that the store can have nothing of it that it does not have now.
 */
import { type Kysely, sql } from 'kysely'
import { enqueueFunctions } from './20251201_0900_attempt_queue.js'

const functions = (schema: string) => [
  `
create or replace function attempt_enqueue() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
begin
  case tg_op
    when 'INSERT' then
      insert into ${schema}.attempt_queue (user_id, exam_result_id, is_new) select user_id, id, true from attempt_new where user_id is not null;
    when 'UPDATE' then
      insert into ${schema}.attempt_queue (user_id, exam_result_id)
        select user_id, id from attempt_old where user_id is not null union select user_id, id from attempt_new where user_id is not null;
    when 'DELETE' then
      insert into ${schema}.attempt_queue (user_id, exam_result_id) select user_id, id from attempt_old where user_id is not null;
    else
      insert into ${schema}.attempt_queue (user_id) values (null);
  end case;
  return null;
end
$body$`,
  `
create or replace function attempt_enqueue_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
begin
  if tg_op <> 'INSERT' then
    insert into ${schema}.attempt_queue (user_id, exam_result_id) select old.user_id, old.id where old.user_id is not null;
  end if;
  if tg_op = 'INSERT' or tg_op = 'UPDATE' and (new.user_id, new.id) is distinct from (old.user_id, old.id) then
    insert into ${schema}.attempt_queue (user_id, exam_result_id, is_new) select new.user_id, new.id, tg_op = 'INSERT' where new.user_id is not null;
  end if;
  return null;
end
$body$`,
]

const schemaOf = async (db: Kysely<unknown>) =>
  (
    await sql<{
      schema: string
    }>`select quote_ident(n.nspname) as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass('attempt_queue')`.execute(
      db,
    )
  ).rows[0]?.schema ?? 'public'

export async function up(db: Kysely<unknown>): Promise<void> {
  // rows of before have no exam: their users are recomputed whole
  await sql
    .raw(
      'alter table attempt_queue add column if not exists exam_result_id uuid, ' +
        'add column if not exists is_new boolean not null default false',
    )
    .execute(db)
  await sql
    .raw(
      `comment on table attempt_queue is 'exams that were written, with their users, and that the store has not taken in yet'`,
    )
    .execute(db)
  for (const statement of functions(await schemaOf(db))) await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  // the columns stay as long as the queue: a writer who has begun to run the function of before would fail without them
  for (const statement of enqueueFunctions(await schemaOf(db))) await sql.raw(statement).execute(db)
}
