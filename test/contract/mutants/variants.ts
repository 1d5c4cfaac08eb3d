/** Views of another text and the same meaning. */
import { all, exam, numbered, numbering, one, response, sql, swap, wrap, oneQuery, type Variant } from './build.js'

export const variants: readonly Variant[] = [
  { name: 'the view itself', statements: sql() },
  {
    name: 'a comment and a grant',
    statements: sql("comment on view attempt is 'other'", 'grant select on attempt to public'),
  },
  { name: 'an outer order', statements: wrap('order by completed_at') },
  { name: 'offset 0 and limit all', statements: wrap('limit all offset 0') },
  {
    name: 'a wrapper with aliases',
    statements: (chain) => swap('attempt', 'FROM attempt_numbered', 'from attempt_numbered')(chain),
  },
  {
    name: 'more columns of exam_results',
    statements: sql(
      'alter table exam_results add note text, add archived boolean not null default false, add tags text[], ' +
        'add seen date, add span interval, add weight numeric(2,2), add code char(1)',
    ),
  },
  { name: 'dense_rank over an order without ties', statements: numbered('row_number()', 'dense_rank()') },
  {
    name: 'exam_results with partitions and its columns in another order',
    statements: (chain) => [
      'alter table exam_results rename to exam_results_old',
      'create table exam_results (updated_at timestamptz, result_json jsonb, note text, created_at timestamptz, ' +
        'user_id varchar(400), id uuid, session_id text) partition by range (created_at)',
      'create table exam_results_rest partition of exam_results default',
      'drop view attempt_anomaly',
      ...exam(
        'FROM exam_results r',
        'from (select id, session_id, user_id::text as user_id, result_json, created_at, updated_at ' +
          'from exam_results) r',
      )(chain),
    ],
  },
  { name: 'an index', statements: sql('create index on exam_results (updated_at)') },
  {
    name: 'exam_results in another schema',
    statements: sql('create schema platform', 'alter table exam_results set schema platform'),
  },
  {
    name: 'a second schema with its own attempt and exam_results',
    statements: sql(
      'create schema other',
      'create table other.attempt (id int)',
      'create table other.exam_results (id int)',
      'create schema platform',
      'alter table exam_results set schema platform',
      'create table platform.attempt (x int)',
      'create table exam_results (x int)',
    ),
  },
  {
    name: 'another owner',
    statements: sql('create role contract_owner', 'alter view attempt owner to contract_owner'),
  },
  {
    name: 'a function of a string body that calls another',
    statements: (chain) => [
      'create function inner_map(u text) returns uuid language sql as $$ select md5(u)::uuid $$',
      'create function mapped(u text) returns uuid language sql as $$ select inner_map(u) $$',
      ...exam('(md5(user_id))::uuid', 'mapped(user_id)')(chain),
    ],
  },
  {
    name: 'a function in PL/pgSQL',
    statements: (chain) => [
      'create function mapped(u text) returns uuid language plpgsql as $$ begin return md5(u)::uuid; end $$',
      ...exam('(md5(user_id))::uuid', 'mapped(user_id)')(chain),
    ],
  },
  { name: 'one query without helpers', statements: () => [oneQuery] },
  {
    name: 'one query over an order of texts',
    statements: one(numbering, 'partition by u.student, p.item order by u.completed, r.id::text, e.place'),
  },
  {
    name: 'numbers by counting',
    statements: numbered(
      'row_number() OVER (PARTITION BY student_id, item_id ORDER BY completed_at, exam_result_id, "position")',
      'count(*) over (partition by student_id, item_id order by completed_at, exam_result_id, position ' +
        'rows unbounded preceding)',
    ),
  },
  {
    name: 'rounded to three places first',
    statements: response('round((seconds * (1000)::numeric))', '(round(seconds, 3) * 1000)'),
  },
  { name: 'DISTINCT over rows that are distinct', statements: wrap('', `distinct ${all}`) },
  {
    name: 'a zone and back',
    statements: exam(
      'COALESCE(updated_at, created_at)',
      "coalesce(updated_at, created_at) at time zone 'Europe/Rome' at time zone 'Europe/Rome'",
    ),
  },
  {
    name: 'helpers of other names',
    statements: sql(
      'alter view attempt_exam rename to exams',
      'alter view attempt_element rename to "Elements of exams"',
      'alter view attempt_response rename to response',
      'alter view attempt_numbered rename to "order"',
    ),
  },
  {
    name: 'helpers in another schema',
    statements: sql(
      'create schema helpers',
      'alter view attempt_exam set schema helpers',
      'alter view attempt_numbered set schema helpers',
    ),
  },
  {
    name: 'a function in another schema',
    statements: (chain) => [
      'create schema helpers',
      'create function helpers.mapped(u text) returns uuid language sql immutable as $$ select md5(u)::uuid $$',
      ...exam('(md5(user_id))::uuid', 'helpers.mapped(user_id)')(chain),
    ],
  },
  {
    name: 'a function in the form of the SQL standard',
    statements: (chain) => [
      'create function mapped(u text) returns uuid language sql immutable return md5(u)::uuid',
      ...exam('(md5(user_id))::uuid', 'mapped(user_id)')(chain),
    ],
  },
  {
    name: 'operators of an extension',
    statements: sql(
      'create extension pg_trgm',
      'create extension citext',
      'create extension hstore',
      'create extension btree_gin',
      'create index on exam_results using gin (session_id gin_trgm_ops)',
    ),
  },
  {
    name: 'an operator of the same meaning',
    statements: (chain) => [
      'create function more(integer, integer) returns boolean language sql immutable as $$ select $1 > $2 $$',
      'create operator >>> (function = more, leftarg = integer, rightarg = integer)',
      ...response('(hints > 0)', '(hints >>> 0)')(chain),
    ],
  },
  {
    name: 'a security barrier',
    statements: sql('alter view attempt set (security_barrier)', 'alter view attempt_exam set (security_barrier)'),
  },
  {
    name: 'generated and identity columns of exam_results',
    statements: sql(
      'alter table exam_results add serial_no bigint generated always as identity, ' +
        "add day_made timestamp generated always as (created_at at time zone 'UTC') stored",
    ),
  },
  {
    name: 'a trigger and a constraint',
    statements: sql(
      "alter table exam_results add check (status <> 'x')",
      'create function noop() returns trigger language plpgsql as $$ begin return new; end $$',
      'create trigger t before insert on exam_results for each row execute function noop()',
    ),
  },
  {
    name: 'other views that read attempt',
    statements: sql(
      'create view kpi as select count(*) from attempt',
      'create materialized view kpi_day as select completed_at::date, count(*) from attempt group by 1',
    ),
  },
  {
    name: 'a CTE named like the table',
    statements: exam(
      'FROM exam_results r',
      'from (with exam_results as (select * from public.exam_results) select * from exam_results) r',
    ),
  },
]
