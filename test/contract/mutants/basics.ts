/** One mistake in one expression of the view, for each rule. */
import { element, exam, mutant, numbered, order, response, type Mutant } from './build.js'

export const basicMutants: readonly Mutant[] = [
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
]
