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
const swap =
  (view: string, from: string | RegExp, to: string) =>
  (chain: Record<string, string>): string[] => {
    const before = chain[view] ?? ''
    const after = typeof from === 'string' ? before.replaceAll(from, () => to) : before.replace(from, to)
    if (after === before) throw new Error(`nothing to replace in ${view}: ${String(from)} is not in ${before}`)
    return [`create or replace view ${view} as ${after}`]
  }
const wrap =
  (clause: string, list = '*') =>
  (chain: Record<string, string>): string[] => [
    `create or replace view attempt as select ${list} from (${(chain['attempt'] ?? '').replace(/;\s*$/, '')}) w ${clause}`,
  ]
/** Drops `attempt` and makes it again, for shapes that CREATE OR REPLACE refuses. */
const remake =
  (list: string, how = 'view') =>
  (): string[] => ['drop view attempt', `create ${how} attempt as select ${list} from attempt_numbered`]
const all =
  'id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id'
const sql =
  (...statements: string[]) =>
  () =>
    statements
const mutant = (name: string, fails: string, statements: Mutant['statements']): Mutant => ({ name, statements, fails })

const response = (from: string | RegExp, to: string) => swap('attempt_response', from, to)
const element = (from: string | RegExp, to: string) => swap('attempt_element', from, to)
const numbered = (from: string | RegExp, to: string) => swap('attempt_numbered', from, to)
const exam = (from: string | RegExp, to: string) => swap('attempt_exam', from, to)
const order = 'ORDER BY completed_at, exam_result_id, "position"'

const blank = String.raw`[ \t\n\v\f\r]*`
const seconds = 'case when p.seconds > -2147483.6485 and p.seconds < 2147483.6475 then p.seconds else 0 end'
/** The lock once more, as somebody else would write it: one query, no helper. */
const oneQuery = `
create or replace view attempt as
select
  ('x' || left(md5(concat_ws('-', r.id, f.question)), 16))::bit(64)::bigint as id,
  u.student as student_id,
  p.item as item_id,
  p.correct,
  round(${seconds} * 1000)::integer as response_time_ms,
  p.hints is not null and p.hints >= 1 as hint_used,
  u.completed as completed_at,
  u.completed - make_interval(secs => round(${seconds})::double precision) as started_at,
  (row_number() over (partition by u.student, p.item order by u.completed, r.id, e.place))::integer as attempt_no,
  r.session_id,
  f.topic as topic_id
from exam_results r
cross join lateral (select
    case when r.user_id ~ '^[0-9a-fA-F]{4}(-?[0-9a-fA-F]{4}){7}$' and length(r.user_id) = 36 then r.user_id::uuid else md5(r.user_id)::uuid end as student,
    coalesce(r.updated_at, r.created_at) as completed) u
cross join lateral jsonb_array_elements(case when jsonb_typeof(r.result_json -> 'questions') = 'array' then r.result_json -> 'questions' else '[]' end)
  with ordinality as e (element, place)
cross join lateral (select e.element ->> 'question_id' as question, coalesce(e.element ->> 'is_correct', e.element ->> 'correct', 'false') as correct,
    e.element ->> 'time_spent_sec' as time, e.element ->> 'used_hints' as hints, nullif(e.element ->> 'topic', '') as topic) f
cross join lateral (select
    case when f.question ~ '^${blank}[+-]?0*[0-9]{1,19}${blank}$' then
      case when f.question::numeric between -9223372036854775808 and 9223372036854775807 then f.question::bigint end end as item,
    case when f.correct ~* '^${blank}(t|tr|tru|true|y|ye|yes|on|1)${blank}$' then true
      when f.correct ~* '^${blank}(f|fa|fal|fals|false|n|no|of|off|0)${blank}$' then false end as correct,
    case when length(f.time) <= 1000 and f.time ~ '^${blank}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?0*[0-9]{1,3})?${blank}$' then f.time::numeric end as seconds,
    case when f.hints ~ '^${blank}[+-]?0*[0-9]{1,10}${blank}$' then
      case when f.hints::numeric between -2147483648 and 2147483647 then f.hints::integer end end as hints) p
where p.item is not null and p.correct is not null and u.student is not null
  and u.completed >= timestamptz '0002-01-01 00:00:00+00' and u.completed < timestamptz '9999-01-01 00:00:00+00'`
/** The same with one expression replaced. */
const one = (from: string | RegExp, to: string) => (): string[] => {
  const after = oneQuery.replace(from, typeof from === 'string' ? to.replaceAll('$', '$$$$') : to)
  if (after === oneQuery) throw new Error(`nothing to replace in one query: ${String(from)}`)
  return [after]
}
const started = /(u\.completed) - (make_interval\(.*?::double precision\))/
const numbering = 'partition by u.student, p.item order by u.completed, r.id, e.place'
const truths = [
  't',
  'tr',
  'tru',
  'true',
  'y',
  'ye',
  'yes',
  'on',
  '1',
  'f',
  'fa',
  'fal',
  'fals',
  'false',
  'n',
  'no',
  'of',
  'off',
  '0',
]
const correctnessWords = 't|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0'

export const mutants: Mutant[] = [
  mutant('another slice of the hash', 'golden:id_hash', response(', 1, 16)', ', 2, 16)')),
  mutant('the last digits of the hash', 'golden:id_hash', response(', 1, 16)', ', 17, 16)')),
  mutant('the id without the separator', 'golden:id_hash', response("|| '-'::text)", "|| ''::text)")),
  mutant('the id with another separator', 'golden:id_hash', response("|| '-'::text)", "|| '_'::text)")),
  mutant('the id from the item id', 'golden:id_question_text', response(/\|\| question_id\b/, '|| item_id::text')),
  mutant(
    'the id from trimmed text',
    'golden:id_question_text',
    response(/\|\| question_id\b/, '|| btrim(question_id)'),
  ),
  mutant('the id by the session', 'golden:id_hash', response('(exam_result_id)::text', 'session_id')),
  mutant('the id in upper case', 'golden:id_hash', response('(exam_result_id)::text', 'upper(exam_result_id::text)')),
  mutant('user ids in lower case', 'golden:student_id_hash', exam('md5(user_id)', 'md5(lower(user_id))')),
  mutant('user ids trimmed', 'golden:student_id_hash', exam('md5(user_id)', 'md5(btrim(user_id))')),
  mutant('a salted hash', 'golden:student_id_hash', exam('md5(user_id)', "md5(user_id || 'x')")),
  mutant('a UUID hashed too', 'golden:student_id_cast', exam('(user_id)::uuid', 'md5(user_id)::uuid')),
  mutant('an upper-case UUID hashed', 'golden:student_id_cast', exam('[0-9a-fA-F]{4}-?', '[0-9a-f]{4}-?')),
  mutant(
    'canonical UUIDs only',
    'golden:student_id_cast',
    exam('([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}', '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'),
  ),
  mutant(
    'the original cast, not total',
    'golden:student_id_odd_hyphens',
    exam('^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$', '^[0-9a-fA-F-]{36}$'),
  ),
  mutant('an empty user left out', 'golden:student_id_hash', exam('md5(user_id)', "md5(nullif(user_id, ''))")),
  mutant('null users as a user', 'golden:student_id_null', exam('md5(user_id)', "md5(coalesce(user_id, ''))")),
  mutant(
    'created_at first',
    'golden:completed_at',
    exam('COALESCE(updated_at, created_at)', 'coalesce(created_at, updated_at)'),
  ),
  mutant('updated_at only', 'golden:completed_at', exam('COALESCE(updated_at, created_at)', 'updated_at')),
  mutant(
    'the later of both times',
    'golden:completed_at',
    exam('COALESCE(updated_at, created_at)', 'greatest(updated_at, created_at)'),
  ),
  mutant(
    'milliseconds of completed_at',
    'golden:completed_at',
    exam('COALESCE(updated_at, created_at)', "date_trunc('milliseconds', coalesce(updated_at, created_at))"),
  ),
  mutant(
    'a time of the session zone',
    'golden:completed_at_zone',
    exam('COALESCE(updated_at, created_at)', "coalesce(updated_at, created_at)::timestamp at time zone 'UTC'"),
  ),
  mutant('another name of the list', 'golden:', exam("'questions'::text", "'question'::text")),
  mutant(
    'truncation instead of rounding',
    'golden:response_time_rounding',
    response('round((seconds * (1000)::numeric))', 'trunc(seconds * 1000)'),
  ),
  mutant(
    'ceiling',
    'golden:response_time_rounding',
    response('round((seconds * (1000)::numeric))', 'ceil(seconds * 1000)'),
  ),
  mutant(
    'half up below zero',
    'golden:response_time_negative',
    response('round((seconds * (1000)::numeric))', 'floor(seconds * 1000 + 0.5)'),
  ),
  mutant(
    'half to even',
    'golden:response_time_rounding',
    response('round((seconds * (1000)::numeric))', 'round((seconds * 1000)::double precision)'),
  ),
  mutant(
    'seconds rounded first',
    'golden:response_time_rounding',
    response('round((seconds * (1000)::numeric))', 'round(round(seconds, 2) * 1000)'),
  ),
  mutant(
    'started_at from milliseconds',
    'golden:started_at_rounding',
    response('(round(seconds))::integer', '(round(round(seconds * 1000) / 1000))::integer'),
  ),
  mutant(
    'started_at exact',
    'golden:started_at_rounding',
    response("'00:00:01'::interval", "'00:00:01.001'::interval"),
  ),
  mutant(
    'started_at truncated',
    'golden:started_at_rounding',
    response('(round(seconds))::integer', 'trunc(seconds)::integer'),
  ),
  mutant(
    'started_at half to even',
    'golden:started_at_rounding',
    response('(round(seconds))::integer', 'round(seconds::double precision)::integer'),
  ),
  mutant('started_at after completed_at', 'golden:started_at', response(/completed_at - \(/, 'completed_at + (')),
  mutant('hints from zero', 'golden:hint_used', response('(hints > 0)', '(hints >= 0)')),
  mutant('hints from two', 'golden:hint_used', response('(hints > 0)', '(hints > 1)')),
  mutant('negative hints count', 'golden:hint_used', response('(hints > 0)', '(hints <> 0)')),
  mutant('missing hints as true', 'golden:hint_used', response('(hints > 0), false', '(hints > 0), true')),
  mutant('missing hints as null', 'golden:hint_used', response('COALESCE((hints > 0), false)', '(hints > 0)')),
  mutant('another range of years', 'golden:completed_at_range', response(/0002-01-01/, '1900-01-01')),
  mutant('an end of years', 'golden:completed_at_range', response(/9999-01-01/, '2100-01-01')),
  mutant('missing correctness as null', 'golden:correct_missing', element('THEN false\n', 'THEN null\n')),
  mutant(
    'missing correctness as true',
    'golden:correct_missing',
    element('correctness IS NULL) THEN false', 'correctness IS NULL) THEN true'),
  ),
  mutant(
    'correct before is_correct',
    'golden:correct',
    element(
      /COALESCE\(\(element ->> 'is_correct'::text\), \(element ->> 'correct'::text\)\)/,
      "coalesce(element ->> 'correct', element ->> 'is_correct')",
    ),
  ),
  mutant('empty topic kept', 'golden:topic', element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, '$1')),
  mutant(
    'blank topic left out',
    'golden:topic',
    element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, "nullif(btrim($1), '')"),
  ),
  mutant(
    'topic in lower case',
    'golden:topic',
    element(/NULLIF\((\(.*'topic'::text\)), ''::text\)/, "nullif(lower($1), '')"),
  ),
  mutant('another topic field', 'golden:topic', element("'topic'::text", "'topic_id'::text")),
  mutant('another hint field', 'golden:hint_used', element("'used_hints'::text", "'hints'::text")),
  mutant('another time field', 'golden:response_time', element("'time_spent_sec'::text", "'time_spent'::text")),
  mutant('dense_rank without the place', 'golden:id_repeats', (chain) =>
    numbered(
      `row_number() OVER (PARTITION BY student_id, item_id ${order})`,
      'dense_rank() over (partition by student_id, item_id order by completed_at, exam_result_id)',
    )(chain),
  ),
  mutant(
    'rank without tie-break',
    'golden:attempt_no_ties',
    numbered(
      `row_number() OVER (PARTITION BY student_id, item_id ${order})`,
      'rank() over (partition by student_id, item_id order by completed_at)',
    ),
  ),
  mutant(
    'order by start',
    'golden:attempt_no_not_by_start',
    numbered(order, 'order by started_at, exam_result_id, position'),
  ),
  mutant('ties by session', 'golden:attempt_no_ties', numbered(order, 'order by completed_at, session_id, position')),
  mutant(
    'ties by place first',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, position, exam_result_id'),
  ),
  mutant(
    'place descending',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, exam_result_id, position desc'),
  ),
  mutant(
    'place as text',
    'golden:attempt_no_position',
    numbered(order, 'order by completed_at, exam_result_id, position::text'),
  ),
  mutant(
    'descending',
    'golden:attempt_no_order',
    numbered(order, 'order by completed_at desc, exam_result_id, position'),
  ),
  mutant('order by exam', 'golden:attempt_no_order', numbered(order, 'order by exam_result_id, position')),
  mutant('partition by item only', 'golden:', numbered('PARTITION BY student_id, item_id', 'partition by item_id')),
  mutant(
    'partition by student only',
    'golden:attempt_no_partition',
    numbered('PARTITION BY student_id, item_id', 'partition by student_id'),
  ),
  mutant(
    'partition by session too',
    'golden:attempt_no',
    numbered('PARTITION BY student_id, item_id', 'partition by student_id, item_id, session_id'),
  ),
  mutant(
    'numbers from zero',
    'golden:attempt_no',
    numbered(/\(row_number\(\) OVER (\(.*?\))\)::integer/, '(row_number() over $1 - 1)::integer'),
  ),
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
  ...[
    ['status', "status <> 'deleted'"],
    ['exam_id', 'exam_id is not null'],
    ['org_id', 'org_id > 0'],
    ['score_raw', 'score_raw is not null'],
    ['percentile', 'percentile is null'],
  ].map(([name, clause]) =>
    mutant(
      `a filter on ${name}`,
      'golden:every_exam_counts',
      exam('FROM exam_results r', `from exam_results r where r.${clause}`),
    ),
  ),
  mutant(
    'a sampled table',
    'whole_table',
    exam('FROM exam_results r', 'from exam_results r tablesample bernoulli (99.99999)'),
  ),
  mutant('ONLY a parent', 'whole_table', (chain) => [
    'create table exam_archive () inherits (exam_results)',
    ...exam('FROM exam_results r', 'from only exam_results r')(chain),
  ]),
  mutant('a filter on a column that the law does not know', 'golden:', (chain) => [
    'alter table exam_results add archived boolean not null default false',
    ...exam('FROM exam_results r', 'from exam_results r where not r.archived')(chain),
  ]),
  mutant('columns in another order', 'columns', remake(all.replace('id, student_id', 'student_id, id'))),
  mutant('varchar', 'columns', remake(all.replace('session_id', 'session_id::varchar as session_id'))),
  mutant(
    'a timestamp without time zone',
    'columns',
    remake(all.replace('completed_at', 'completed_at::timestamp as completed_at')),
  ),
  mutant('an added column', 'columns', remake(`${all}, exam_result_id`)),
  mutant('a column less', 'columns', remake(all.replace(', topic_id', ''))),
  mutant('another name', 'columns', remake(all.replace('topic_id', 'topic_id as topic'))),
  mutant('a wide number', 'columns', remake(all.replace('attempt_no', 'attempt_no::bigint as attempt_no'))),
  mutant('a materialised view', 'kind', remake(all, 'materialized view')),
  mutant('a table', 'kind', remake(all, 'table')),
  mutant('nothing', 'view', sql('drop view attempt')),
  mutant('exam_results is a view', 'source', (chain) => [
    'alter table exam_results rename to exam_results_all',
    'create view exam_results as select * from exam_results_all',
    ...exam(
      'FROM exam_results r',
      'from exam_results r',
    )(chain).map((one) => one.replace('from exam_results_all', 'from exam_results')),
  ]),
  mutant('exam_results is a materialised view', 'source', (chain) => [
    'alter table exam_results rename to exam_results_all',
    'create materialized view exam_results as select * from exam_results_all',
    ...exam('FROM exam_results r', 'from exam_results r')(chain),
  ]),
  mutant('a helper function with another body', 'golden:student_id_hash', (chain) => [
    'create function mapped(u text) returns uuid language sql immutable as $$ select md5(lower(u))::uuid $$',
    ...exam(
      'md5(user_id)::uuid',
      'mapped(user_id)',
    )({ attempt_exam: (chain['attempt_exam'] ?? '').replace('(md5(user_id))::uuid', 'md5(user_id)::uuid') }),
  ]),
  // who: casts and hashes
  mutant('32 digits cast', 'golden:student_id_hash', exam('(length(user_id) = 36)', '(length(user_id) in (32, 36))')),
  mutant(
    'braces cast',
    'golden:student_id_hash',
    exam(
      'ELSE (md5(user_id))::uuid',
      "when user_id ~ '^[{][0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}[}]$' then user_id::uuid else md5(user_id)::uuid",
    ),
  ),
  mutant('normalised hash', 'golden:student_id_hash', exam('md5(user_id)', 'md5(normalize(user_id))')),
  mutant(
    'hash of a line without its end',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(rtrim(user_id, E'\\n'))"),
  ),
  mutant(
    'mail addresses without a domain',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(split_part(user_id, '@', 1))"),
  ),
  mutant(
    'numbers padded',
    'golden:student_id_hash',
    exam('md5(user_id)', "md5(case when user_id ~ '^[0-9]+$' then lpad(user_id, 10, '0') else user_id end)"),
  ),
  mutant(
    'test users left out',
    'golden:every_user_counts',
    exam('FROM exam_results r', "from exam_results r where r.user_id is null or r.user_id not ilike 'test%'"),
  ),
  mutant(
    'the staff left out',
    'golden:every_user_counts',
    exam(
      'FROM exam_results r',
      "from exam_results r where r.user_id is null or r.user_id not in ('admin', 'root', 'demo', 'guest', 'anonymous')",
    ),
  ),
  mutant('no user kept', 'golden:student_id_null', response('(student_id IS NOT NULL) AND ', '')),
  mutant(
    'the nil UUID left out',
    'golden:student_id_cast',
    wrap("where student_id <> '00000000-0000-0000-0000-000000000000'"),
  ),
  // what: elements and fields
  mutant(
    'JSON instead of its text, topic',
    'golden:',
    element("(element ->> 'topic'::text)", "(element -> 'topic')::text"),
  ),
  mutant(
    'JSON instead of its text, question',
    'golden:item_id',
    element("(element ->> 'question_id'::text)", "(element -> 'question_id')::text"),
  ),
  mutant(
    'JSON instead of its text, time',
    'golden:response_time_texts',
    element("(element ->> 'time_spent_sec'::text)", "(element -> 'time_spent_sec')::text"),
  ),
  mutant(
    'JSON instead of its text, hints',
    'golden:hint_used',
    element("(element ->> 'used_hints'::text)", "(element -> 'used_hints')::text"),
  ),
  mutant(
    'topic trimmed',
    'golden:topic',
    element("NULLIF((element ->> 'topic'::text), ''::text)", "nullif(btrim(element ->> 'topic'), '')"),
  ),
  mutant(
    'topic trimmed where it is not blank',
    'golden:topic',
    element(
      "NULLIF((element ->> 'topic'::text), ''::text)",
      "nullif(coalesce(nullif(btrim(element ->> 'topic'), ''), element ->> 'topic'), '')",
    ),
  ),
  mutant(
    'topic cut at 255',
    'golden:topic',
    element("NULLIF((element ->> 'topic'::text), ''::text)", "nullif(left(element ->> 'topic', 255), '')"),
  ),
  mutant(
    'topic cut at 1,000',
    'golden:long_texts',
    element("NULLIF((element ->> 'topic'::text), ''::text)", "nullif(left(element ->> 'topic', 1000), '')"),
  ),
  mutant(
    'null as a topic',
    'golden:topic',
    element("NULLIF((element ->> 'topic'::text), ''::text)", "nullif(nullif(element ->> 'topic', ''), 'null')"),
  ),
  mutant(
    'a default topic',
    'golden:topic',
    wrap('', all.replace('topic_id', "coalesce(topic_id, 'none') as topic_id")),
  ),
  mutant(
    'either field right',
    'golden:correct',
    one(
      "coalesce(e.element ->> 'is_correct', e.element ->> 'correct', 'false') as correct",
      "case when 'true' in (e.element ->> 'is_correct', e.element ->> 'correct') then 'true' else coalesce(e.element ->> 'is_correct', e.element ->> 'correct', 'false') end as correct",
    ),
  ),
  mutant(
    'an empty is_correct as missing',
    'golden:correct_invalid',
    element("COALESCE((element ->> 'is_correct'::text)", "coalesce(nullif(element ->> 'is_correct', '')"),
  ),
  mutant(
    'invalid correctness as false',
    'golden:correct_invalid',
    element('(correctness)::boolean\n                ELSE NULL::boolean', 'correctness::boolean else false'),
  ),
  mutant('correctness in lower case only', 'golden:correct_texts', element('correctness ~* ', 'correctness ~ ')),
  mutant('an ambiguous prefix', 'golden:correct_invalid', element(correctnessWords, `${correctnessWords}|o`)),
  ...truths.map((word) =>
    mutant(`no ${word}`, 'golden:correct', (chain) => [
      ...element(
        correctnessWords,
        correctnessWords
          .split('|')
          .filter((other) => other !== word)
          .join('|'),
      )({
        attempt_element: (chain['attempt_element'] ?? '')
          .replace("WHEN 'true'::text THEN true", '')
          .replace("WHEN 'false'::text THEN false", "WHEN '\n'::text THEN NULL"),
      }),
    ]),
  ),
  mutant('invalid questions kept', 'golden:item_id', response('(item_id IS NOT NULL) AND ', '')),
  mutant('invalid correctness kept', 'golden:correct_invalid', response(' AND (correct IS NOT NULL)', '')),
  mutant('positive questions only', 'golden:item_id', wrap('where item_id > 0')),
  mutant('32-bit questions only', 'golden:item_id', wrap('where item_id between -2147483648 and 2147483647')),
  mutant('question ids of 18 digits', 'golden:item_id', element('0*[0-9]{1,19}', '0*[0-9]{1,18}')),
  mutant('question ids without zeros before', 'golden:item_id', element('[+-]?0*[0-9]{1,19}', '[+-]?[0-9]{1,19}')),
  mutant('question ids without a plus', 'golden:item_id', element('[+-]?0*[0-9]{1,19}', '-?0*[0-9]{1,19}')),
  mutant(
    'question ids with decimals',
    'golden:item_id_invalid',
    one(
      'then f.question::bigint end end as item',
      "then f.question::bigint end when f.question ~ '^[0-9]{1,9}[.]0+$' then f.question::numeric::bigint end as item",
    ),
  ),
  mutant(
    'question ids as numbers',
    'golden:item_id',
    one(
      `case when f.question ~ '^${blank}[+-]?0*[0-9]{1,19}${blank}$' then
      case when f.question::numeric between -9223372036854775808 and 9223372036854775807 then f.question::bigint end end as item`,
      "case when length(f.question) < 400 and f.question ~ '^[+-]?[0-9]+$' then f.question::double precision::numeric::bigint end as item",
    ),
  ),
  mutant(
    'question ids without blank',
    'golden:item_id',
    element(`^${blank}[+-]?0*[0-9]{1,19}${blank}$`, '^[+-]?0*[0-9]{1,19}$'),
  ),
  ...[
    ['space', ' '],
    ['tab', '\\t'],
    ['line feed', '\\n'],
    ['vertical tab', '\\v'],
    ['form feed', '\\f'],
    ['return', '\\r'],
  ].map(([name, character]) =>
    mutant(`no ${name} around`, 'golden:', (chain) => element(blank, blank.replace(character ?? '', ''))(chain)),
  ),
  mutant(
    'an object as a list of one',
    'golden:questions_not_array',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json -> 'questions') = 'object' then jsonb_build_array(result_json -> 'questions') else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'an object as a list of its values',
    'golden:questions_not_array',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json -> 'questions') = 'object' then jsonb_path_query_array(result_json, '$.questions.*') else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'a list without its object',
    'golden:questions_missing',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json) = 'array' then result_json else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'a list in a text',
    'golden:questions_not_array',
    exam(
      "(result_json -> 'questions'::text)",
      "case when result_json ->> 'questions' = '[]' then '[{\"question_id\": 1}]'::jsonb else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'lists of lists',
    'golden:item_id_missing',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json -> 'questions') = 'array' then jsonb_path_query_array(result_json, '$.questions[*][*]') else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'another list as well',
    'golden:other_fields',
    exam("(result_json -> 'questions'::text)", "coalesce(result_json -> 'questions', result_json -> 'items')"),
  ),
  mutant(
    'the other list first',
    'golden:other_fields',
    exam("(result_json -> 'questions'::text)", "coalesce(result_json -> 'answers', result_json -> 'questions')"),
  ),
  ...[
    ['question_id', 'id'],
    ['question_id', 'item_id'],
    ['question_id', 'questionId'],
    ['time_spent_sec', 'time_spent'],
    ['time_spent_sec', 'response_time'],
    ['used_hints', 'hints'],
    ['used_hints', 'hint_used'],
    ['topic', 'topic_id'],
    ['topic', 'subject'],
    ['topic', 'skill'],
    ['correct', 'isCorrect'],
    ['correct', 'answer_correct'],
    ['correct', 'score'],
  ].map(([field, other]) =>
    mutant(
      `${other} where there is no ${field}`,
      'golden:',
      element(`(element ->> '${field}'::text)`, `coalesce(element ->> '${field}', element ->> '${other}')`),
    ),
  ),
  ...[
    "'skipped' = 'true'",
    "'deleted' = 'true'",
    "'is_test' = 'true'",
    "'status' = 'skipped'",
    "'type' = 'survey'",
    "'scored' = 'false'",
    "'answer' is null",
    "'pretest' = 'true'",
  ].map((condition) =>
    mutant(
      `elements left out: ${condition}`,
      'golden:other_fields',
      element(/FROM element\n/, `from element where (element ->> ${condition}) is not true\n`),
    ),
  ),
  ...[
    "'is_test' = 'true'",
    "'status' = 'aborted'",
    "'deleted_at' is not null",
    "'mode' = 'practice'",
    "'version' = '2'",
    "'proctored' = 'false'",
  ].map((condition) =>
    mutant(
      `exams left out: ${condition}`,
      'golden:other_fields',
      exam(
        'FROM exam_results r',
        `from exam_results r where (case when jsonb_typeof(r.result_json) = 'object' then r.result_json ->> ${condition} end) is not true`,
      ),
    ),
  ),
  mutant(
    'the first 400 of an exam',
    'golden:long_array',
    element('FROM element\n', 'from element where "position" <= 400\n'),
  ),
  mutant(
    'the first 1,000 of an exam',
    'golden:long_array',
    element('FROM element\n', 'from element where "position" <= 1000\n'),
  ),
  mutant(
    'exams of more than 500 questions left out',
    'golden:long_array',
    element(
      "(jsonb_typeof(questions) = 'array'::text)",
      "(jsonb_typeof(questions) = 'array' and jsonb_array_length(case when jsonb_typeof(questions) = 'array' then questions else '[]' end) <= 500)",
    ),
  ),
  mutant('the first question left out', 'golden:', element('FROM element\n', 'from element where "position" > 1\n')),
  mutant('duplicates in an exam dropped', 'golden:id_repeats', wrap('', `distinct on (session_id, item_id) ${all}`)),
  mutant(
    'equal answers once',
    'golden:',
    numbered(
      'FROM attempt_response',
      'from (select distinct id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, session_id, topic_id, exam_result_id, 1 as "position", answered from attempt_response) attempt_response',
    ),
  ),
  // how long
  mutant(
    'milliseconds in double precision',
    'golden:response_time',
    response('round((seconds * (1000)::numeric))', 'round((seconds::double precision * 1000)::numeric)'),
  ),
  mutant(
    'seconds in double precision',
    'golden:',
    response('round((seconds * (1000)::numeric))', 'round(seconds::double precision::numeric * 1000)'),
  ),
  mutant(
    'seconds as real',
    'golden:response_time',
    response('round((seconds * (1000)::numeric))', 'round(seconds::real::numeric * 1000)'),
  ),
  mutant(
    'rounded twice',
    'golden:response_time',
    response('round((seconds * (1000)::numeric))', 'round(round(seconds * 1000, 1))'),
  ),
  mutant(
    'rounded twice, finely',
    'golden:response_time',
    response('round((seconds * (1000)::numeric))', 'round(round(seconds * 1000, 6))'),
  ),
  mutant(
    'whole seconds from tenths',
    'golden:started_at_rounding',
    response('(round(seconds))::integer', 'round(round(seconds, 1))::integer'),
  ),
  mutant(
    'negative times as none',
    'golden:response_time_negative',
    response("(seconds > '-2147483.6485'::numeric)", '(seconds >= 0)'),
  ),
  mutant(
    'an hour at most',
    'golden:response_time',
    response('round((seconds * (1000)::numeric))', 'round(least(seconds, 3600) * 1000)'),
  ),
  mutant('a day at most', 'golden:response_time', response('(seconds < 2147483.6475)', '(seconds < 86400)')),
  mutant(
    'the largest time left out',
    'golden:response_time_bounds',
    response('(seconds < 2147483.6475)', '(seconds < 2147483.647)'),
  ),
  mutant(
    'the smallest time left out',
    'golden:response_time_bounds',
    response("(seconds > '-2147483.6485'::numeric)", "(seconds > '-2147483.648'::numeric)"),
  ),
  mutant(
    'one too large',
    'golden:response_time_bounds',
    response('(seconds < 2147483.6475)', '(seconds <= 2147483.6475)'),
  ),
  mutant(
    'one too small',
    'golden:response_time_bounds',
    response("(seconds > '-2147483.6485'::numeric)", "(seconds >= '-2147483.6485'::numeric)"),
  ),
  mutant(
    'times of 1,001 characters',
    'golden:long_texts',
    element('length(time_spent_sec) <= 1000', 'length(time_spent_sec) <= 1001'),
  ),
  mutant(
    'times of 999 characters',
    'golden:long_texts',
    element('length(time_spent_sec) <= 1000', 'length(time_spent_sec) <= 999'),
  ),
  mutant('exponents of two digits', 'golden:response_time_exponents', element('0*[0-9]{1,3})?', '0*[0-9]{1,2})?')),
  mutant('exponents without zeros before', 'golden:response_time_texts', element('0*[0-9]{1,3})?', '[0-9]{1,3})?')),
  mutant('no exponents', 'golden:response_time_texts', element('([eE][+-]?0*[0-9]{1,3})?', '')),
  mutant('no capital exponents', 'golden:response_time_texts', element('([eE][+-]?', '(e[+-]?')),
  mutant('no bare points', 'golden:response_time_texts', element('([0-9]+\\.?[0-9]*|\\.[0-9]+)', '[0-9]+(\\.[0-9]+)?')),
  mutant(
    'commas',
    'golden:response_time_invalid',
    element("(element ->> 'time_spent_sec'::text)", "replace(element ->> 'time_spent_sec', ',', '.')"),
  ),
  mutant(
    'rapid guesses left out',
    'golden:response_time',
    wrap('where response_time_ms = 0 or response_time_ms >= 200'),
  ),
  mutant('long answers left out', 'golden:response_time', wrap('where response_time_ms < 3600000')),
  mutant('started_at by the calendar', 'golden:', one(started, '$1 - justify_hours($2)')),
  mutant('started_at by the clock on the wall', 'golden:', one(started, '($1::timestamp - $2)::timestamptz')),
  mutant('started_at never before the exam was made', 'golden:', one(started, 'greatest($1 - $2, r.created_at)')),
  // hints
  mutant('hints of ten digits left out', 'golden:hint_used', element('0*[0-9]{1,10}', '0*[0-9]{1,9}')),
  mutant('hints up to 32767', 'golden:hint_used', element('(2147483647)::numeric', '(32767)::numeric')),
  mutant(
    'invalid hints as used',
    'golden:hint_used_invalid',
    element(
      'ELSE NULL::integer\n                END\n                ELSE NULL::integer',
      'ELSE NULL::integer\n                END\n                ELSE 1',
    ),
  ),
  mutant(
    'hints with decimals',
    'golden:hint_used_invalid',
    element("(element ->> 'used_hints'::text)", "regexp_replace(element ->> 'used_hints', '[.]0+$', '')"),
  ),
  // when
  mutant(
    'an infinite update as none',
    'golden:completed_at_invalid',
    exam('COALESCE(updated_at, created_at)', "coalesce(nullif(updated_at, 'infinity'), created_at)"),
  ),
  mutant(
    'the earlier of both times',
    'golden:completed_at',
    exam('COALESCE(updated_at, created_at)', 'least(updated_at, created_at)'),
  ),
  mutant(
    'updated exams only',
    'golden:completed_at',
    exam('FROM exam_results r', 'from exam_results r where r.updated_at is not null'),
  ),
  mutant(
    'exams that changed after they were made',
    'golden:completed_at',
    exam('FROM exam_results r', 'from exam_results r where r.updated_at is null or r.updated_at <> r.created_at'),
  ),
  mutant(
    'whole seconds',
    'golden:completed_at',
    exam('COALESCE(updated_at, created_at)', "date_trunc('second', coalesce(updated_at, created_at))"),
  ),
  mutant('weekdays only', 'golden:', wrap("where extract(isodow from completed_at at time zone 'UTC') < 6")),
  mutant('days only', 'golden:', wrap("where extract(hour from completed_at at time zone 'UTC') between 6 and 21")),
  mutant('one second into year 2', 'golden:completed_at_range', response('0002-01-01 00:00:00', '0002-01-01 00:00:01')),
  mutant('the end of 9998 included', 'golden:completed_at_invalid', response(/\(completed_at < /, '(completed_at <= ')),
  mutant(
    'infinite times clamped',
    'golden:completed_at_invalid',
    exam(
      'COALESCE(updated_at, created_at)',
      "greatest(least(coalesce(updated_at, created_at), '9998-12-31'), '0002-01-02')",
    ),
  ),
  // which: numbers of attempts
  mutant(
    'ties by creation',
    'golden:ties_by_exam_id',
    one(numbering, 'partition by u.student, p.item order by u.completed, r.created_at, r.id, e.place'),
  ),
  mutant(
    'ties by exam',
    'golden:',
    one(numbering, 'partition by u.student, p.item order by u.completed, r.exam_id, r.id, e.place'),
  ),
  mutant(
    'ties by a hash of the exam',
    'golden:attempt_no_ties',
    one(numbering, 'partition by u.student, p.item order by u.completed, md5(r.id::text), e.place'),
  ),
  mutant(
    'ties by the id of the attempt',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, id, position'),
  ),
  mutant(
    'ties by time spent',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, exam_result_id, response_time_ms, position'),
  ),
  mutant(
    'ties, right answers first',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, exam_result_id, correct desc, position'),
  ),
  mutant(
    'order by creation',
    'golden:attempt_no_order',
    one(numbering, 'partition by u.student, p.item order by r.created_at, r.id, e.place'),
  ),
  mutant(
    'order by the day',
    'golden:',
    numbered(order, "order by date_trunc('day', completed_at, 'UTC'), exam_result_id, position"),
  ),
  mutant(
    'order by the second',
    'golden:attempt_no_microseconds',
    numbered(order, "order by date_trunc('second', completed_at), exam_result_id, position"),
  ),
  mutant(
    'order by the millisecond',
    'golden:attempt_no_microseconds',
    numbered(order, "order by date_trunc('milliseconds', completed_at), exam_result_id, position"),
  ),
  mutant(
    'exam ids backwards',
    'golden:attempt_no_ties',
    numbered(order, 'order by completed_at, exam_result_id desc, position'),
  ),
  mutant(
    'places backwards',
    'golden:',
    element(
      'generate_series(1, jsonb_array_length(questions))',
      'generate_series(jsonb_array_length(questions), 1, -1)',
    ),
  ),
  mutant(
    'partition by the text of the user',
    'golden:attempt_no_same_student',
    one(numbering, numbering.replace('u.student', 'r.user_id')),
  ),
  mutant('partition by the text of the question', 'golden:', one(numbering, numbering.replace('p.item', 'f.question'))),
  mutant(
    'partition by topic too',
    'golden:',
    numbered('PARTITION BY student_id, item_id', 'partition by student_id, item_id, topic_id'),
  ),
  mutant('partition by organisation too', 'golden:', one(numbering, numbering.replace('p.item', 'p.item, r.org_id'))),
  mutant('partition by exam too', 'golden:', one(numbering, numbering.replace('p.item', 'p.item, r.exam_id'))),
  mutant(
    'partition by year too',
    'golden:',
    numbered(
      'PARTITION BY student_id, item_id',
      "partition by student_id, item_id, extract(year from completed_at at time zone 'UTC')",
    ),
  ),
  mutant(
    'partition by month too',
    'golden:',
    numbered(
      'PARTITION BY student_id, item_id',
      "partition by student_id, item_id, date_trunc('month', completed_at, 'UTC')",
    ),
  ),
  mutant(
    'excluded elements take a number',
    'golden:attempt_no_skips_excluded',
    numbered(
      /\(row_number\(\) OVER \(.*?\)\)::integer/,
      '(row_number() over (partition by student_id, item_id order by completed_at, exam_result_id, position) + (select count(*) from attempt_element x where x.exam_result_id = attempt_response.exam_result_id and x.correct is null and x.item_id = attempt_response.item_id and x."position" < attempt_response."position"))::integer',
    ),
  ),
  mutant('a hundred attempts at most', 'golden:long_array', wrap('where attempt_no <= 100')),
  mutant(
    'attempts counted up to 99',
    'golden:long_array',
    wrap('', all.replace('attempt_no', 'least(attempt_no, 99) as attempt_no')),
  ),
  // the ids
  mutant(
    'positive ids',
    'golden:id_hash',
    response(/(\(\(\('x'.*?\)\)::bit\(64\)\)::bigint) AS id/, '$1 & 9223372036854775807 as id'),
  ),
  mutant(
    'the absolute id',
    'golden:id_hash',
    response(/(\(\(\('x'.*?\)\)::bit\(64\)\)::bigint) AS id/, 'abs($1) as id'),
  ),
  mutant(
    'the id of sha256',
    'golden:id_hash',
    response(/md5\((.*?question_id\))\)/, "encode(sha256(convert_to($1, 'UTF8')), 'hex')"),
  ),
  mutant(
    'sessions trimmed',
    'golden:session_id',
    wrap('', all.replace('session_id', 'btrim(session_id) as session_id')),
  ),
  mutant(
    'sessions in lower case',
    'golden:session_id',
    wrap('', all.replace('session_id', 'lower(session_id) as session_id')),
  ),
  mutant(
    'sessions cut at 64',
    'golden:session_id',
    wrap('', all.replace('session_id', 'left(session_id, 64) as session_id')),
  ),
  mutant(
    'an empty session as null',
    'golden:session_id',
    wrap('', all.replace('session_id', "nullif(session_id, '') as session_id")),
  ),
  mutant('an operator of another meaning', 'golden:hint_used', (chain) => [
    'create function public.more(integer, integer) returns boolean language sql immutable as $$ select $1 + 1 > $2 $$',
    'create operator public.>> (function = public.more, leftarg = integer, rightarg = integer)',
    ...response('(hints > 0)', '(hints operator(public.>>) 0)')(chain),
  ]),
  mutant(
    'a microsecond later',
    'golden:',
    exam('COALESCE(updated_at, created_at)', "coalesce(updated_at, created_at) + interval '1 microsecond'"),
  ),
]

export const variants: Variant[] = [
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
      'alter table exam_results add note text, add archived boolean not null default false, add tags text[], add seen date, add span interval, add weight numeric(2,2), add code char(1)',
    ),
  },
  { name: 'dense_rank over an order without ties', statements: numbered('row_number()', 'dense_rank()') },
  {
    name: 'exam_results with partitions and its columns in another order',
    statements: (chain) => [
      'alter table exam_results rename to exam_results_old',
      'create table exam_results (updated_at timestamptz, result_json jsonb, note text, created_at timestamptz, user_id varchar(400), id uuid, session_id text) partition by range (created_at)',
      'create table exam_results_rest partition of exam_results default',
      'drop view attempt_anomaly',
      ...exam(
        'FROM exam_results r',
        'from (select id, session_id, user_id::text as user_id, result_json, created_at, updated_at from exam_results) r',
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
      'count(*) over (partition by student_id, item_id order by completed_at, exam_result_id, position rows unbounded preceding)',
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
      "alter table exam_results add serial_no bigint generated always as identity, add day_made timestamp generated always as (created_at at time zone 'UTC') stored",
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
    name: 'other views that read the lock',
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
