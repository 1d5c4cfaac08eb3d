/** Views that look like the lock and are not, and views that look different and are the lock. */

export interface Mutant {
  name: string
  /** Statements after which the deployed view is another one; `{chain}` ones are made from the true text. */
  statements: (chain: Record<string, string>) => string[]
  /** The name, or its beginning, of a check that has to fail. */
  fails: string
}

export interface Variant {
  name: string
  statements: (chain: Record<string, string>) => string[]
}

/** The true definition of one view of the chain with one expression replaced. Throws where nothing was replaced. */
const swap = (view: string, from: string | RegExp, to: string) => (chain: Record<string, string>): string[] => {
  const before = chain[view] ?? ''
  const after = typeof from === 'string' ? before.replaceAll(from, () => to) : before.replace(from, to)
  if (after === before) throw new Error(`nothing to replace in ${view}: ${String(from)} is not in ${before}`)
  return [`create or replace view ${view} as ${after}`]
}
const wrap = (clause: string, list = '*') => (chain: Record<string, string>): string[] =>
  [`create or replace view attempt as select ${list} from (${(chain['attempt'] ?? '').replace(/;\s*$/, '')}) w ${clause}`]
/** Drops `attempt` and makes it again, for shapes that CREATE OR REPLACE refuses. */
const remake = (list: string, how = 'view') => (): string[] =>
  ['drop view attempt', `create ${how} attempt as select ${list} from attempt_numbered`]
const all = 'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'
const sql = (...statements: string[]) => () => statements
const mutant = (name: string, fails: string, statements: Mutant['statements']): Mutant => ({ name, statements, fails })

const response = (from: string | RegExp, to: string) => swap('attempt_response', from, to)
const element = (from: string | RegExp, to: string) => swap('attempt_element', from, to)
const numbered = (from: string | RegExp, to: string) => swap('attempt_numbered', from, to)
const exam = (from: string | RegExp, to: string) => swap('attempt_exam', from, to)
const order = 'ORDER BY completed_at, exam_result_id, "position"'

export const mutants: Mutant[] = [
  mutant('another slice of the hash', 'golden:id_hash', response(', 1, 16)', ', 2, 16)')),
  mutant('the last digits of the hash', 'golden:id_hash', response(', 1, 16)', ', 17, 16)')),
  mutant('the id without the separator', 'golden:id_hash', response("|| '-'::text)", "|| ''::text)")),
  mutant('the id with another separator', 'golden:id_hash', response("|| '-'::text)", "|| '_'::text)")),
  mutant('the id from the item id', 'golden:id_question_text', response(/\|\| question_id\b/, '|| item_id::text')),
  mutant('the id from trimmed text', 'golden:id_question_text', response(/\|\| question_id\b/, '|| btrim(question_id)')),
  mutant('the id by the session', 'golden:id_hash', response('(exam_result_id)::text', 'session_id')),
  mutant('the id in upper case', 'golden:id_hash', response('(exam_result_id)::text', 'upper(exam_result_id::text)')),
  mutant('user ids in lower case', 'golden:student_id_hash', exam('md5(user_id)', 'md5(lower(user_id))')),
  mutant('user ids trimmed', 'golden:student_id_hash', exam('md5(user_id)', 'md5(btrim(user_id))')),
  mutant('a salted hash', 'golden:student_id_hash', exam('md5(user_id)', "md5(user_id || 'x')")),
  mutant('a UUID hashed too', 'golden:student_id_cast', exam('(user_id)::uuid', 'md5(user_id)::uuid')),
  mutant('an upper-case UUID hashed', 'golden:student_id_cast', exam('[0-9a-fA-F]{4}-?', '[0-9a-f]{4}-?')),
  mutant('canonical UUIDs only', 'golden:student_id_cast', exam('([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}', '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')),
  mutant('the original cast, not total', 'golden:student_id_odd_hyphens', exam('^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$', '^[0-9a-fA-F-]{36}$')),
  mutant('an empty user left out', 'golden:student_id_hash', exam('md5(user_id)', "md5(nullif(user_id, ''))")),
  mutant('null users as a user', 'golden:student_id_null', exam('md5(user_id)', "md5(coalesce(user_id, ''))")),
  mutant('created_at first', 'golden:completed_at', exam('COALESCE(updated_at, created_at)', 'coalesce(created_at, updated_at)')),
  mutant('updated_at only', 'golden:completed_at', exam('COALESCE(updated_at, created_at)', 'updated_at')),
  mutant('the later of both times', 'golden:completed_at', exam('COALESCE(updated_at, created_at)', 'greatest(updated_at, created_at)')),
  mutant('milliseconds of completed_at', 'golden:completed_at', exam('COALESCE(updated_at, created_at)', "date_trunc('milliseconds', coalesce(updated_at, created_at))")),
  mutant('a time of the session zone', 'golden:completed_at_zone', exam('COALESCE(updated_at, created_at)', "coalesce(updated_at, created_at)::timestamp at time zone 'UTC'")),
  mutant('another name of the list', 'golden:', exam("'questions'::text", "'question'::text")),
  mutant('truncation instead of rounding', 'golden:response_time_rounding', response('round((seconds * (1000)::numeric))', 'trunc(seconds * 1000)')),
  mutant('ceiling', 'golden:response_time_rounding', response('round((seconds * (1000)::numeric))', 'ceil(seconds * 1000)')),
  mutant('half up below zero', 'golden:response_time_negative', response('round((seconds * (1000)::numeric))', 'floor(seconds * 1000 + 0.5)')),
  mutant('half to even', 'golden:response_time_rounding', response('round((seconds * (1000)::numeric))', 'round((seconds * 1000)::double precision)')),
  mutant('seconds rounded first', 'golden:response_time_rounding', response('round((seconds * (1000)::numeric))', 'round(round(seconds, 2) * 1000)')),
  mutant('started_at from milliseconds', 'golden:started_at_rounding', response('(round(seconds))::integer', '(round(round(seconds * 1000) / 1000))::integer')),
  mutant('started_at exact', 'golden:started_at_rounding', response("'00:00:01'::interval", "'00:00:01.001'::interval")),
  mutant('started_at truncated', 'golden:started_at_rounding', response('(round(seconds))::integer', 'trunc(seconds)::integer')),
  mutant('started_at half to even', 'golden:started_at_rounding', response('(round(seconds))::integer', 'round(seconds::double precision)::integer')),
  mutant('started_at after completed_at', 'golden:started_at', response(/completed_at - \(/, 'completed_at + (')),
  mutant('hints from zero', 'golden:hint_used', response('(hints > 0)', '(hints >= 0)')),
  mutant('hints from two', 'golden:hint_used', response('(hints > 0)', '(hints > 1)')),
  mutant('negative hints count', 'golden:hint_used', response('(hints > 0)', '(hints <> 0)')),
  mutant('missing hints as true', 'golden:hint_used', response('(hints > 0), false', '(hints > 0), true')),
  mutant('missing hints as null', 'golden:hint_used', response('COALESCE((hints > 0), false)', '(hints > 0)')),
  mutant('another range of years', 'golden:completed_at_range', response(/0002-01-01/, '1900-01-01')),
  mutant('an end of years', 'golden:completed_at_range', response(/9999-01-01/, '2100-01-01')),
  mutant('missing correctness as null', 'golden:correct_missing', element('THEN false\n', 'THEN null\n')),
  mutant('missing correctness as true', 'golden:correct_missing', element('correctness IS NULL) THEN false', 'correctness IS NULL) THEN true')),
  mutant('correct before is_correct', 'golden:correct', element(/COALESCE\(\(element ->> 'is_correct'::text\), \(element ->> 'correct'::text\)\)/, "coalesce(element ->> 'correct', element ->> 'is_correct')")),
  mutant('empty topic kept', 'golden:topic', element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, '$1')),
  mutant('blank topic left out', 'golden:topic', element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, "nullif(btrim($1), '')")),
  mutant('topic in lower case', 'golden:topic', element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, "nullif(lower($1), '')")),
  mutant('another topic field', 'golden:topic', element("'topic'::text", "'topic_id'::text")),
  mutant('another hint field', 'golden:hint_used', element("'used_hints'::text", "'hints'::text")),
  mutant('another time field', 'golden:response_time', element("'time_spent_sec'::text", "'time_spent'::text")),
  mutant('dense_rank without the place', 'golden:id_repeats', (chain) => numbered(`row_number() OVER (PARTITION BY student_id, item_id ${order})`, 'dense_rank() over (partition by student_id, item_id order by completed_at, exam_result_id)')(chain)),
  mutant('rank without tie-break', 'golden:attempt_no_ties', numbered(`row_number() OVER (PARTITION BY student_id, item_id ${order})`, 'rank() over (partition by student_id, item_id order by completed_at)')),
  mutant('order by start', 'golden:attempt_no_not_by_start', numbered(order, 'order by started_at, exam_result_id, position')),
  mutant('ties by session', 'golden:attempt_no_ties', numbered(order, 'order by completed_at, session_id, position')),
  mutant('ties by place first', 'golden:attempt_no_ties', numbered(order, 'order by completed_at, position, exam_result_id')),
  mutant('place descending', 'golden:attempt_no_ties', numbered(order, 'order by completed_at, exam_result_id, position desc')),
  mutant('place as text', 'golden:attempt_no_position', numbered(order, 'order by completed_at, exam_result_id, position::text')),
  mutant('descending', 'golden:attempt_no_order', numbered(order, 'order by completed_at desc, exam_result_id, position')),
  mutant('order by exam', 'golden:attempt_no_order', numbered(order, 'order by exam_result_id, position')),
  mutant('partition by item only', 'golden:', numbered('PARTITION BY student_id, item_id', 'partition by item_id')),
  mutant('partition by student only', 'golden:attempt_no_partition', numbered('PARTITION BY student_id, item_id', 'partition by student_id')),
  mutant('partition by session too', 'golden:attempt_no', numbered('PARTITION BY student_id, item_id', 'partition by student_id, item_id, session_id')),
  mutant('numbers from zero', 'golden:attempt_no', numbered(/\(row_number\(\) OVER (\(.*?\))\)::integer/, '(row_number() over $1 - 1)::integer')),
  mutant('a past cut', 'golden:completed_at_range', wrap("where completed_at >= '2020-01-01'")),
  mutant('a future cut', 'golden:completed_at_range', wrap("where completed_at < '2100-01-01'")),
  mutant('now()', 'repeatable', wrap("where completed_at < now() + interval '9000 years'")),
  mutant('a user', 'repeatable', wrap("where current_user <> 'somebody'")),
  mutant('a setting', 'repeatable', wrap("where current_setting('application_name') <> 'x'")),
  mutant('sampling', 'repeatable', wrap('where random() < 2')),
  mutant('a clock', 'repeatable', wrap('where clock_timestamp() is not null')),
  mutant('a small limit', 'golden:', wrap('limit 10')),
  mutant('a large limit', 'limits', wrap('limit 1000000')),
  mutant('a large fetch', 'limits', wrap('order by id fetch first 1000000 rows with ties')),
  mutant('a large offset', 'limits', wrap('offset 100000')),
  mutant('an offset of one', 'golden:', wrap('offset 1')),
  mutant('topics only', 'golden:topic', wrap('where topic_id is not null')),
  mutant('first attempts only', 'golden:attempt_no', wrap('where attempt_no = 1')),
  mutant('timed answers only', 'golden:response_time', wrap('where response_time_ms > 0')),
  mutant('duplicates removed', 'golden:id_repeats', wrap('', `distinct on (id) ${all}`)),
  mutant('rows twice', 'golden:', wrap('cross join generate_series(1, 2)', all)),
  mutant('test sessions left out', 'golden:session_id', wrap("where session_id not ilike 'test%'")),
  ...[['status', "status <> 'deleted'"], ['exam_id', 'exam_id is not null'], ['org_id', 'org_id > 0'], ['score_raw', 'score_raw is not null'], ['percentile', 'percentile is null']]
    .map(([name, clause]) => mutant(`a filter on ${name}`, 'golden:every_exam_counts', exam('FROM exam_results r', `from exam_results r where r.${clause}`))),
  mutant('a sampled table', 'whole_table', exam('FROM exam_results r', 'from exam_results r tablesample bernoulli (99.99999)')),
  mutant('ONLY a parent', 'whole_table', (chain) => ['create table exam_archive () inherits (exam_results)', ...exam('FROM exam_results r', 'from only exam_results r')(chain)]),
  mutant('a filter on a column that the law does not know', 'golden:', (chain) => ['alter table exam_results add archived boolean not null default false', ...exam('FROM exam_results r', 'from exam_results r where not r.archived')(chain)]),
  mutant('columns in another order', 'columns', remake(all.replace('id, student_id', 'student_id, id'))),
  mutant('varchar', 'columns', remake(all.replace('session_id', 'session_id::varchar as session_id'))),
  mutant('a timestamp without time zone', 'columns', remake(all.replace('completed_at', 'completed_at::timestamp as completed_at'))),
  mutant('an added column', 'columns', remake(`${all}, exam_result_id`)),
  mutant('a column less', 'columns', remake(all.replace(', topic_id', ''))),
  mutant('another name', 'columns', remake(all.replace('topic_id', 'topic_id as topic'))),
  mutant('a wide number', 'columns', remake(all.replace('attempt_no', 'attempt_no::bigint as attempt_no'))),
  mutant('a materialised view', 'kind', remake(all, 'materialized view')),
  mutant('a table', 'kind', remake(all, 'table')),
  mutant('nothing', 'view', sql('drop view attempt')),
  mutant('exam_results is a view', 'source', (chain) => ['alter table exam_results rename to exam_results_all', 'create view exam_results as select * from exam_results_all',
    ...exam('FROM exam_results r', 'from exam_results r')(chain).map((one) => one.replace('from exam_results_all', 'from exam_results'))]),
  mutant('exam_results is a materialised view', 'source', (chain) => ['alter table exam_results rename to exam_results_all', 'create materialized view exam_results as select * from exam_results_all',
    ...exam('FROM exam_results r', 'from exam_results r')(chain)]),
  mutant('row security in force', 'row_security', sql('alter table exam_results enable row level security', 'create role contract_owner', 'alter view attempt_exam owner to contract_owner')),
  mutant('a helper function with another body', 'golden:student_id_hash', (chain) => ['create function mapped(u text) returns uuid language sql immutable as $$ select md5(lower(u))::uuid $$',
    ...exam('md5(user_id)::uuid', 'mapped(user_id)')({ attempt_exam: (chain['attempt_exam'] ?? '').replace('(md5(user_id))::uuid', 'md5(user_id)::uuid') })]),
]

export const variants: Variant[] = [
  { name: 'the view itself', statements: sql() },
  { name: 'a comment and a grant', statements: sql("comment on view attempt is 'other'", 'grant select on attempt to public') },
  { name: 'an outer order', statements: wrap('order by completed_at') },
  { name: 'offset 0 and limit all', statements: wrap('limit all offset 0') },
  { name: 'a wrapper with aliases', statements: (chain) => swap('attempt', 'FROM attempt_numbered', 'from attempt_numbered')(chain) },
  { name: 'more columns of exam_results', statements: sql('alter table exam_results add note text, add archived boolean not null default false, add tags text[], add seen date, add span interval, add weight numeric(2,2), add code char(1)') },
  { name: 'dense_rank over an order without ties', statements: numbered('row_number()', 'dense_rank()') },
  { name: 'exam_results with partitions and its columns in another order', statements: (chain) => ['alter table exam_results rename to exam_results_old',
    'create table exam_results (updated_at timestamptz, result_json jsonb, note text, created_at timestamptz, user_id varchar(400), id uuid, session_id text) partition by range (created_at)',
    'create table exam_results_rest partition of exam_results default',
    'drop view attempt_anomaly', ...exam('FROM exam_results r', 'from (select id, session_id, user_id::text as user_id, result_json, created_at, updated_at from exam_results) r')(chain)] },
  { name: 'an index', statements: sql('create index on exam_results (updated_at)') },
  { name: 'settings of the database', statements: sql("do $$ begin execute format('alter database %I set quote_all_identifiers = on', current_database()); execute format('alter database %I set timezone = %L', current_database(), 'Asia/Kathmandu'); execute format('alter database %I set datestyle = %L', current_database(), 'German'); execute format('alter database %I set intervalstyle = %L', current_database(), 'iso_8601'); end $$") },
  { name: 'exam_results in another schema', statements: sql('create schema platform', 'alter table exam_results set schema platform') },
  { name: 'a second schema with its own attempt and exam_results', statements: sql('create schema other', 'create table other.attempt (id int)', 'create table other.exam_results (id int)', 'create schema platform', 'alter table exam_results set schema platform', 'create table platform.attempt (x int)', 'create table exam_results (x int)') },
  { name: 'another owner', statements: sql('create role contract_owner', 'alter view attempt owner to contract_owner') },
  { name: 'row security that binds nobody', statements: sql('alter table exam_results enable row level security') },
  { name: 'a function of a string body that calls another', statements: (chain) => ['create function inner_map(u text) returns uuid language sql as $$ select md5(u)::uuid $$', 'create function mapped(u text) returns uuid language sql as $$ select inner_map(u) $$',
    ...exam('(md5(user_id))::uuid', 'mapped(user_id)')(chain)] },
  { name: 'a function in PL/pgSQL', statements: (chain) => ['create function mapped(u text) returns uuid language plpgsql as $$ begin return md5(u)::uuid; end $$', ...exam('(md5(user_id))::uuid', 'mapped(user_id)')(chain)] },
  { name: 'a CTE named like the table', statements: exam('FROM exam_results r', 'from (with exam_results as (select * from public.exam_results) select * from exam_results) r') },
]
