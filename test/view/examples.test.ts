/**
 * Every rule of the contract as given JSON and literal rows. Each example is one exam of `alice` unless it gives more.
 * The views and the reference implementation must both give these rows.
 */
import t from 'tap'
import { createDatabase } from '../helpers/database.js'
import {
  type AnomalyRow,
  type AttemptRow,
  type Exam,
  expectedRows,
} from '../../src/contract/reference/expected-rows.js'
import { anomaliesOf, attemptsOf, difference, loadExams } from './rows.js'

const exam1 = '00000000-0000-0000-0000-000000000001'
const exam2 = '00000000-0000-0000-0000-000000000002'

const exam: Exam = {
  id: exam1,
  sessionId: 's1',
  userId: 'alice',
  resultJson: '{}',
  createdAt: '2026-01-05T09:00:00Z',
  updatedAt: '2026-01-05T10:00:00Z',
}

/** The row of `{"question_id": 7, "is_correct": true}` in that exam; examples write down what differs. */
const row: AttemptRow = {
  id: '-6406716596609462968',
  student_id: '6384e2b2-184b-cbf5-8ecc-f10ca7a6563c',
  item_id: '7',
  correct: 'true',
  response_time_ms: '0',
  hint_used: 'false',
  completed_at: '2026-01-05T10:00:00.000000Z',
  started_at: '2026-01-05T10:00:00.000000Z',
  attempt_no: '1',
  session_id: 's1',
  topic_id: null,
}

const anomaly = { exam_result_id: exam1, session_id: 's1', user_id: 'alice', position: '1', question_id: '7' }
const excluded = (field: string, value: string | null, reason: string, more: Partial<AnomalyRow> = {}): AnomalyRow => ({
  ...anomaly,
  field,
  value,
  reason,
  outcome: 'excluded',
  ...more,
})
const defaulted = (
  field: string,
  value: string | null,
  reason: string,
  more: Partial<AnomalyRow> = {},
): AnomalyRow => ({ ...anomaly, field, value, reason, outcome: 'defaulted', ...more })
const kept = (field: string, value: string | null, reason: string, more: Partial<AnomalyRow> = {}): AnomalyRow => ({
  ...anomaly,
  field,
  value,
  reason,
  outcome: 'kept',
  ...more,
})

interface Example {
  name: string
  exams: Exam[]
  attempts: AttemptRow[]
  anomalies: AnomalyRow[]
}
const examples: Example[] = []

/** An exam with these elements, and what it gives. */
function gives(
  name: string,
  elements: string,
  attempts: Partial<AttemptRow>[],
  anomalies: AnomalyRow[] = [],
  more: Partial<Exam> = {},
) {
  whole(name, [{ ...exam, resultJson: `{"questions":[${elements}]}`, ...more }], attempts, anomalies)
}

function whole(name: string, exams: Exam[], attempts: Partial<AttemptRow>[], anomalies: AnomalyRow[] = []) {
  examples.push({ name, exams, attempts: attempts.map((differs) => ({ ...row, ...differs })), anomalies })
}

const valid = '{"question_id":7,"is_correct":true}'
const answered = (fields: string) => `{"question_id":7,"is_correct":true,${fields}}`
const string = (text: string) => JSON.stringify(text)

// The columns
gives(
  'gives one row with all eleven columns',
  '{"question_id":7,"is_correct":true,"time_spent_sec":12.3,"used_hints":1,"topic":"algebra"}',
  [{ response_time_ms: '12300', hint_used: 'true', started_at: '2026-01-05T09:59:48.000000Z', topic_id: 'algebra' }],
)
for (const [user, student] of [
  ['golden', 'c773fdef-3889-bdad-be80-9f1e8aaeea46'],
  ['alice', '6384e2b2-184b-cbf5-8ecc-f10ca7a6563c'],
  ['ALICE', 'b6b81830-4a43-9f91-fc90-b3fe8dd35be8'],
  ['', 'd41d8cd9-8f00-b204-e980-0998ecf8427e'],
  ['é', '66ddcd97-cfde-abb2-f6fb-8a999b4bc76f'],
] as const)
  gives(`hashes the user ${string(user)} over its UTF-8 bytes`, valid, [{ student_id: student }], [], { userId: user })
for (const user of [
  '9B2E4F60-7C1D-4A3B-8E5F-0123456789AB',
  '9b2e-4f60-7c1d-4a3b-8e5f0123456789ab',
  '9b2e4f607c1d4a3b-8e5f-0123-4567-89ab',
]) {
  gives(`casts the user ${user}`, valid, [{ student_id: '9b2e4f60-7c1d-4a3b-8e5f-0123456789ab' }], [], { userId: user })
}
gives('hashes 36 hyphens like any text', valid, [{ student_id: '95cfe54e-4b88-9737-ca32-cdfe4f31a0d7' }], [], {
  userId: '-'.repeat(36),
})
for (const [user, student] of [
  ['9b2e4f60-7c1d-4a3b-8e5f-0123456789ag', '0d8b6be2-de01-e79c-6e03-5485a934c0bd'],
  ['9b2e4f60-7c1d-4a3b-8e5f-0123456789a-', 'e0fc791c-1828-7c41-2884-9ed65cb877a7'],
  ['9b2e4f60-7c1d-4a3b-8e5f-01234567-9ab', 'bac1d553-5f23-e68f-fcd4-ab8bf0252897'],
  ['9b2e4f6-07c1d-4a3b-8e5f-0123456789ab', '43ffad87-4ad6-e339-5bd9-845078fce021'],
  ['9b2e4f607c1d4a3b8e5f0123456789ab', '545e8755-c0b9-35a8-6338-ecd2113d3796'],
  ['{9b2e4f60-7c1d-4a3b-8e5f-0123456789ab}', 'a275912d-d6df-0d47-23a2-8d056e545c08'],
  [' 9b2e4f60-7c1d-4a3b-8e5f-0123456789ab', '24244d85-fee3-b314-93cc-eb2255207095'],
  ['9b2e4f60-7c1d-4a3b-8e5f-0123456789ab\n', 'bbe68ad9-d641-0107-3e47-e56a17948bc6'],
  ['ä'.repeat(36), 'f5edda81-57e0-c380-af7e-e5bd299f1f58'],
  [' alice', '21453199-9892-7e0c-e819-2c30af2cd203'],
] as const)
  gives(`hashes the user ${string(user)}, which is no UUID of 36 characters`, valid, [{ student_id: student }], [], {
    userId: user,
  })
gives('reads the older name correct', '{"question_id":7,"correct":true}', [{}])
gives('reads correct where is_correct is null', '{"question_id":7,"is_correct":null,"correct":true}', [{}])
gives('prefers is_correct', '{"question_id":7,"is_correct":false,"correct":true}', [{ correct: 'false' }])
gives('reads numbers as booleans', '{"question_id":7,"is_correct":1},{"question_id":8,"is_correct":0}', [
  {},
  { id: '6365920705177826150', item_id: '8', correct: 'false' },
])
gives('looks no further than is_correct', '{"question_id":7,"is_correct":false,"correct":"maybe"}', [
  { correct: 'false' },
])
for (const [time, ms, started] of [
  ['1.5', '1500', '09:59:58.000000'],
  ['2.5', '2500', '09:59:57.000000'],
  ['0.0005', '1', '10:00:00.000000'],
  ['0.4999', '500', '10:00:00.000000'],
  ['0.5', '500', '09:59:59.000000'],
  ['""', '0', '10:00:00.000000'],
  ['null', '0', '10:00:00.000000'],
  ['"5."', '5000', '09:59:55.000000'],
  ['".5"', '500', '09:59:59.000000'],
  ['" +1.5e1\\t"', '15000', '09:59:45.000000'],
  ['1e-400', '0', '10:00:00.000000'],
  ['"1e-999"', '0', '10:00:00.000000'],
  ['"1E2"', '100000', '09:58:20.000000'],
  ['"1e+2"', '100000', '09:58:20.000000'],
  ['"1e-0000999"', '0', '10:00:00.000000'],
  ['"0e999"', '0', '10:00:00.000000'],
  ['12.3456', '12346', '09:59:48.000000'],
  ['0.00049999999999999999999', '0', '10:00:00.000000'],
  ['"\\u000b7\\f\\r\\n "', '7000', '09:59:53.000000'],
  ['3600', '3600000', '09:00:00.000000'],
] as const)
  gives(`takes the time ${time}`, answered(`"time_spent_sec":${time}`), [
    { response_time_ms: ms, started_at: `2026-01-05T${started}Z` },
  ])
for (const [hints, used] of [
  ['0', 'false'],
  ['2', 'true'],
  ['-1', 'false'],
  ['"1"', 'true'],
  ['" +01 "', 'true'],
  ['null', 'false'],
  ['2147483647', 'true'],
  ['-2147483648', 'false'],
  ['1e1', 'true'],
] as const) {
  gives(`takes the hints ${hints}`, answered(`"used_hints":${hints}`), [{ hint_used: used }])
}
gives(
  'falls back on created_at',
  valid,
  [{ completed_at: '2026-01-05T09:00:00.000000Z', started_at: '2026-01-05T09:00:00.000000Z' }],
  [],
  { updatedAt: null },
)
gives(
  'keeps a microsecond',
  answered('"time_spent_sec":1.4'),
  [
    {
      response_time_ms: '1400',
      completed_at: '2026-01-05T10:00:00.000001Z',
      started_at: '2026-01-05T09:59:59.000001Z',
    },
  ],
  [],
  { updatedAt: '2026-01-05T10:00:00.000001Z' },
)
gives('does not ask created_at where updated_at is there', valid, [{}], [], { createdAt: '2027-01-05T09:00:00Z' })
for (const [topic, value] of [
  ['""', null],
  ['null', null],
  ['" "', ' '],
  ['5', '5'],
  ['{"b":1.0,"a":[]}', '{"a": [], "b": 1.0}'],
] as const) {
  gives(`takes the topic ${topic}`, answered(`"topic":${topic}`), [{ topic_id: value }])
}
const later = { ...exam, id: exam2, sessionId: 's2', resultJson: `{"questions":[${valid}]}` }
const secondRow = { id: '-2903306101359250671', session_id: 's2' }
whole(
  'numbers attempts by completion',
  [
    { ...later, updatedAt: '2026-01-05T09:59:59.999999Z' },
    { ...exam, resultJson: later.resultJson },
  ],
  [
    { attempt_no: '2' },
    {
      ...secondRow,
      attempt_no: '1',
      completed_at: '2026-01-05T09:59:59.999999Z',
      started_at: '2026-01-05T09:59:59.999999Z',
    },
  ],
)
whole(
  'numbers ties by exam result id',
  [later, { ...exam, resultJson: later.resultJson }],
  [{ attempt_no: '1' }, { ...secondRow, attempt_no: '2' }],
)
whole(
  'numbers each student apart',
  [
    { ...later, userId: 'ALICE' },
    { ...exam, resultJson: later.resultJson },
  ],
  [{}, { ...secondRow, student_id: 'b6b81830-4a43-9f91-fc90-b3fe8dd35be8' }],
)
gives('numbers each item apart', `${valid},{"question_id":8,"is_correct":true}`, [
  {},
  { id: '6365920705177826150', item_id: '8' },
])
gives(
  'numbers by the place in the array, as a number',
  Array.from({ length: 11 }, (_, at) => answered(`"topic":"${at + 1}"`)).join(),
  Array.from({ length: 11 }, (_, at) => ({ attempt_no: String(at + 1), topic_id: String(at + 1) })),
  Array.from({ length: 11 }, (_, at) => kept('question_id', '7', 'duplicate_in_exam', { position: String(at + 1) })),
)
gives(
  'gives no number to what is excluded',
  `{"question_id":7,"is_correct":"maybe"},${valid}`,
  [{}],
  [excluded('is_correct', 'maybe', 'correctness_invalid')],
)
whole(
  'numbers two user ids of one student together',
  [
    { ...exam, resultJson: later.resultJson, userId: '9b2e4f60-7c1d-4a3b-8e5f-0123456789ab' },
    { ...later, userId: '9B2E-4F60-7C1D-4A3B-8E5F0123456789AB' },
  ],
  [
    { student_id: '9b2e4f60-7c1d-4a3b-8e5f-0123456789ab' },
    { ...secondRow, student_id: '9b2e4f60-7c1d-4a3b-8e5f-0123456789ab', attempt_no: '2' },
  ],
)
whole(
  'counts a duplicate within one exam only',
  [{ ...exam, resultJson: later.resultJson }, later],
  [{}, { ...secondRow, attempt_no: '2' }],
)
whole(
  'keeps the session as it is',
  [{ ...exam, resultJson: later.resultJson, sessionId: ' S 1\n' }],
  [{ session_id: ' S 1\n' }],
)

// Texts: integers
for (const [question, item, id] of [
  ['" 7\\t"', '7', '905008906153948160'],
  ['"\\u000b7\\f"', '7', '7385202541324141433'],
  ['"+007"', '7', '8182531950726076929'],
  ['-7', '-7', '-8121243142456462665'],
  ['1e3', '1000', '5506125145910454124'],
  ['9223372036854775807', '9223372036854775807', '8180389621721393809'],
  ['-9223372036854775808', '-9223372036854775808', '918423207694001502'],
  ['"-0"', '0', '-5521861695932830356'],
  ['-0', '0', '2549846422664496928'],
  ['"-007"', '-7', '5315892717027477611'],
  [string(`${'0'.repeat(60)}7`), '7', '-842419933036737194'],
] as const)
  gives(`takes the question_id ${question}`, `{"question_id":${question},"is_correct":true}`, [{ id, item_id: item }])
for (const text of [
  'Q7',
  '7.0',
  '7.',
  '++7',
  '- 7',
  '7\v7',
  '１２',
  '0X10',
  '0x10',
  '0b11',
  '0o17',
  '1_000',
  '7 7',
  ' ',
  '\u00a07',
  '9223372036854775808',
  '-9223372036854775809',
  '٣',
  '1e3',
  '+',
]) {
  gives(
    `excludes the question_id ${string(text)}`,
    `{"question_id":${string(text)},"is_correct":true}`,
    [],
    [excluded('question_id', text, 'question_id_invalid', { question_id: text })],
  )
}
gives(
  'excludes the JSON number 1.0 as question_id',
  '{"question_id":1.0,"is_correct":true}',
  [],
  [excluded('question_id', '1.0', 'question_id_invalid', { question_id: '1.0' })],
)
gives(
  'excludes a question_id that is a boolean',
  '{"question_id":true,"is_correct":true}',
  [],
  [excluded('question_id', 'true', 'question_id_invalid', { question_id: 'true' })],
)
gives(
  'excludes a nested question_id',
  '{"question_id":{"b":1,"a":2},"is_correct":true}',
  [],
  [excluded('question_id', '{"a": 2, "b": 1}', 'question_id_invalid', { question_id: '{"a": 2, "b": 1}' })],
)

// Texts: booleans
for (const text of [
  'true',
  't',
  'tr',
  'tru',
  'TRUE',
  'tRuE',
  'T',
  'y',
  'ye',
  'yes',
  'Yes',
  'on',
  'ON',
  '1',
  ' \t\n\v\f\rtrue ',
])
  gives(`reads ${string(text)} as true`, `{"question_id":7,"is_correct":${string(text)}}`, [{}])
for (const text of ['false', 'f', 'fa', 'fal', 'fals', 'FALSE', 'n', 'no', 'No', 'of', 'oF', 'off', '0', ' f ']) {
  gives(`reads ${string(text)} as false`, `{"question_id":7,"is_correct":${string(text)}}`, [{ correct: 'false' }])
}
for (const text of ['maybe', 'o', '', ' ', '2', '-1', '01', '1.0', 'truex', 't rue', 'null', '\u00a0true', 'yeſ']) {
  gives(
    `excludes is_correct ${string(text)}`,
    `{"question_id":7,"is_correct":${string(text)},"correct":true}`,
    [],
    [excluded('is_correct', text, 'correctness_invalid')],
  )
}
gives(
  'excludes an older correct that is none',
  '{"question_id":7,"correct":"maybe"}',
  [],
  [excluded('correct', 'maybe', 'correctness_invalid')],
)
gives(
  'names correct where is_correct is null',
  '{"question_id":7,"is_correct":null,"correct":""}',
  [],
  [excluded('correct', '', 'correctness_invalid')],
)
gives(
  'excludes a nested correctness',
  '{"question_id":7,"is_correct":[true]}',
  [],
  [excluded('is_correct', '[true]', 'correctness_invalid')],
)

// The anomalies
for (const [questions, value] of [
  ['{}', '{}'],
  ['"none"', 'none'],
  ['7', '7'],
  ['false', 'false'],
  ['{"bb":1,"a":null}', '{"a": null, "bb": 1}'],
] as const) {
  whole(
    `excludes an exam whose questions are ${questions}`,
    [{ ...exam, resultJson: `{"questions":${questions}}` }],
    [],
    [excluded('questions', value, 'questions_not_array', { position: null, question_id: null })],
  )
}
for (const result of [
  '{}',
  '{"questions":null}',
  '{"questions":[]}',
  '[]',
  '"questions"',
  '7',
  'null',
  `[{"questions":[${valid}]}]`,
]) {
  whole(
    `finds no questions in ${result}, and nothing odd`,
    [{ ...exam, resultJson: result, userId: null, updatedAt: 'infinity' }],
    [],
  )
}
for (const [element, id] of [
  ['{"is_correct":true}', null],
  ['{"question_id":null}', null],
  ['{"question_id":""}', ''],
  ['7', null],
  ['null', null],
  ['["question_id"]', null],
  ['"question_id"', null],
] as const) {
  gives(
    `excludes ${element} for want of a question_id`,
    element,
    [],
    [excluded('question_id', id, 'question_id_missing', { question_id: id })],
  )
}
gives('excludes the answers of no user', valid, [], [excluded('user_id', null, 'user_id_missing', { user_id: null })], {
  userId: null,
})
for (const [time, value] of [
  ['infinity', 'infinity'],
  ['-infinity', '-infinity'],
  ['9999-01-01T00:00:00Z', '9999-01-01T00:00:00.000000Z'],
  ['0001-12-31T23:59:59.999999Z', '0001-12-31T23:59:59.999999Z'],
  ['0044-03-15T12:00:00Z BC', '0044-03-15T12:00:00.000000Z BC'],
] as const)
  gives(
    `excludes what was completed at ${time}`,
    valid,
    [],
    [excluded('completed_at', value, 'completed_at_invalid')],
    { updatedAt: time },
  )
gives('excludes what was never completed', valid, [], [excluded('completed_at', null, 'completed_at_invalid')], {
  updatedAt: null,
  createdAt: null,
})
gives(
  'keeps the first moment of year 2',
  valid,
  [{ completed_at: '0002-01-01T00:00:00.000000Z', started_at: '0002-01-01T00:00:00.000000Z' }],
  [],
  { updatedAt: '0002-01-01T00:00:00Z' },
)
gives(
  'keeps the last moment of year 9998',
  valid,
  [{ completed_at: '9998-12-31T23:59:59.999999Z', started_at: '9998-12-31T23:59:59.999999Z' }],
  [],
  { updatedAt: '9998-12-31T23:59:59.999999Z' },
)
gives(
  'starts in year 1 at the earliest',
  answered('"time_spent_sec":2147483.4'),
  [
    {
      response_time_ms: '2147483400',
      completed_at: '0002-01-01T00:00:00.000000Z',
      started_at: '0001-12-07T03:28:37.000000Z',
    },
  ],
  [],
  { updatedAt: '0002-01-01T00:00:00Z' },
)
gives(
  'starts in year 9999 at the latest',
  answered('"time_spent_sec":-2147483.4'),
  [
    {
      response_time_ms: '-2147483400',
      completed_at: '9998-12-31T23:59:59.999999Z',
      started_at: '9999-01-25T20:31:22.999999Z',
    },
  ],
  [kept('time_spent_sec', '-2147483.4', 'time_spent_negative')],
  { updatedAt: '9998-12-31T23:59:59.999999Z' },
)
gives(
  'does not replace an infinite update by the creation',
  valid,
  [],
  [excluded('completed_at', '-infinity', 'completed_at_invalid')],
  { updatedAt: '-infinity', createdAt: '2026-01-05T09:00:00Z' },
)
gives(
  'calls nobody answering false, and says so',
  '{"question_id":7,"is_correct":null}',
  [{ correct: 'false' }],
  [defaulted('is_correct', null, 'correctness_missing')],
)
for (const text of [
  'NaN',
  'nan',
  'Infinity',
  '-Infinity',
  'inf',
  'x',
  '+',
  '1e',
  'e5',
  '1e 5',
  '1e1.5',
  '--1',
  '0b1',
  '0e1000',
  '1e999',
  '-3000000',
  ' ',
  '1,5',
  '1 2',
  '.',
  '0x1F',
  '1_0',
  '3000000',
  '2147483.6475',
  '-2147483.6485',
  '1e1000',
  '1e-1000',
  '1'.padStart(1001),
  `0.${'0'.repeat(999)}`,
  '\u00a01',
]) {
  gives(
    `takes 0 for the time ${string(text.slice(0, 20))} (${text.length} characters)`,
    answered(`"time_spent_sec":${string(text)}`),
    [{}],
    [defaulted('time_spent_sec', text, 'time_spent_invalid')],
  )
}
gives('takes a time of 1,000 characters, blanks included', answered(`"time_spent_sec":${string('1'.padStart(1000))}`), [
  { response_time_ms: '1000', started_at: '2026-01-05T09:59:59.000000Z' },
])
gives('takes a time of 1,000 digits', answered(`"time_spent_sec":${string(`0.${'0'.repeat(997)}1`)}`), [{}])
for (const value of ['true', '[1]', '{"s":1}'] as const) {
  gives(
    `takes 0 for the time ${value}`,
    answered(`"time_spent_sec":${value}`),
    [{}],
    [defaulted('time_spent_sec', value.replace(':', ': '), 'time_spent_invalid')],
  )
}
gives(
  'takes the JSON number 1e999 for too large',
  answered('"time_spent_sec":1e999'),
  [{}],
  [defaulted('time_spent_sec', `1${'0'.repeat(999)}`, 'time_spent_invalid')],
)
gives('takes the longest time that fits', answered('"time_spent_sec":2147483.6474999'), [
  { response_time_ms: '2147483647', started_at: '2025-12-11T13:28:36.000000Z' },
])
gives(
  'takes the most negative time that fits',
  answered('"time_spent_sec":-2147483.6484999'),
  [{ response_time_ms: '-2147483648', started_at: '2026-01-30T06:31:24.000000Z' }],
  [kept('time_spent_sec', '-2147483.6484999', 'time_spent_negative')],
)
for (const [hints, text] of [
  ['true', 'true'],
  ['""', ''],
  ['" "', ' '],
  ['"1.0"', '1.0'],
  ['1.0', '1.0'],
  ['2147483648', '2147483648'],
  ['-2147483649', '-2147483649'],
  ['"0x1"', '0x1'],
  ['"1_0"', '1_0'],
  ['"0b1"', '0b1'],
  ['"1e1"', '1e1'],
  ['"٣"', '٣'],
  ['[1]', '[1]'],
  ['false', 'false'],
  ['0.5', '0.5'],
] as const) {
  gives(
    `takes no hint for ${hints}`,
    answered(`"used_hints":${hints}`),
    [{}],
    [defaulted('used_hints', text, 'used_hints_invalid')],
  )
}
for (const [time, text, ms, started] of [
  ['-1.5', '-1.5', '-1500', '10:00:02'],
  ['-0.0005', '-0.0005', '-1', '10:00:00'],
  ['"-1e-999"', '-1e-999', '0', '10:00:00'],
] as const) {
  gives(
    `keeps the negative time ${time}`,
    answered(`"time_spent_sec":${time}`),
    [{ response_time_ms: ms, started_at: `2026-01-05T${started}.000000Z` }],
    [kept('time_spent_sec', text, 'time_spent_negative')],
  )
}
gives('keeps -0 without a word', answered('"time_spent_sec":"-0.0"'), [{}])
gives(
  'keeps every occurrence of a question, whatever its spelling',
  `${valid},{"question_id":"+007","is_correct":true}`,
  [{}, { id: '8182531950726076929', attempt_no: '2' }],
  [
    kept('question_id', '7', 'duplicate_in_exam'),
    kept('question_id', '+007', 'duplicate_in_exam', { position: '2', question_id: '+007' }),
  ],
)
gives(
  'counts no excluded element as a duplicate',
  `${valid},{"question_id":7,"is_correct":"maybe"}`,
  [{}],
  [excluded('is_correct', 'maybe', 'correctness_invalid', { position: '2' })],
)
gives(
  'lists every reason of an excluded element, and no other',
  '{"question_id":"Q7","is_correct":"maybe","time_spent_sec":"x","used_hints":"x"}',
  [],
  [
    excluded('question_id', 'Q7', 'question_id_invalid', { question_id: 'Q7', user_id: null }),
    excluded('user_id', null, 'user_id_missing', { question_id: 'Q7', user_id: null }),
    excluded('completed_at', 'infinity', 'completed_at_invalid', { question_id: 'Q7', user_id: null }),
    excluded('is_correct', 'maybe', 'correctness_invalid', { question_id: 'Q7', user_id: null }),
  ],
  { userId: null, updatedAt: 'infinity' },
)
gives(
  'lists a missing question_id beside what its exam lacks',
  '7',
  [],
  [
    excluded('question_id', null, 'question_id_missing', { question_id: null, user_id: null }),
    excluded('user_id', null, 'user_id_missing', { question_id: null, user_id: null }),
    excluded('completed_at', null, 'completed_at_invalid', { question_id: null, user_id: null }),
  ],
  { userId: null, updatedAt: null, createdAt: null },
)
whole(
  'lists nothing else of an exam whose questions are no list',
  [{ ...exam, resultJson: '{"questions":{"question_id":"Q7"}}', userId: null, updatedAt: 'infinity' }],
  [],
  [
    excluded('questions', '{"question_id": "Q7"}', 'questions_not_array', {
      position: null,
      question_id: null,
      user_id: null,
    }),
  ],
)
gives(
  'lists three reasons of one row and the duplicate of another',
  '{"question_id":7,"is_correct":true,"time_spent_sec":-1,"used_hints":""},{"question_id":"7","is_correct":true}',
  [{ response_time_ms: '-1000', started_at: '2026-01-05T10:00:01.000000Z' }, { attempt_no: '2' }],
  [
    kept('time_spent_sec', '-1', 'time_spent_negative'),
    defaulted('used_hints', '', 'used_hints_invalid'),
    kept('question_id', '7', 'duplicate_in_exam'),
    kept('question_id', '7', 'duplicate_in_exam', { position: '2' }),
  ],
)
gives(
  'lists every reason of a row',
  '{"question_id":7,"time_spent_sec":"x","used_hints":"x"}',
  [{ correct: 'false' }],
  [
    defaulted('is_correct', null, 'correctness_missing'),
    defaulted('time_spent_sec', 'x', 'time_spent_invalid'),
    defaulted('used_hints', 'x', 'used_hints_invalid'),
  ],
)

// case and blanks of a locale must not matter
const locales: [name: string, since: number, locale: string][] = [
  ['the locale C', 14, ''],
  ['a Turkish locale of ICU', 15, "locale_provider icu icu_locale 'tr-TR'"],
  ['the built-in locale C.UTF-8', 17, "locale_provider builtin builtin_locale 'C.UTF-8'"],
]

for (const [locality, since, locale] of locales)
  t.test(
    `the contract by examples, in ${locality}`,
    { skip: since > Number(process.env['PGMAJOR'] ?? 18) ? `PostgreSQL ${since} has it first` : false },
    async (t) => {
      const { pool } = await createDatabase(t, { locale })
      await pool.query(
        'alter table exam_results alter column created_at drop not null, alter column updated_at drop not null',
      )
      const client = await pool.connect()
      t.teardown(() => client.release())
      const nothing = { missing: [], unexpected: [] }
      for (const { name, exams, attempts, anomalies } of examples) {
        await t.test(name, async (t) => {
          await client.query('begin')
          try {
            await loadExams(client, exams)
            t.strictSame(difference(await attemptsOf(client), attempts), nothing, 'attempt')
            t.strictSame(difference(await anomaliesOf(client), anomalies), nothing, 'attempt_anomaly')
          } finally {
            await client.query('rollback')
          }
          const reference = expectedRows(exams)
          t.strictSame(difference(reference.attempts, attempts), nothing, 'attempt of the reference')
          t.strictSame(difference(reference.anomalies, anomalies), nothing, 'attempt_anomaly of the reference')
        })
      }
    },
  )
