/** Golden rows of `item_id`: the question id as a 64-bit integer. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const itemIdCases: readonly GoldenCase[] = [
  {
    property: 'item_id',
    why: 'item_id is question_id as a signed 64-bit integer',
    exams: [
      { id: '90000000-0000-4000-8000-000000000035', session_id: 'item_id 1', user_id: 'item_id student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}, {"question_id": 0, "is_correct": true}, {"question_id": -1, "is_correct": true}, {"question_id": 9223372036854775807, "is_correct": true}, {"question_id": -9223372036854775808, "is_correct": true}, {"question_id": "9223372036854775807", "is_correct": true}, {"question_id": "0000000000000000000000000000000000012", "is_correct": true}, {"question_id": "+13", "is_correct": true}, {"question_id": " 14 ", "is_correct": true}, {"question_id": 1e3, "is_correct": true}, {"question_id": 15e1, "is_correct": true}, {"question_id": 2147483648, "is_correct": true}, {"question_id": -2147483649, "is_correct": true}, {"question_id": 4294967296, "is_correct": true}, {"question_id": "-9223372036854775808", "is_correct": true}, {"question_id": 9007199254740993, "is_correct": true}, {"question_id": 999999999999999999, "is_correct": true}, {"question_id": 1000000000000000000, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['1017833126379673031', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-3127299253659622145', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '0', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['4464588406292165891', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '-1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-3801992454385818667', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '9223372036854775807', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['174054432496796902', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '-9223372036854775808', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-3801992454385818667', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '9223372036854775807', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'item_id 1', null],
      ['-2853143511906686720', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '12', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['185620507024183835', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '13', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-5717169347727085897', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-847148012306811001', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '1000', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['-8519960943279347283', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '150', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['6632291741946481771', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '2147483648', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['4416254890968797008', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '-2147483649', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['4046472347308546387', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '4294967296', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['174054432496796902', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '-9223372036854775808', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'item_id 1', null],
      ['-8984554771984430727', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '9007199254740993', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['5104102455278663926', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '999999999999999999', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
      ['8616359056980628607', 'f42c2f8c-c99c-74b0-d9df-b9f71f6830ff', '1000000000000000000', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id 1', null],
    ],
  },
  {
    property: 'item_id_invalid',
    why: 'an element whose question_id is not a 64-bit integer is left out',
    exams: [
      { id: '90000000-0000-4000-8000-000000000036', session_id: 'item_id_invalid 1', user_id: 'item_id_invalid student', result_json: '{"questions": [{"question_id": "Q7", "is_correct": true}, {"question_id": 9223372036854775808, "is_correct": true}, {"question_id": -9223372036854775809, "is_correct": true}, {"question_id": 1.0, "is_correct": true}, {"question_id": 1.5, "is_correct": true}, {"question_id": "1.0", "is_correct": true}, {"question_id": "1e3", "is_correct": true}, {"question_id": "0x10", "is_correct": true}, {"question_id": "0b1", "is_correct": true}, {"question_id": "0o7", "is_correct": true}, {"question_id": "1_000", "is_correct": true}, {"question_id": "1 0", "is_correct": true}, {"question_id": "+ 1", "is_correct": true}, {"question_id": "--1", "is_correct": true}, {"question_id": "+", "is_correct": true}, {"question_id": "-", "is_correct": true}, {"question_id": " ", "is_correct": true}, {"question_id": "\\u00a01", "is_correct": true}, {"question_id": "１", "is_correct": true}, {"question_id": "٣", "is_correct": true}, {"question_id": true, "is_correct": true}, {"question_id": {}, "is_correct": true}, {"question_id": [], "is_correct": true}, {"question_id": [1], "is_correct": true}, {"question_id": {"a": 1}, "is_correct": true}, {"question_id": 1e30, "is_correct": true}, {"question_id": 1e-2, "is_correct": true}, {"question_id": "99999999999999999999999999999999999999", "is_correct": true}, {"question_id": "NaN", "is_correct": true}, {"question_id": "1;", "is_correct": true}, {"question_id": "1\\n2", "is_correct": true}, {"question_id": 77, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['2853582897593865629', '632adfb6-c404-7544-583e-579bca8180d2', '77', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id_invalid 1', null],
    ],
  },
  {
    property: 'item_id_missing',
    why: 'an element without a question_id is left out; the other elements of the exam stay',
    exams: [
      { id: '90000000-0000-4000-8000-000000000037', session_id: 'item_id_missing 1', user_id: 'item_id_missing student', result_json: '{"questions": [{"is_correct": true}, {"question_id": null, "is_correct": true}, {"question_id": "", "is_correct": true}, 1, "7", null, true, [], [7], {}, [{"question_id": 1}], {"question_id": 3, "is_correct": true}, {"Question_id": 4}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['9194513197024676479', '76376a99-8330-f905-d9be-f4cd234a4c99', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'item_id_missing 1', null],
    ],
  },
]
