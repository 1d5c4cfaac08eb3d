/** How long and when: rounding, ranges, texts of times; `used_hints`; `completed_at`. */
import { element, exam, mutant, one, response, started, wrap, type Mutant } from './build.js'

export const timeMutants: readonly Mutant[] = [
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
]
