/** Rows left out, added or limited: by value, by time, by session, by chance. */
import { all, exam, mutant, wrap, type Mutant } from './build.js'

export const filterMutants: readonly Mutant[] = [
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
  mutant('a filter on a column that the contract does not know', 'golden:', (chain) => [
    'alter table exam_results add archived boolean not null default false',
    ...exam('FROM exam_results r', 'from exam_results r where not r.archived')(chain),
  ]),
]
