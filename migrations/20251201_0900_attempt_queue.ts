/**
 * The store's side at the source: whose exams were touched. exam_results belongs to another team, so that its writers
 * only append to a table without an index: they wait for nobody, need no right, and know nothing of the store.
 */
import { type Kysely, sql } from 'kysely'

/** Once a statement, whatever the number of its rows: each user once. */
const perStatement = [
  [
    'attempt_queue_insert',
    'after insert',
    'referencing new table as attempt_new for each statement',
    'attempt_enqueue',
  ],
  [
    'attempt_queue_update',
    'after update',
    'referencing old table as attempt_old new table as attempt_new for each statement',
    'attempt_enqueue',
  ],
  [
    'attempt_queue_delete',
    'after delete',
    'referencing old table as attempt_old for each statement',
    'attempt_enqueue',
  ],
] as const
/**
 * Once a row. Logical replication fires no others, and a partition that is written directly fires only those, which it
 * inherits. No trigger sees a partition that is attached, detached, dropped or truncated by itself: rebuild after that.
 */
const perRow = [
  ['attempt_queue_row', 'after insert or update or delete', 'for each row', 'attempt_enqueue_row'],
] as const
const emptied = [['attempt_queue_truncate', 'after truncate', 'for each statement', 'attempt_enqueue']] as const

/** What the triggers do. */
export const enqueueFunctions = (schema: string): string[] => [
  `
create or replace function attempt_enqueue() returns trigger
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
$body$`,
  // a partitioned table has the values of a row that moves in a deletion and an insertion
  `
create or replace function attempt_enqueue_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $body$
begin
  if tg_op <> 'INSERT' then
    insert into ${schema}.attempt_queue (user_id) select old.user_id where old.user_id is not null;
  end if;
  if tg_op = 'INSERT' or tg_op = 'UPDATE' and new.user_id is distinct from old.user_id then
    insert into ${schema}.attempt_queue (user_id) select new.user_id where new.user_id is not null;
  end if;
  return null;
end
$body$`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  const {
    rows: [place],
  } = await sql<{ schema: string; source: string | null; partitioned: boolean | null; view: string | null }>`
    select quote_ident(current_schema()) as schema, to_regclass('exam_results')::text as source, to_regclass('attempt')::text as view,
      (select relkind = 'p' from pg_class where oid = to_regclass('exam_results')) as partitioned`.execute(db)
  if (place?.source === null || place === undefined)
    throw new Error('There is no table exam_results on the search path.')
  if (place.view === null)
    throw new Error('There is no view attempt to keep a store of: run attempt-api migrate up first.')
  const { schema, source } = place
  // user_id null: all users, because the table was emptied. Rows are found by reading the whole queue, which is short.
  await sql
    .raw(
      `
create table attempt_queue (
  user_id text,
  enqueued_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,
    )
    .execute(db)
  await sql
    .raw(
      `comment on table attempt_queue is 'users whose exams were written and whose attempts the store has not recomputed yet'`,
    )
    .execute(db)
  for (const statement of enqueueFunctions(schema))
    await sql.raw(statement.replace('create or replace', 'create')).execute(db)
  await sql.raw('revoke all on function attempt_enqueue(), attempt_enqueue_row() from public').execute(db)
  const triggers = place.partitioned === true ? [...perRow, ...emptied] : [...perStatement, ...perRow, ...emptied]
  for (const [name, event, how, does] of triggers) {
    await sql.raw(`create trigger ${name} ${event} on ${source} ${how} execute function ${does}()`).execute(db)
    // restores and replication write in sessions where ordinary triggers do not fire: the row trigger is for
    // replication, the statement triggers for everything else
    const when = name === 'attempt_queue_row' && place.partitioned !== true ? 'replica' : 'always'
    const { rows: on } = await sql<{
      relation: string
    }>`select tgrelid::regclass::text as relation from pg_trigger where tgname = ${name}
      and (tgrelid = ${source}::regclass or tgrelid in (select relid from pg_partition_tree(${source}::regclass)))`.execute(
      db,
    )
    for (const { relation } of on) await sql.raw(`alter table ${relation} enable ${when} trigger ${name}`).execute(db)
  }
  // a queue feeds one store: two would each get a part
  await sql
    .raw(
      `
create table attempt_queue_reader (
  only_row boolean primary key default true check (only_row),
  store uuid not null,
  version bigint not null
) with (fillfactor = 50)`,
    )
    .execute(db)
  await sql
    .raw(
      `comment on table attempt_queue_reader is 'one row: the store that the queue feeds, and its version when it last took from the queue'`,
    )
    .execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const {
    rows: [place],
  } = await sql<{ source: string | null }>`select to_regclass('exam_results')::text as source`.execute(db)
  if (place !== undefined && place.source !== null) {
    for (const [name] of [...perStatement, ...perRow, ...emptied])
      await sql.raw(`drop trigger if exists ${name} on ${place.source}`).execute(db)
  }
  await sql.raw('drop function if exists attempt_enqueue(), attempt_enqueue_row()').execute(db)
  await sql.raw('drop table if exists attempt_queue, attempt_queue_reader').execute(db)
}
