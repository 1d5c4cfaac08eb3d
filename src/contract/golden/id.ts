/** Golden rows of `id`: the hash of exam result and question. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const idCases: readonly GoldenCase[] = [
  {
    property: 'id_hash',
    why: 'id is the first 16 hex digits of md5(exam result id, hyphen, question id), read as a signed 64-bit integer',
    exams: [
      { id: '00000000-0000-0000-0000-000000000001', session_id: 'id_hash 1', user_id: 'golden', result_json: '{"questions": [{"question_id": 7, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}, {"question_id": 8, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}, {"question_id": 17, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '00000000-0000-0000-0000-000000000011', session_id: 'id_hash 2', user_id: 'golden', result_json: '{"questions": [{"question_id": 7, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: 'abcdefab-cdef-abcd-efab-cdefabcdefab', session_id: 'id_hash 3', user_id: 'golden', result_json: '{"questions": [{"question_id": 21, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}, {"question_id": 22, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-6406716596609462968', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '7', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_hash 1', 'algebra'],
      ['6365920705177826150', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '8', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_hash 1', 'algebra'],
      ['-128360667760455053', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '17', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_hash 1', 'algebra'],
      ['3125409843177205924', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '7', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '2', 'id_hash 2', 'algebra'],
      ['-3097464216347334901', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '21', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_hash 3', 'algebra'],
      ['8901110978022244172', 'c773fdef-3889-bdad-be80-9f1e8aaeea46', '22', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_hash 3', 'algebra'],
    ],
  },
  {
    property: 'id_question_text',
    why: 'id hashes the text of question_id exactly as it is written',
    exams: [
      { id: '90000000-0000-4000-8000-000000000004', session_id: 'id_question_text 1', user_id: 'id_question_text student', result_json: '{"questions": [{"question_id": " 7", "is_correct": true}, {"question_id": "+7", "is_correct": true}, {"question_id": "007", "is_correct": true}, {"question_id": "7", "is_correct": true}, {"question_id": 7, "is_correct": true}, {"question_id": "7 ", "is_correct": true}, {"question_id": "\\t7\\n", "is_correct": true}, {"question_id": -7, "is_correct": true}, {"question_id": "-7", "is_correct": true}, {"question_id": 1e3, "is_correct": true}, {"question_id": "-007", "is_correct": true}, {"question_id": "\\u000b8\\f", "is_correct": true}, {"question_id": "-0", "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-7654828289067395873', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'id_question_text 1', null],
      ['-8721626530096940143', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'id_question_text 1', null],
      ['-4935079189135405272', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '3', 'id_question_text 1', null],
      ['-788491907223468177', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '4', 'id_question_text 1', null],
      ['-788491907223468177', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '5', 'id_question_text 1', null],
      ['-23874331632276231', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '6', 'id_question_text 1', null],
      ['-8543177921810353040', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '7', 'id_question_text 1', null],
      ['-6106002333285973581', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '-7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'id_question_text 1', null],
      ['-6106002333285973581', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '-7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'id_question_text 1', null],
      ['8550011554737940537', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '1000', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'id_question_text 1', null],
      ['5454700991847224663', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '-7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '3', 'id_question_text 1', null],
      ['-209377744409925164', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'id_question_text 1', null],
      ['-7212000358044475500', '0b446a99-12ea-8b38-6b68-22730e7b61ee', '0', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'id_question_text 1', null],
    ],
  },
  {
    property: 'id_repeats',
    why: 'the same question twice in one exam gives the same id twice',
    exams: [
      { id: '90000000-0000-4000-8000-000000000005', session_id: 'id_repeats 1', user_id: 'id_repeats student', result_json: '{"questions": [{"question_id": 5, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}, {"question_id": 5, "is_correct": false}, {"question_id": 5, "is_correct": true, "time_spent_sec": 12.3, "used_hints": 0, "topic": "algebra"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-1914975040454160815', '072a687b-dc26-e1d3-03a1-38e0d1ada524', '5', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '1', 'id_repeats 1', 'algebra'],
      ['-1914975040454160815', '072a687b-dc26-e1d3-03a1-38e0d1ada524', '5', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'id_repeats 1', null],
      ['-1914975040454160815', '072a687b-dc26-e1d3-03a1-38e0d1ada524', '5', 'true', '12300', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:48.000000Z', '3', 'id_repeats 1', 'algebra'],
    ],
  },
]
