/** Golden rows: how long a text, and how large an exponent, may be. */
import type { GoldenCase } from './types.js'

// one row per line
// prettier-ignore
export const textLimitCases: readonly GoldenCase[] = [
  {
    property: 'long_texts',
    why: 'texts have no limit except the 1,000 characters of a time',
    exams: [
      { id: '90000000-0000-4000-8000-0000000000f2', session_id: 'long_texts 1', user_id: 'long_texts student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "topic": "' + 'x'.repeat(10000) + 'y"}, {"question_id": 2, "is_correct": true, "time_spent_sec": "' + ' '.repeat(999) + '1"}, {"question_id": 3, "is_correct": true, "time_spent_sec": "' + ' '.repeat(1000) + '1"}, {"question_id": 4, "is_correct": true, "time_spent_sec": "1.' + '0'.repeat(997) + '5"}, {"question_id": 5, "is_correct": true, "time_spent_sec": "1.' + '0'.repeat(998) + '5"}, {"question_id": 6, "is_correct": true, "used_hints": "' + '0'.repeat(2000) + '1"}, {"question_id": "' + '0'.repeat(2000) + '7", "is_correct": true}, {"question_id": 8, "is_correct": "' + ' '.repeat(2000) + 'yes"}, {"question_id": 9, "is_correct": true, "time_spent_sec": "' + '0'.repeat(950) + '1.5"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
      { id: '90000000-0000-4000-8000-0000000000f3', session_id: 'long_texts 2', user_id: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy', result_json: '{"questions": [{"question_id": 1, "is_correct": true}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['5179127243573292709', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', 'x'.repeat(10000) + 'y'],
      ['427306665703287897', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '2', 'true', '1000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'long_texts 1', null],
      ['7682827586732238076', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '3', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', null],
      ['5527690696392652335', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '4', 'true', '1000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'long_texts 1', null],
      ['-7611469987771292849', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', null],
      ['-2151577551709407173', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '6', 'true', '0', 'true', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', null],
      ['-6979830149209415927', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '7', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', null],
      ['5891199301618217225', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '8', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 1', null],
      ['-7601753565547127216', '42d80eea-1794-2e7f-bacf-82d0250cb95b', '9', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:58.000000Z', '1', 'long_texts 1', null],
      ['-8178314905960340733', '64ac3ba0-7b59-94e4-6032-9ba118a30250', '1', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'long_texts 2', null],
    ],
  },
  {
    property: 'response_time_exponents',
    why: 'exponents from -999 to 999 are read; a time with a larger one is 0',
    exams: [
      { id: '90000000-0000-4000-8000-0000000000f4', session_id: 'response_time_exponents 1', user_id: 'response_time_exponents student', result_json: '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": "10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000e-100"}, {"question_id": 2, "is_correct": true, "time_spent_sec": "100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000005e-100"}, {"question_id": 3, "is_correct": true, "time_spent_sec": "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000025E100"}, {"question_id": 4, "is_correct": true, "time_spent_sec": "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000025E+00100"}, {"question_id": 5, "is_correct": true, "time_spent_sec": "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000025e+1000"}, {"question_id": 6, "is_correct": true, "time_spent_sec": "1' + '0'.repeat(900) + 'e-900"}, {"question_id": 7, "is_correct": true, "time_spent_sec": "1e-0003"}, {"question_id": 8, "is_correct": true, "time_spent_sec": "15e-1"}, {"question_id": 9, "is_correct": true, "time_spent_sec": ".15e1"}, {"question_id": 10, "is_correct": true, "time_spent_sec": "1.e1"}, {"question_id": 11, "is_correct": true, "time_spent_sec": "0e1000"}, {"question_id": 12, "is_correct": true, "time_spent_sec": "0e999"}, {"question_id": 13, "is_correct": true, "time_spent_sec": "1e999"}, {"question_id": 14, "is_correct": true, "time_spent_sec": "-1e-999"}]}', created_at: '2026-01-01T00:00:00Z', updated_at: '2026-03-02T10:00:00Z' },
    ],
    rows: [
      ['-4401861627364850966', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '1', 'true', '1000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'response_time_exponents 1', null],
      ['-5111902578027108538', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '2', 'true', '10000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:50.000000Z', '1', 'response_time_exponents 1', null],
      ['-6763202835206999198', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '3', 'true', '250', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['6945889708203478084', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '4', 'true', '250', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['-7656670221376653984', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '5', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['-3200893200955775593', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '6', 'true', '1000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:59.000000Z', '1', 'response_time_exponents 1', null],
      ['185884599156015910', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '7', 'true', '1', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['5008731324065310923', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '8', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:58.000000Z', '1', 'response_time_exponents 1', null],
      ['-5323373042877180421', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '9', 'true', '1500', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:58.000000Z', '1', 'response_time_exponents 1', null],
      ['3712509920064970748', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '10', 'true', '10000', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T09:59:50.000000Z', '1', 'response_time_exponents 1', null],
      ['-6298261105340376027', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '11', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['2314663880912808418', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '12', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['6169152756323982370', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '13', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
      ['1246766975731790186', '6f384331-d5ee-68de-bab4-3d5a3b78d1af', '14', 'true', '0', 'false', '2026-03-02T10:00:00.000000Z', '2026-03-02T10:00:00.000000Z', '1', 'response_time_exponents 1', null],
    ],
  },
]
