/** Golden rows of `attempt_no`: what is counted, and in which order. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const attemptNoCases: readonly GoldenCase[] = [
  {
    property: 'attempt_no_order',
    why: 'attempt_no ascends by completed_at, whatever the exam id, the order of insertion or created_at',
    exams: [
      { id: 'a0000000-0000-4000-8000-000000000009', session_id: 'attempt_no_order 1', user_id: 'attempt_no_order student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-04T00:00:00Z', updated_at: '2026-02-01T00:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000003', session_id: 'attempt_no_order 2', user_id: 'attempt_no_order student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-02T00:00:00Z', updated_at: '2026-02-03T00:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000007', session_id: 'attempt_no_order 3', user_id: 'attempt_no_order student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-03T00:00:00Z', updated_at: '2026-02-02T00:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000005', session_id: 'attempt_no_order 4', user_id: 'attempt_no_order student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-02-04T00:00:00Z', updated_at: null },
      { id: 'a0000000-0000-4000-8000-00000000000f', session_id: 'attempt_no_order 5', user_id: 'attempt_no_order student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-09T00:00:00Z', updated_at: '2026-02-02T00:00:00.000001Z' },
    ],
    rows: [
      ['8476201619327201749', 'a0e5b3bb-8e63-e752-dbc3-b9f530e0c68a', '1', 'true', '0', 'false', '2026-02-01T00:00:00.000000Z', '2026-02-01T00:00:00.000000Z', '1', 'attempt_no_order 1', null],
      ['-300091205151503000', 'a0e5b3bb-8e63-e752-dbc3-b9f530e0c68a', '1', 'true', '0', 'false', '2026-02-02T00:00:00.000000Z', '2026-02-02T00:00:00.000000Z', '2', 'attempt_no_order 3', null],
      ['-4935141702589793964', 'a0e5b3bb-8e63-e752-dbc3-b9f530e0c68a', '1', 'true', '0', 'false', '2026-02-02T00:00:00.000001Z', '2026-02-02T00:00:00.000001Z', '3', 'attempt_no_order 5', null],
      ['-6356235666848216945', 'a0e5b3bb-8e63-e752-dbc3-b9f530e0c68a', '1', 'true', '0', 'false', '2026-02-03T00:00:00.000000Z', '2026-02-03T00:00:00.000000Z', '4', 'attempt_no_order 2', null],
      ['5144068734868793544', 'a0e5b3bb-8e63-e752-dbc3-b9f530e0c68a', '1', 'true', '0', 'false', '2026-02-04T00:00:00.000000Z', '2026-02-04T00:00:00.000000Z', '5', 'attempt_no_order 4', null],
    ],
  },
  {
    property: 'attempt_no_not_by_start',
    why: 'attempt_no is ordered by completed_at, not by started_at',
    exams: [
      { id: 'a0000000-0000-4000-8000-000000000011', session_id: 'attempt_no_not_by_start 1', user_id: 'attempt_no_not_by_start student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": 10}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-02-01T10:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000010', session_id: 'attempt_no_not_by_start 2', user_id: 'attempt_no_not_by_start student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": 3600}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-02-01T10:01:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000012', session_id: 'attempt_no_not_by_start 3', user_id: 'attempt_no_not_by_start student', result_json: '{"questions": [{"question_id": 1, "is_correct": false, "time_spent_sec": -90000}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-02-01T09:00:00Z' },
    ],
    rows: [
      ['5383222319224069957', 'c054816f-35bc-3f07-53a8-82f6935b4faa', '1', 'false', '-90000000', 'false', '2026-02-01T09:00:00.000000Z', '2026-02-02T10:00:00.000000Z', '1', 'attempt_no_not_by_start 3', null],
      ['-6395409659219457214', 'c054816f-35bc-3f07-53a8-82f6935b4faa', '1', 'true', '10000', 'false', '2026-02-01T10:00:00.000000Z', '2026-02-01T09:59:50.000000Z', '2', 'attempt_no_not_by_start 1', null],
      ['-1112521475310651158', 'c054816f-35bc-3f07-53a8-82f6935b4faa', '1', 'true', '3600000', 'false', '2026-02-01T10:01:00.000000Z', '2026-02-01T09:01:00.000000Z', '3', 'attempt_no_not_by_start 2', null],
    ],
  },
  {
    property: 'attempt_no_ties',
    why: 'equal times are ordered by exam result id, then by place in the array',
    exams: [
      { id: 'a0000000-0000-4000-8000-000000000023', session_id: 'tie a', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "topic": "3a"}, {"question_id": 1, "is_correct": false, "topic": "3b"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000021', session_id: 'tie z', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 1, "is_correct": false, "topic": "1b", "time_spent_sec": 1}, {"question_id": 2, "is_correct": true}, {"question_id": 1, "is_correct": true, "topic": "1a", "time_spent_sec": 9}, {"question_id": 1, "is_correct": false, "topic": "1c", "time_spent_sec": 5}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: 'a0000000-0000-4000-8000-000000000022', session_id: 'tie m', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 2, "is_correct": false, "topic": "2"}, {"question_id": 1, "is_correct": true, "topic": "2"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: 'a0000000-0000-4000-8000-0000000000a4', session_id: 'tie 0', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: 'ffffffff-ffff-4fff-bfff-ffffffffffff', session_id: 'tie 1', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '0fffffff-ffff-4fff-bfff-fffffffffffe', session_id: 'tie x', user_id: 'attempt_no_ties student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-4268480907892948772', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'tie x', null],
      ['5824077075952330722', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'false', '1000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '2', 'tie z', '1b'],
      ['5521557037029598740', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '2', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'tie z', null],
      ['5824077075952330722', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '9000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:51.000000Z', '3', 'tie z', '1a'],
      ['5824077075952330722', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'false', '5000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:55.000000Z', '4', 'tie z', '1c'],
      ['-2101914393654761411', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '2', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'tie m', '2'],
      ['1206689340174171897', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '5', 'tie m', '2'],
      ['135883514818894140', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '6', 'tie a', '3a'],
      ['135883514818894140', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'false', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '7', 'tie a', '3b'],
      ['-9096161250332921384', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '8', 'tie 0', null],
      ['2024114330207452503', '0326b5c0-f049-2620-1bec-3129c1ea62e4', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '9', 'tie 1', null],
    ],
  },
  {
    property: 'attempt_no_position',
    why: 'places in the array are ordered as numbers: the tenth comes after the ninth',
    exams: [
      { id: '90000000-0000-4000-8000-000000000092', session_id: 'attempt_no_position 1', user_id: 'attempt_no_position student', result_json: '{"questions": [{"question_id": "+1", "is_correct": true, "topic": "place 1"}, {"question_id": "1", "is_correct": true, "topic": "place 2"}, {"question_id": "+1", "is_correct": true, "topic": "place 3"}, {"question_id": "1", "is_correct": true, "topic": "place 4"}, {"question_id": "+1", "is_correct": true, "topic": "place 5"}, {"question_id": "1", "is_correct": true, "topic": "place 6"}, {"question_id": "+1", "is_correct": true, "topic": "place 7"}, {"question_id": "1", "is_correct": true, "topic": "place 8"}, {"question_id": "+1", "is_correct": true, "topic": "place 9"}, {"question_id": "1", "is_correct": true, "topic": "place 10"}, {"question_id": "+1", "is_correct": true, "topic": "place 11"}, {"question_id": "1", "is_correct": true, "topic": "place 12"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'attempt_no_position 1', 'place 1'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '2', 'attempt_no_position 1', 'place 2'],
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '3', 'attempt_no_position 1', 'place 3'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '4', 'attempt_no_position 1', 'place 4'],
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '5', 'attempt_no_position 1', 'place 5'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '6', 'attempt_no_position 1', 'place 6'],
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '7', 'attempt_no_position 1', 'place 7'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '8', 'attempt_no_position 1', 'place 8'],
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '9', 'attempt_no_position 1', 'place 9'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '10', 'attempt_no_position 1', 'place 10'],
      ['4617786840607718035', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '11', 'attempt_no_position 1', 'place 11'],
      ['2271754256300024067', 'b99adf95-637b-799f-1827-f136167e7308', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '12', 'attempt_no_position 1', 'place 12'],
    ],
  },
  {
    property: 'attempt_no_partition',
    why: 'attempt_no counts each student and item separately',
    exams: [
      { id: '90000000-0000-4000-8000-000000000093', session_id: 'attempt_no_partition 1', user_id: 'part a', result_json: '{"questions": [{"question_id": 1}, {"question_id": 2}, {"question_id": "01"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-01T00:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000094', session_id: 'attempt_no_partition 2', user_id: 'part b', result_json: '{"questions": [{"question_id": 1}, {"question_id": 2}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-02T00:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000095', session_id: 'attempt_no_partition 3', user_id: 'part a', exam_id: 5, result_json: '{"questions": [{"question_id": 2, "topic": "x"}, {"question_id": 1, "topic": "y"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-03T00:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000096', session_id: 'attempt_no_partition 4', user_id: 'part b', exam_id: 6, result_json: '{"questions": [{"question_id": 3}, {"question_id": 1}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-04T00:00:00Z' },
    ],
    rows: [
      ['2253676507663524844', 'a0e2ba21-0887-7a6e-d27f-6c24b7d05bbe', '1', 'false', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '1', 'attempt_no_partition 1', null],
      ['147257802421097660', 'a0e2ba21-0887-7a6e-d27f-6c24b7d05bbe', '2', 'false', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '1', 'attempt_no_partition 1', null],
      ['6543048877288540230', 'a0e2ba21-0887-7a6e-d27f-6c24b7d05bbe', '1', 'false', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '2', 'attempt_no_partition 1', null],
      ['8193049835816677421', 'b2fa1b25-e493-06f5-8f86-0e932473b7e2', '1', 'false', '0', 'false', '2026-04-02T00:00:00.000000Z', '2026-04-02T00:00:00.000000Z', '1', 'attempt_no_partition 2', null],
      ['-7729912905986096631', 'b2fa1b25-e493-06f5-8f86-0e932473b7e2', '2', 'false', '0', 'false', '2026-04-02T00:00:00.000000Z', '2026-04-02T00:00:00.000000Z', '1', 'attempt_no_partition 2', null],
      ['-8256443753877858642', 'a0e2ba21-0887-7a6e-d27f-6c24b7d05bbe', '2', 'false', '0', 'false', '2026-04-03T00:00:00.000000Z', '2026-04-03T00:00:00.000000Z', '2', 'attempt_no_partition 3', 'x'],
      ['3272584673917865329', 'a0e2ba21-0887-7a6e-d27f-6c24b7d05bbe', '1', 'false', '0', 'false', '2026-04-03T00:00:00.000000Z', '2026-04-03T00:00:00.000000Z', '3', 'attempt_no_partition 3', 'y'],
      ['-6933639664235622730', 'b2fa1b25-e493-06f5-8f86-0e932473b7e2', '3', 'false', '0', 'false', '2026-04-04T00:00:00.000000Z', '2026-04-04T00:00:00.000000Z', '1', 'attempt_no_partition 4', null],
      ['2936048151594294416', 'b2fa1b25-e493-06f5-8f86-0e932473b7e2', '1', 'false', '0', 'false', '2026-04-04T00:00:00.000000Z', '2026-04-04T00:00:00.000000Z', '2', 'attempt_no_partition 4', null],
    ],
  },
  {
    property: 'attempt_no_same_student',
    why: 'two user_ids that give one student_id are one student',
    exams: [
      { id: '90000000-0000-4000-8000-000000000097', session_id: 'attempt_no_same_student 1', user_id: 'ABCDEF01-2345-6789-ABCD-EF0123456789', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-01T00:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000098', session_id: 'attempt_no_same_student 2', user_id: 'abcdef01-2345-6789-abcd-ef0123456789', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-02T00:00:00Z' },
      { id: '90000000-0000-4000-8000-000000000099', session_id: 'attempt_no_same_student 3', user_id: 'abcd-ef0123456789-abcdef01-2345-6789', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-03T00:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000009a', session_id: 'attempt_no_same_student 4', user_id: 'AbCdEf012345-6789-abcd-ef01-23456789', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-31T00:00:00Z' },
    ],
    rows: [
      ['-5767425259844292069', 'abcdef01-2345-6789-abcd-ef0123456789', '1', 'true', '0', 'false', '2026-03-31T00:00:00.000000Z', '2026-03-31T00:00:00.000000Z', '1', 'attempt_no_same_student 4', null],
      ['-6407444875675582425', 'abcdef01-2345-6789-abcd-ef0123456789', '1', 'true', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '2', 'attempt_no_same_student 1', null],
      ['3048701230237381226', 'abcdef01-2345-6789-abcd-ef0123456789', '1', 'true', '0', 'false', '2026-04-02T00:00:00.000000Z', '2026-04-02T00:00:00.000000Z', '3', 'attempt_no_same_student 2', null],
      ['6915568988569494483', 'abcdef01-2345-6789-abcd-ef0123456789', '1', 'true', '0', 'false', '2026-04-03T00:00:00.000000Z', '2026-04-03T00:00:00.000000Z', '4', 'attempt_no_same_student 3', null],
    ],
  },
  {
    property: 'attempt_no_skips_excluded',
    why: 'an element that is left out takes no attempt_no',
    exams: [
      { id: '90000000-0000-4000-8000-00000000009b', session_id: 'attempt_no_skips_excluded 1', user_id: 'attempt_no_skips_excluded student', result_json: '{"questions": [{"question_id": 1, "is_correct": "maybe"}, {"question_id": 1}, {"question_id": "1.0"}, {"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-04-01T00:00:00Z' },
      { id: '90000000-0000-4000-8000-00000000009c', session_id: 'attempt_no_skips_excluded 2', user_id: 'attempt_no_skips_excluded student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: 'infinity' },
      { id: '90000000-0000-4000-8000-00000000009d', session_id: 'attempt_no_skips_excluded 3', user_id: 'attempt_no_skips_excluded student', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-05-01T00:00:00Z' },
    ],
    rows: [
      ['7348217093706698629', '51768abc-6bb7-2191-6b24-aaa3eb72168b', '1', 'false', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '1', 'attempt_no_skips_excluded 1', null],
      ['7348217093706698629', '51768abc-6bb7-2191-6b24-aaa3eb72168b', '1', 'true', '0', 'false', '2026-04-01T00:00:00.000000Z', '2026-04-01T00:00:00.000000Z', '2', 'attempt_no_skips_excluded 1', null],
      ['-7857112160867880456', '51768abc-6bb7-2191-6b24-aaa3eb72168b', '1', 'true', '0', 'false', '2026-05-01T00:00:00.000000Z', '2026-05-01T00:00:00.000000Z', '3', 'attempt_no_skips_excluded 3', null],
    ],
  },
]
