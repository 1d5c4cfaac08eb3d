/** Golden rows: what the texts and numbers of question_id, is_correct, correct, time_spent_sec and used_hints mean. */
import type { GoldenCase, GoldenExam } from '../types.js'
import { answer, element, examId, generatedCase, pick, questions, richTexts, seededRandom } from './generated-case.js'
import { textShapes } from './text-shapes.js'

const perExam = 40
const json = (text: string) => JSON.stringify(text)

/** Exams that share one student, with these elements in their order. */
function casesOf(property: string, why: string, elements: readonly string[]): GoldenCase {
  const exams = Array.from({ length: Math.ceil(elements.length / perExam) }, (_, at): GoldenExam => ({
    id: examId(property, at),
    session_id: `${property} ${at} ${richTexts[at % richTexts.length] ?? ''}`,
    user_id: `${property} student`,
    result_json: questions(elements.slice(at * perExam, (at + 1) * perExam)),
    created_at: '2026-01-01T00:00:00Z',
    updated_at: `2026-03-02T10:${String(at).padStart(2, '0')}:00.123456Z`,
  }))
  return generatedCase(property, why, exams)
}

const asciiBlanks = ['', '', '', ' ', '\t', '\n', '\v', '\f', '\r', '  ', ' \r\n'] as const
const otherBlanks = ['\u00a0', '\u3000', '\u2003', '\u0085', '\ufeff', '\u200b', '\u001c'] as const

/** Each power of two, and both sides of those and the powers of ten that a type or a format ends at. */
const magnitudes = [
  ...Array.from({ length: 66 }, (_, power) => 2n ** BigInt(power)),
  ...[
    ...[1, 2, 3, 6, 9, 10, 12, 15, 18, 19].map((power) => 10n ** BigInt(power)),
    ...[7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n].map((power) => 2n ** power),
  ].flatMap((value) => [value - 1n, value, value + 1n]),
]
const numbers = [...new Set([...magnitudes, ...magnitudes.map((value) => -value)].map(String))]

/** Random spellings of integers: signs, zeros, blanks, JSON numbers and texts. */
function spelled(random: () => number, number: string): string {
  const [sign, digits] = number.startsWith('-') ? ['-', number.slice(1)] : [pick(random, ['', '', '+']), number]
  const zeros = pick(random, ['', '', '', '0', '000', '0'.repeat(30)])
  return json(pick(random, asciiBlanks) + sign + zeros + digits + pick(random, asciiBlanks))
}

function itemCase(): GoldenCase {
  const random = seededRandom(21)
  const valid = [
    ...numbers.flatMap((number) => [number, spelled(random, number)]),
    ...Array.from({ length: 40 }, (_, at) => String(at)),
    ...['12345', '54321', '9001', '31337', '1.0', '1e2', '1E+3', '-0', '2e0', '100e-2', '7.5', '1e18', '1e19'],
  ]
  const invalid = [
    ...otherBlanks.flatMap((blank) => [json(`${blank}5`), json(`5${blank}`)]),
    ...[
      '5.0',
      '1e3',
      '0x10',
      '0b1',
      '0o7',
      '1_000',
      '1,000',
      '1 000',
      '٣',
      '１２',
      'Q7',
      '5a',
      '+',
      '-',
      '--5',
      '+-5',
      '(5)',
    ].map(json),
    ...['true', 'false', '[1]', '{"a":1}', 'null', '""', '" "'],
  ]
  const elements = [...valid, ...invalid].map((question_id, at) => element({ question_id, ...answer(random, at) }))
  return casesOf('item_numbers', 'question_id of any size and spelling', elements)
}

const booleanWords = ['true', 'false', 'yes', 'no', 'on', 'off'].flatMap((word) =>
  [...word].map((_, end) => word.slice(0, end + 1)),
)

function correctnessCase(): GoldenCase {
  const random = seededRandom(22)
  const texts = [
    ...[...new Set(booleanWords)].flatMap((word) => [
      word,
      word.toUpperCase(),
      word.charAt(0).toUpperCase() + word.slice(1),
      word.slice(0, -1) + word.slice(-1).toUpperCase(),
      pick(random, asciiBlanks) + word + pick(random, [' ', '\t', '\n', '\v', '\f', '\r']),
      pick(random, otherBlanks) + word,
    ]),
    ...[
      '1',
      '0',
      ' 1',
      '0\t',
      '2',
      '-1',
      '01',
      '1.0',
      '+1',
      'ok',
      'correct',
      'wrong',
      'right',
      'maybe',
      'null',
      'none',
      '',
    ],
    ...[
      'x',
      '✓',
      'да',
      'нет',
      'oui',
      'ja',
      'falsch',
      'si',
      'truе',
      'ｔrue',
      'ſ',
      'yeſ',
      'YEſ',
      'nＯ',
      'ıs',
      'tRUE!',
      'true;',
    ],
  ].map(json)
  const values = [
    ...texts,
    'true',
    'false',
    '1',
    '0',
    '1.0',
    '0.0',
    '2',
    '-1',
    '1e0',
    '0e5',
    '[]',
    '{}',
    '[true]',
    'null',
  ]
  const elements = values.flatMap((value, at) => {
    const { is_correct: _, ...others } = answer(random, at)
    const common = { question_id: String(1 + (at % 7)), ...others }
    const other = pick(random, ['true', 'false', '"x"'])
    return [
      element({ ...common, is_correct: value, correct: pick(random, [undefined, undefined, other]) }),
      element({ ...common, correct: value, is_correct: pick(random, [undefined, 'null']) }),
    ]
  })
  return casesOf('correctness_texts', 'correctness of any spelling, in either field', elements)
}

function timeCase(): GoldenCase {
  const random = seededRandom(23)
  const whole = () => String(Math.floor(random() * 10 ** (1 + Math.floor(random() * 7))))
  const fraction = () => String(Math.floor(random() * 10 ** (1 + Math.floor(random() * 9))))
  const decimals = [
    // every half, in milliseconds and in seconds, at every magnitude
    ...[...Array<undefined>(7)].flatMap((_, power) =>
      ['0.0005', '0.0004', '0.0015', '0.5', '0.4999', '1.5', '0.49995'].map((part) => {
        const [before = '', after = ''] = part.split('.')
        return `${10 ** power + Number(before)}.${after}`
      }),
    ),
    ...Array.from({ length: 70 }, () => `${whole()}.${fraction()}`),
    ...Array.from({ length: 30 }, whole),
    ...Array.from({ length: 12 }, (_, at) => `1e-${at}`),
    ...Array.from({ length: 8 }, (_, at) => `1.5e${at}`),
    ...[
      '29',
      '30',
      '59',
      '60',
      '61',
      '119',
      '120',
      '300',
      '600',
      '899',
      '900',
      '1799',
      '1800',
      '3599',
      '3600',
      '3601',
      '7200',
    ],
    ...[
      '14400',
      '43200',
      '86399',
      '86400',
      '86401',
      '100000',
      '604800',
      '999999',
      '1000000',
      '2147483',
      '2147484',
      '32767.5',
    ],
    ...[
      '0.1',
      '0.2',
      '0.3',
      '0.7',
      '0.001',
      '0.009',
      '0.01',
      '0.05',
      '0.099',
      '0.199',
      '0.2001',
      '0.29',
      '0.57',
      '1.005',
      '4.35',
    ],
  ]
  const values = decimals.flatMap((text) => {
    const signed = random() < 0.25 ? `-${text}` : text
    const written = `${pick(random, asciiBlanks)}${signed}${pick(random, asciiBlanks)}`
    return random() < 0.5 ? [signed] : [json(written)]
  })
  const texts = [
    ...decimals.slice(0, 30).map((text) => `+${text}`),
    ...decimals.slice(30, 50).map((text) => `00${text}00`),
    ...otherBlanks.flatMap((blank) => [`${blank}5`, `5${blank}`]),
    ...[
      '5s',
      '5 s',
      '5ms',
      '1:30',
      '00:05',
      '1,5',
      '1.5.1',
      '1e',
      'e1',
      '--5',
      '1 5',
      '٣',
      '１.５',
      'NaN',
      'Infinity',
      '-inf',
      '0x5',
    ],
    ...[
      'PT5S',
      'five',
      'null',
      'true',
      '',
      ' ',
      '.',
      '-',
      '5.',
      '.5',
      '-.5',
      '+.5e1',
      '5.E0',
      '1e+2',
      '1E-2',
      '1e0001',
      '1_0',
      '$5',
    ],
  ].map(json)
  const elements = [...values, ...texts, 'true', '[]', '{}', 'null', '[5]'].map((time_spent_sec, at) =>
    element({
      question_id: String(1 + (at % 11)),
      ...answer(random, Math.floor(random() * 1000)),
      time_spent_sec,
    }),
  )
  return casesOf('response_time_numbers', 'time_spent_sec of any size and spelling', elements)
}

function hintCase(): GoldenCase {
  const random = seededRandom(24)
  const values = [
    ...numbers.filter((number) => number.length <= 12),
    ...numbers.filter((number) => number.length <= 12).map((number) => spelled(random, number)),
    ...['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '12', '20', '50'],
    ...otherBlanks.flatMap((blank) => [json(`${blank}2`), json(`2${blank}`)]),
    ...['1.0', '0.0', '2.5', '1e0', '1e3', '0e1', '-0', 'true', 'false', '[]', '[1]', '{}', '{"a":1}', 'null'],
    ...[
      '1.0',
      'true',
      'yes',
      'one',
      'hint',
      '',
      ' ',
      '+',
      '0x1',
      '1_0',
      '٣',
      '１',
      '1,0',
      'null',
      '1;2',
      '1 2',
      'a1',
      '1a',
    ].map(json),
  ]
  const elements = values.map((used_hints, at) =>
    element({
      question_id: String(1 + (at % 9)),
      ...answer(random, at),
      used_hints,
    }),
  )
  return casesOf('hint_numbers', 'used_hints of any size and spelling', elements)
}

/** Every text of these shapes in every field: the view is total, and no text means something by chance. */
function fieldCase(): GoldenCase {
  const random = seededRandom(25)
  const { forms, scripts, blanks, controls } = textShapes()
  const some = [...forms, ...scripts, ...blanks, ...controls].filter((_, at) => at % 2 === 0)
  const elements = some.map((text, at) => {
    const field = pick(random, ['question_id', 'is_correct', 'correct', 'time_spent_sec', 'used_hints'])
    return element({
      question_id: String(1 + (at % 5)),
      is_correct: field === 'correct' ? undefined : 'true',
      time_spent_sec: '4',
      used_hints: '1',
      [field]: json(text),
    })
  })
  return casesOf('field_texts', 'a text of any shape in a field that is a number or a boolean', elements)
}

export const parsedTextCases = (): GoldenCase[] => [itemCase(), correctnessCase(), timeCase(), hintCase(), fieldCase()]
