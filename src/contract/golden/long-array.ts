/** Golden rows of an exam with the same question 1,100 times: an array or a number has no hidden limit. */
import type { GoldenCase } from './types.js'

const length = 1100

export const longArray: GoldenCase = {
  property: 'long_array',
  why: 'every element of a long array is an attempt, in its order',
  exams: [
    {
      id: '90000000-0000-4000-8000-00000000ffff',
      session_id: 'long_array 1',
      user_id: 'long_array student',
      result_json: JSON.stringify({
        questions: Array.from({ length }, (_, at) => ({
          question_id: 1,
          is_correct: true,
          time_spent_sec: at,
        })),
      }),
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-03-02T10:00:00Z',
    },
  ],
  rows: Array.from({ length }, (_, at) => [
    '5331885031515094749',
    'e88b216c-b8b2-ca2e-8807-8529cceed070',
    '1',
    'true',
    String(at * 1000),
    'false',
    '2026-03-02T10:00:00.000000Z',
    new Date(Date.UTC(2026, 2, 2, 10) - at * 1000).toISOString().replace('Z', '000Z'),
    String(at + 1),
    'long_array 1',
    null,
  ]),
  // no setting changes its length
  runsOnce: true,
}
