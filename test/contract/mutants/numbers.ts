/** Which: order and partition of `attempt_no`. */
import { all, element, mutant, numbered, numbering, one, order, wrap, type Mutant } from './build.js'

export const numberMutants: readonly Mutant[] = [
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
      '(row_number() over (partition by student_id, item_id order by completed_at, exam_result_id, position) + ' +
        '(select count(*) from attempt_element x where x.exam_result_id = attempt_response.exam_result_id ' +
        'and x.correct is null and x.item_id = attempt_response.item_id ' +
        'and x."position" < attempt_response."position"))::integer',
    ),
  ),
  mutant('a hundred attempts at most', 'golden:long_array', wrap('where attempt_no <= 100')),
  mutant(
    'attempts counted up to 99',
    'golden:long_array',
    wrap('', all.replace('attempt_no', 'least(attempt_no, 99) as attempt_no')),
  ),
]
