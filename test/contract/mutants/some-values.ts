/** Changes for some values only: each is noticed by the generated case that is named. */
import { all, element, exam, mutant, numbered, order, response, sql, wrap, type Mutant } from './build.js'

/** `attempt` with one column that is different under a condition. */
const where = (column: string, condition: string, other: string) =>
  wrap(
    '',
    all.replace(column, () => `case when ${condition} then ${other} else ${column} end as ${column}`),
  )
const leftOut = (condition: string) => wrap(`where (${condition}) is not true`)
const user = (condition: string, other: string) =>
  exam('md5(user_id)', `md5(case when ${condition} then ${other} else user_id end)`)
/** The text of a field that attempt_element reads. */
const field = (name: string, condition: (text: string) => string, other: (text: string) => string) => {
  const text = `(element ->> '${name}'::text)`
  return element(text, `(case when ${condition(text)} then ${other(text)} else ${text} end)`)
}

export const someValueMutants: readonly Mutant[] = [
  mutant('long topics cut', 'golden:text_lengths', where('topic_id', 'length(topic_id) > 255', 'left(topic_id, 255)')),
  mutant('a text of 58 letters', 'golden:text_lengths', user('length(user_id) = 58', 'lower(user_id)')),
  mutant('long sessions left out', 'golden:text_lengths', leftOut('octet_length(session_id) > 2700')),
  mutant('a prefix cut', 'golden:text_affixes', where('topic_id', "topic_id like '#%'", 'substr(topic_id, 2)')),
  mutant('a last letter', 'golden:text_affixes', user("user_id like '%ह'", 'upper(user_id)')),
  mutant('mail addresses', 'golden:text_forms', user("user_id ~ '^[^@]+@[^@]+$'", 'lower(user_id)')),
  mutant('digits as numbers', 'golden:text_forms', where('session_id', "session_id ~ '^0+$'", "'0'")),
  mutant('URLs left out', 'golden:text_forms', leftOut("topic_id like 'https://%'")),
  mutant(
    'JSON texts left out',
    'golden:text_forms',
    exam('FROM exam_results r', "from exam_results r where r.session_id !~ '^[{]'"),
  ),
  mutant(
    'doubled blanks',
    'golden:text_blanks',
    where('topic_id', "topic_id ~ '\\u2003'", "replace(topic_id, E'\\u2003', ' ')"),
  ),
  mutant('Cyrillic users', 'golden:text_scripts', user("user_id ~ '[\\u0400-\\u04ff]'", 'lower(user_id)')),
  mutant('composed letters', 'golden:text_scripts', where('topic_id', "topic_id ~ '\\u0301'", 'normalize(topic_id)')),
  mutant(
    'marks of direction',
    'golden:text_scripts',
    where('session_id', "session_id ~ '\\u200f'", "replace(session_id, E'\\u200f', '')"),
  ),
  mutant('control characters', 'golden:text_controls', where('topic_id', "topic_id ~ '[\\u0001-\\u0008]'", "'?'")),
  mutant('one topic left out', 'golden:text_words', leftOut("topic_id = 'calibration'")),
  mutant(
    'one user left out',
    'golden:text_words',
    exam('FROM exam_results r', "from exam_results r where r.user_id is distinct from 'proctor'"),
  ),
  mutant(
    'one status left out',
    'golden:text_words',
    exam('FROM exam_results r', "from exam_results r where r.status <> 'practice'"),
  ),
  mutant('items of 2^40', 'golden:item_numbers', leftOut('item_id between 1000000000000 and 1100000000000')),
  mutant(
    'questions with a tab',
    'golden:item_numbers',
    field(
      'question_id',
      (text) => `${text} ~ '^\\t'`,
      (text) => `btrim(${text}, E'\\t')`,
    ),
  ),
  mutant(
    'Russian answers',
    'golden:correctness_texts',
    field(
      'is_correct',
      (text) => `${text} = 'да'`,
      () => "'true'",
    ),
  ),
  mutant(
    'seconds with a unit',
    'golden:response_time_numbers',
    field(
      'time_spent_sec',
      (text) => `${text} like '%s'`,
      (text) => `rtrim(${text}, 's')`,
    ),
  ),
  mutant(
    'true hints',
    'golden:hint_numbers',
    field(
      'used_hints',
      (text) => `${text} = 'yes'`,
      () => "'1'",
    ),
  ),
  mutant('one week left out', 'golden:calendar', leftOut("extract(week from completed_at at time zone 'UTC') = 37")),
  mutant(
    'one second',
    'golden:calendar',
    where('started_at', 'extract(second from completed_at) = 53', "started_at + interval '1 second'"),
  ),
  mutant(
    'summer time',
    'golden:calendar',
    where(
      'completed_at',
      "completed_at at time zone 'UTC' between '2026-11-01 05:00' and '2026-11-01 06:59'",
      "completed_at - interval '1 hour'",
    ),
  ),
  mutant('years after 7000 left out', 'golden:calendar', leftOut("completed_at > '7000-01-01'")),
  mutant(
    'unanswered ones last',
    'golden:attempt_no_ties_worlds',
    numbered(order, 'order by completed_at, exam_result_id, answered, position'),
  ),
  mutant('times before year 2 are counted', 'golden:attempt_no_excluded', (chain) => [
    ...response(
      /\(completed_at >= [^)]*\)/,
      'true',
    )(chain).map((statement) =>
      statement.replace('(completed_at - ', '(case when isfinite(completed_at) then completed_at end - '),
    ),
    `create or replace view attempt as select ${all} from attempt_numbered
      where completed_at >= '0002-01-01 00:00:00+00'`,
  ]),
  mutant('140 attempts at most', 'golden:attempt_no_many', where('attempt_no', 'attempt_no > 140', '140')),
  mutant('another schema', 'source_schema', (chain) => [
    'create schema other',
    'create table other.exam_results (like exam_results)',
    ...exam('FROM exam_results r', 'from other.exam_results r')(chain),
  ]),
  mutant(
    'one organisation left out',
    'golden:',
    exam('FROM exam_results r', 'from exam_results r where r.org_id is distinct from 12345'),
  ),
  mutant('an unsupported zone', 'golden:text_words', (chain) => [
    ...sql(
      "create function zoned(value text) returns text language plpgsql as $$ begin if value ilike 'test%' then " +
        'raise feature_not_supported; end if; return value; end $$',
    )(),
    ...wrap('', all.replace('session_id', 'zoned(session_id) as session_id'))(chain),
  ]),
]
