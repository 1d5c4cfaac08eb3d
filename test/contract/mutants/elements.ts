/** What: elements, their fields and how they are read. */
import {
  all,
  element,
  exam,
  mutant,
  numbered,
  itemOfOneQuery,
  one,
  response,
  wrap,
  blank,
  type Mutant,
} from './build.js'

/** The words that PostgreSQL reads as a boolean, as the view lists them. */
const correctnessWords = 't|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0'

export const elementMutants: readonly Mutant[] = [
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
      "case when 'true' in (e.element ->> 'is_correct', e.element ->> 'correct') then 'true' " +
        "else coalesce(e.element ->> 'is_correct', e.element ->> 'correct', 'false') end as correct",
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
  ...correctnessWords.split('|').map((word) =>
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
      'then f.question::bigint end\n    end as item',
      "then f.question::bigint end when f.question ~ '^[0-9]{1,9}[.]0+$' then f.question::numeric::bigint end as item",
    ),
  ),
  mutant(
    'question ids as numbers',
    'golden:item_id',
    one(
      itemOfOneQuery,
      "case when length(f.question) < 400 and f.question ~ '^[+-]?[0-9]+$' " +
        'then f.question::double precision::numeric::bigint end as item',
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
      "case when jsonb_typeof(result_json -> 'questions') = 'object' " +
        "then jsonb_build_array(result_json -> 'questions') else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'an object as a list of its values',
    'golden:questions_not_array',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json -> 'questions') = 'object' " +
        "then jsonb_path_query_array(result_json, '$.questions.*') else result_json -> 'questions' end",
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
      "case when result_json ->> 'questions' = '[]' " +
        "then '[{\"question_id\": 1}]'::jsonb else result_json -> 'questions' end",
    ),
  ),
  mutant(
    'lists of lists',
    'golden:item_id_missing',
    exam(
      "(result_json -> 'questions'::text)",
      "case when jsonb_typeof(result_json -> 'questions') = 'array' " +
        "then jsonb_path_query_array(result_json, '$.questions[*][*]') else result_json -> 'questions' end",
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
        "from exam_results r where (case when jsonb_typeof(r.result_json) = 'object' " +
          `then r.result_json ->> ${condition} end) is not true`,
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
      "(jsonb_typeof(questions) = 'array' and " +
        "jsonb_array_length(case when jsonb_typeof(questions) = 'array' then questions else '[]' end) <= 500)",
    ),
  ),
  mutant('the first question left out', 'golden:', element('FROM element\n', 'from element where "position" > 1\n')),
  mutant('duplicates in an exam dropped', 'golden:id_repeats', wrap('', `distinct on (session_id, item_id) ${all}`)),
  mutant(
    'equal answers once',
    'golden:',
    numbered(
      'FROM attempt_response',
      'from (select distinct id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, ' +
        'started_at, session_id, topic_id, exam_result_id, 1 as "position", answered ' +
        'from attempt_response) attempt_response',
    ),
  ),
]
