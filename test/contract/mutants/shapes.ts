/** Other columns, another kind of relation, another source. */
import { all, exam, mutant, remake, sql, type Mutant } from './build.js'

export const shapeMutants: readonly Mutant[] = [
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
]
