/**
 * The store: the rows of the view attempt, kept in step by the service, and what is derived from them. The view stays
 * the definition; whatever stands here is recomputed from it.
 */
import { type Kysely, sql } from 'kysely'

const statements = [
  `
create table attempt_materialized (
  id bigint not null,
  student_id uuid not null,
  item_id bigint not null,
  correct boolean not null,
  response_time_ms integer not null,
  hint_used boolean not null,
  completed_at timestamptz not null,
  started_at timestamptz not null,
  attempt_no integer not null,
  session_id text,
  topic_id text,
  exam_result_id uuid not null,
  position integer not null,
  answered boolean not null,
  version bigint not null,
  primary key (student_id, item_id, attempt_no)
)`,
  `
comment on table attempt_materialized is 'the rows of the view attempt, kept in step with it; version: of the refresh that wrote the row'`,
  `
create index attempt_materialized_completed_at_idx on attempt_materialized (completed_at, student_id, item_id, exam_result_id, position)`,
  `
create index attempt_materialized_version_idx on attempt_materialized (version, student_id, item_id, attempt_no)`,
  `
create table attempt_deleted (
  student_id uuid not null,
  item_id bigint not null,
  attempt_no integer not null,
  version bigint not null,
  deleted_at timestamptz not null default now(),
  primary key (student_id, item_id, attempt_no)
)`,
  `
comment on table attempt_deleted is 'keys that went, for as long as the feed of changes tells of them'`,
  `
create index attempt_deleted_version_idx on attempt_deleted (version, student_id, item_id, attempt_no)`,
  `
create table attempt_topic_day (
  date date not null,
  topic_id text,
  attempts bigint not null,
  correct bigint not null,
  accuracy double precision not null,
  first_attempts bigint not null,
  first_attempts_correct bigint not null,
  hints bigint not null,
  timed_attempts bigint not null,
  sum_response_time_ms bigint not null,
  avg_response_time_ms double precision not null,
  median_response_time_ms double precision not null,
  students bigint not null,
  p90_response_time_ms double precision not null
)`,
  `
comment on table attempt_topic_day is 'the topic KPIs of UTC days, exact; recomputed whenever a row of the day changes'`,
  `
create index attempt_topic_day_date_idx on attempt_topic_day (date)`,
  `
create table attempt_day (
  date date primary key,
  version bigint not null
)`,
  `
comment on table attempt_day is 'the last version that changed a row of the UTC day'`,
  `
create table attempt_store (
  only_row boolean primary key default true check (only_row),
  id uuid not null default gen_random_uuid(),
  version bigint not null,
  state text not null default 'filling' check (state in ('emptying', 'filling', 'catching_up', 'ready')),
  filled_to uuid,
  filled_rows bigint not null default 0,
  caught_up_at timestamptz,
  oldest_version bigint not null,
  differences bigint not null default 0,
  difference_at timestamptz
) with (fillfactor = 50)`,
  `
comment on table attempt_store is 'one row: what the store is and how far it has come'`,
  // from the clock: a store that is made again must not give a version to rows that another life of it gave to others
  `
insert into attempt_store (version, oldest_version)
select version, version from (select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as version) as begin`,
  `
create table attempt_epoch (
  epoch uuid primary key default gen_random_uuid(),
  first_version bigint not null default 0
)`,
  `
comment on table attempt_epoch is 'who gave which versions: after a rebuild or a restore a number that was given before means something else'`,
  `
insert into attempt_epoch default values`,
]

const tables = [
  'attempt_epoch',
  'attempt_store',
  'attempt_day',
  'attempt_topic_day',
  'attempt_deleted',
  'attempt_materialized',
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement.trim()).execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of tables) await sql.raw(`drop table if exists ${table}`).execute(db)
}
