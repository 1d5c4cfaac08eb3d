/**
 * The triggers never make a writer of exam_results fail. A statement that they cannot record leaves a row that says so,
 * and the store is filled again.
 *
 * What is caught: everything except query_canceled, so that a writer's statement_timeout and a cancel request end its
 * statement as always. A lock on the queue delays a writer for one second at most, whatever its own lock_timeout.
 *
 * The row with the problem commits with the writer's exams, so a refresher that sees the exams sees it too. It is in
 * the queue itself, where a refresher of an earlier release understands it (user_id null: all users), or, if the queue
 * cannot be written, in attempt_queue_gap. If neither can, the catalog shows why: the refresher checks both tables.
 */
import { type Kysely, sql } from 'kysely'
import { up as restoreFunctions } from './20251202_0900_attempt_queue_exams.js'

interface Enqueue {
  /** Declarations of variables. */
  declare: string
  /** Reads what the columns of a row have. */
  read: string
  /** Adds to the queue; with `condition` 'false and ' nothing, although it checks tables, columns and rights. */
  write: (queue: string, condition: '' | 'false and ') => string
}

/** Each exam of a statement once. */
const ofStatement: Enqueue = {
  declare: '',
  read: '',
  write: (queue, condition) => `case tg_op
      when 'INSERT' then
        insert into ${queue} (user_id, exam_result_id, is_new)
          select user_id, id, true from attempt_new where ${condition}user_id is not null;
      when 'UPDATE' then
        insert into ${queue} (user_id, exam_result_id)
          select user_id, id from attempt_old where ${condition}user_id is not null
          union select user_id, id from attempt_new where ${condition}user_id is not null;
      when 'DELETE' then
        insert into ${queue} (user_id, exam_result_id)
          select user_id, id from attempt_old where ${condition}user_id is not null;
      else
        insert into ${queue} (user_id) select null where ${condition}true;
    end case;`,
}

/** The same of a row. A partitioned table has the values of a row that moves in a deletion and an insertion. */
const ofRow: Enqueue = {
  declare: `
  old_user text;
  old_id uuid;
  new_user text;
  new_id uuid;`,
  read: `if tg_op <> 'INSERT' then
      old_user := old.user_id;
      old_id := old.id;
    end if;
    if tg_op <> 'DELETE' then
      new_user := new.user_id;
      new_id := new.id;
    end if;
    `,
  write: (queue, condition) => `if tg_op <> 'INSERT' then
      insert into ${queue} (user_id, exam_result_id)
        select old_user, old_id where ${condition}old_user is not null;
    end if;
    if tg_op = 'INSERT' or tg_op = 'UPDATE' and (new_user, new_id) is distinct from (old_user, old_id) then
      insert into ${queue} (user_id, exam_result_id, is_new)
        select new_user, new_id, tg_op = 'INSERT' where ${condition}new_user is not null;
    end if;`,
}

/**
 * A subtransaction that writes takes a transaction id, and more than 64 of them in one transaction slow down every
 * session. So only the first 32 calls in a transaction write within the exception block. Later calls run the same
 * statements there for no row, which writes nothing, but fails if a table, column or right is missing.
 * The setting counts the calls by its length. A client can change it, which only selects the one or the other way.
 */
const enqueueFunction = (name: string, schema: string, { declare, read, write }: Enqueue) => `
create or replace function ${name}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $body$
declare
  calls text := coalesce(current_setting('attempt_queue.calls', true), '');
  cause text;${declare}
begin
  begin
    ${read}if length(calls) < 32 then
      ${write(`${schema}.attempt_queue`, '')}
      calls := set_config('attempt_queue.calls', calls || '.', true);
      return null;
    end if;
    ${write(`${schema}.attempt_queue`, 'false and ')}
  exception when others then
    -- other messages may contain values of exams
    cause := sqlstate || case when sqlstate ~ '^(42|53|55)' then ' ' || sqlerrm else '' end;
  end;
  if cause is null then
    ${write(`${schema}.attempt_queue`, '')}
    return null;
  end if;
  begin
    -- do not wait for the same lock again
    if cause like '55P03%' then
      raise lock_not_available;
    end if;
    insert into ${schema}.attempt_queue (user_id, problem) values (null, cause);
  exception when others then
    begin
      insert into ${schema}.attempt_queue_gap (problem) values (cause);
    exception when others then
      raise log 'a statement on % could not be recorded for the attempt store: %', tg_relid::regclass, cause;
    end;
  end;
  return null;
end
$body$`

export async function up(db: Kysely<unknown>): Promise<void> {
  const {
    rows: [place],
  } = await sql<{ schema: string }>`select quote_ident(n.nspname) as schema
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = to_regclass('attempt_queue')`.execute(db)
  if (place === undefined)
    throw new Error('The table attempt_queue is missing. Run attempt-api store enable, which creates it again.')
  const { schema } = place
  for (const statement of [
    'alter table attempt_queue add column if not exists problem text',
    `comment on column attempt_queue.problem is
      'why the triggers could not record a statement; then the store is filled again'`,
    `create table ${schema}.attempt_queue_gap (at timestamptz not null default now(), problem text)`,
    `comment on table ${schema}.attempt_queue_gap is
      'statements on exam_results that could not be recorded in attempt_queue; then the store is filled again'`,
    // whoever reads the queue reads this table; the triggers write it with the rights of the owner of their functions
    `do $body$
    declare
      granted record;
    begin
      for granted in
        select a.privilege_type as privilege,
          case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role
        from pg_class c, aclexplode(c.relacl) a
        where c.oid = to_regclass('attempt_queue') and a.grantee <> c.relowner
        union
        select 'INSERT', quote_ident(pg_get_userbyid(proowner)) from pg_proc
        where oid = to_regprocedure('attempt_enqueue()')
      loop
        execute format('grant %s on ${schema}.attempt_queue_gap to %s', granted.privilege, granted.role);
      end loop;
    end
    $body$`,
    enqueueFunction('attempt_enqueue', schema, ofStatement),
    enqueueFunction('attempt_enqueue_row', schema, ofRow),
  ])
    await sql.raw(statement).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql`select where to_regclass('attempt_queue') is not null`.execute(db)
  // the column stays as long as the queue: a writer that has begun to run the function of before would need it
  if (rows.length > 0) await restoreFunctions(db)
  await sql.raw('drop table if exists attempt_queue_gap').execute(db)
}
