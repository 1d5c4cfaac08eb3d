/** Numbers that are counted over other rows, in other groups or in another order. */
import type { Candidate, Chain } from './types.js'
import { columns, withColumn } from './types.js'

const others = columns.filter((name) => !['attempt_no', 'student_id', 'item_id'].includes(name))
const window = /OVER \(PARTITION BY [^)]*\)/

export function numberingMutants(chain: Chain): Candidate[] {
  const numbered = chain['attempt_numbered'] ?? ''
  const over = (text: string): Candidate => ({
    name: text,
    statements: [`create or replace view attempt_numbered as ${numbered.replace(window, `over (${text})`)}`],
  })
  const keys = ['completed_at', 'exam_result_id', '"position"']
  const parts = ['student_id', 'item_id']
  const expressions = [
    ...others,
    'answered',
    'exam_result_id',
    'completed_at::date',
    'length(session_id)',
    "date_trunc('month', completed_at)",
  ]
  const order = (list: string[], partition = parts) =>
    over(`partition by ${partition.join(', ')} order by ${list.join(', ')}`)
  // rows that count although the view leaves them out: attempt_response without one of its conditions
  const response = chain['attempt_response'] ?? ''
  const kept: [string, string][] = [
    ['student_id is null', '(student_id IS NOT NULL)'],
    ['before year 2', "(completed_at >= '0002-01-01 00:00:00+00'::timestamp with time zone)"],
    ['after 9998', "(completed_at < '9999-01-01 00:00:00+00'::timestamp with time zone)"],
    ['no item', '(item_id IS NOT NULL)'],
    ['no correctness', '(correct IS NOT NULL)'],
  ]
  const plain = (text: string) => text.replace(/\battempt_element\./g, '')
  return [
    ...expressions.flatMap((expression) => [
      over(`partition by ${[...parts, expression].join(', ')} order by ${keys.join(', ')}`),
      ...keys.map((_, at) => order(keys.map((key, place) => (place === at ? expression : key)))),
      order([expression, ...keys]),
      order([...keys.slice(0, 1), expression, ...keys.slice(1)]),
      order([...keys.slice(0, 2), expression, ...keys.slice(2)]),
    ]),
    ...keys.flatMap((_, at) => [
      order(keys.filter((_key, place) => place !== at)),
      order(keys.map((key, place) => (place === at ? `${key} desc` : key))),
    ]),
    order(['exam_result_id::text collate "C" desc', 'position']),
    order(["date_trunc('second', completed_at)", ...keys.slice(1)]),
    order(["date_trunc('milliseconds', completed_at)", ...keys.slice(1)]),
    order(['completed_at', 'md5(exam_result_id::text)', 'position']),
    order(['completed_at', 'exam_result_id', 'position::text']),
    ...parts.map((_, at) =>
      order(
        keys,
        parts.filter((_part, place) => place !== at),
      ),
    ),
    ...kept.map(([name, condition]) => ({
      name: `counted: ${name}`,
      statements: [
        `create or replace view attempt_response as ${plain(response).replace(condition, '(true)')}`,
        `create or replace view attempt as select ${columns.join(', ')} from attempt_numbered
          where student_id is not null and item_id is not null and correct is not null
            and completed_at >= '0002-01-01 00:00:00+00' and completed_at < '9999-01-01 00:00:00+00'`,
      ],
    })),
    ...[10, 50, 99, 100, 127, 128, 140, 255, 500, 999, 1000, 1024].flatMap((limit) => [
      { name: `least ${limit}`, statements: [withColumn('attempt_no', `least(attempt_no, ${limit})`)] },
      { name: `mod ${limit}`, statements: [withColumn('attempt_no', `(attempt_no - 1) % ${limit} + 1`)] },
    ]),
    ...others.flatMap((name) => [
      {
        name: `restart ${name}`,
        statements: [
          withColumn('attempt_no', `case when attempt_no > 1 and ${name} is null then 1 else attempt_no end`),
        ],
      },
    ]),
  ]
}
