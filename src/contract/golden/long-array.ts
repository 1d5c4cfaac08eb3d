/** Golden rows of an exam with the same question 1,100 times: an array or a number has no hidden limit. */
import { answer, element, generatedCase, questions, seededRandom } from './generated/generated-case.js'
import type { GoldenCase } from './types.js'

const length = 1100

export function longArray(): GoldenCase {
  const random = seededRandom(1100)
  const elements = Array.from({ length }, (_, at) => element({ question_id: '1', ...answer(random, at) }))
  return generatedCase('long_array', 'every element of a long array is an attempt, in its order', [
    {
      id: '90000000-0000-4000-8000-00000000ffff',
      session_id: 'long_array 1',
      user_id: 'long_array student',
      result_json: questions(elements),
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-03-02T10:00:00Z',
    },
  ])
}
