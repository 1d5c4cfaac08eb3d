/**
 * Exams of every shape, valid, malformed and hostile. `result_json` is built as JSON text and never as a JavaScript
 * value, because the contract depends on how a number is spelled.
 */
import fc from 'fast-check'
import { instant, instantText } from '../../src/contract/reference/instants.js'
import type { Exam } from '../../src/contract/reference/expected-rows.js'

const one = <T>(...values: readonly T[]) => fc.constantFrom(...values)

/** PostgreSQL keeps no NUL in a text. */
const clean = (text: string) => text.replaceAll('\0', '')

const anyText = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ maxLength: 12 }),
  )
  .map(clean)

/** Long enough to be out of line, regular enough to be compressed: an index row holds no 10 kB. */
const longText = one('x', '0', '9', ' ', '-', '.', 'é', '𝄞', '\\"').map((unit) => unit.repeat(10_000 / unit.length))

/** ASCII blanks, which the contract allows around a value, and others, which it does not. */
const blank = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: one(' ', '\t', '\n', '\v', '\f', '\r', ' \t\r\n\v\f ') },
  { weight: 1, arbitrary: one('\u00a0', '\u2003', '\u3000', '\u0085', '\u200b', '\ufeff', '\u001c') },
)

const padded = (text: fc.Arbitrary<string>) => fc.tuple(blank, text, blank).map((parts) => parts.join(''))

const sign = one('', '', '', '-', '+', '--', '−')
const zeros = one('', '', '', '0', '000', '0'.repeat(40))

const edges = (bits: bigint) =>
  [-1n, 0n, 1n].flatMap((off) => [(1n << (bits - 1n)) + off, -(1n << (bits - 1n)) + off]).map(String)

const spelledInteger = fc
  .tuple(sign, zeros, fc.oneof(fc.nat(6).map(String), fc.bigInt({ min: 0n, max: 1n << 65n }).map(String)))
  .map((parts) => parts.join(''))

const integerText = padded(
  fc.oneof(
    { weight: 4, arbitrary: fc.nat(5).map(String) },
    { weight: 4, arbitrary: spelledInteger },
    { weight: 2, arbitrary: one(...edges(64n), ...edges(32n)) },
    {
      weight: 2,
      arbitrary: one(
        '0x10',
        '0b11',
        '0o17',
        '1_000',
        '1_0',
        '0x',
        '1.0',
        '1.',
        '1e3',
        '1e0',
        '٣',
        '１２',
        '1 2',
        '- 1',
        '+',
        '-',
        '1,000',
        'Q7',
        'NaN',
        'null',
      ),
    },
  ),
)

const digits = fc.string({ unit: one(...'0123456789'), minLength: 0, maxLength: 25 })

const exponent = one(
  '',
  '',
  '',
  '',
  'e0',
  'E2',
  'e+3',
  'e-3',
  'e-1',
  'e-999',
  'e999',
  'e+999',
  'e1000',
  'e-1000',
  'e-0000999',
  'e00001000',
  'e',
  'e+',
  'e 1',
  'e99999999999',
  'e1.5',
)

// Both sides of round(x * 1000) leaving 32 bits, and the halves where rounding away from zero shows.
const timeEdges = [
  '2147483.647',
  '2147483.6474999',
  '2147483.6475',
  '2147483.64749999999999999999',
  '2147483.648',
  '2147484',
  '3000000',
  '-2147483.648',
  '-2147483.6484999',
  '-2147483.6485',
  '-2147483.64850000000000000001',
  '-2147484',
  '0.0005',
  '0.00049999',
  '-0.0005',
  '-0.0004',
  '0.5',
  '1.5',
  '2.5',
  '-0.5',
  '-1.5',
  '0.4999',
  '12.0005',
  '2147483.5',
  '-2147483.5',
  '0',
  '-0',
  '-0.0',
  '1e-999',
  '-1e-999',
  '1e-998',
  '2.1474836475e6',
  '21474836474999e-7',
]

const decimalText = padded(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(fc.nat(4000), one('', '.', '.5', '.0005', '.4995', '.25')).map(([n, f]) => `${n}${f}`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(sign, zeros, digits, one('', '.', '.', '..'), digits, exponent)
        .map((parts) => parts.join('')),
    },
    { weight: 3, arbitrary: one(...timeEdges) },
    {
      weight: 2,
      arbitrary: one(
        'NaN',
        'nan',
        'Infinity',
        '-Infinity',
        'inf',
        '+inf',
        '0x1F',
        '0x1p3',
        '1_000.5',
        '0b1',
        '1,5',
        '.',
        '-.',
        '+.5',
        '5.',
        '-5.',
        '.5e1',
        'e5',
        '1e',
        '٣.٥',
        '1 e3',
        'twelve',
      ),
    },
    // 1,000 characters are taken, 1,001 are not; blanks count.
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: 997, max: 1003 }), one('0', ' ', '.'))
        .map(([length, pad]) => (pad === '.' ? `1.${'0'.repeat(length - 2)}` : '1'.padStart(length, pad))),
    },
  ),
)

const prefixes = ['true', 'false', 'yes', 'no', 'on', 'off', '1', '0'].flatMap((word) =>
  [...word].map((_, end) => word.slice(0, end + 1)),
)

const booleanText = padded(
  fc.oneof(
    {
      weight: 5,
      arbitrary: one(...prefixes).chain((word) =>
        one(word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)),
      ),
    },
    {
      weight: 1,
      arbitrary: one(
        'maybe',
        'o',
        'truee',
        'tru e',
        'yess',
        'of f',
        '2',
        '-1',
        '10',
        '00',
        '1.0',
        'falſe',
        'yeſ',
        'TRÜE',
        'ｔ',
        'null',
      ),
    },
  ),
)

/** Numbers as JSON spells them; jsonb makes 1000 of 1e3, keeps 1.0 and takes the sign from -0. */
const jsonNumber = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 6 }).map(String) },
  {
    weight: 3,
    arbitrary: one(
      '1.0',
      '1e3',
      '1E+3',
      '1e-3',
      '-0',
      '-0.0',
      '0e5',
      '0e-5',
      '1.50e1',
      '-1.5e0',
      '100e-2',
      '12.3',
      '12.0005',
      '1e-400',
      '-1e-400',
      '1e400',
      '-1e400',
      '1e18',
      '9.3e18',
      '1e-998',
      '1e-999',
      '-1e-998',
      '1e-1200',
      '123456789012345678901234567890.5',
    ),
  },
  { weight: 2, arbitrary: one(...edges(64n), ...edges(32n), ...timeEdges) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.bigInt({ min: -(1n << 70n), max: 1n << 70n }), one('', '.5', '.000', 'e1', 'e-7'))
      .map(([n, rest]) => `${n}${rest}`),
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => JSON.stringify(x)) },
)

const jsonText = (text: fc.Arbitrary<string>) => text.map((value) => JSON.stringify(value))

const key = fc.oneof(one('a', 'bb', 'question_id', 'is_correct', '', 'é', '"', 'B', '10'), anyText)

const nested = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    one('null', 'true', 'false', '{}', '[]', '""'),
    jsonNumber,
    jsonText(anyText),
    fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(' ,')}]`),
    fc
      .array(fc.tuple(key, tie('json')), { maxLength: 4 })
      .map((fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)} :\n${value}`).join(',')}}`),
  ),
})).json

const junk = fc.oneof(
  { weight: 3, arbitrary: one('null', 'true', 'false', '""', '" "', '"\\t"', '{}', '[]') },
  { weight: 3, arbitrary: nested },
  { weight: 2, arbitrary: jsonText(anyText) },
  { weight: 2, arbitrary: jsonNumber },
  {
    weight: 1,
    arbitrary: fc.oneof(
      { weight: 20, arbitrary: jsonText(longText) },
      { weight: 1, arbitrary: one('1e-16383', '1e9999', '-' + '7'.repeat(10_000)) },
    ),
  },
)

const field = (name: string, valid: fc.Arbitrary<string>, texts: fc.Arbitrary<string>) =>
  fc
    .oneof({ weight: 5, arbitrary: valid }, { weight: 4, arbitrary: jsonText(texts) }, { weight: 2, arbitrary: junk })
    .map((value) => `${JSON.stringify(name)}:${value}`)

const anyField = fc.oneof(
  { weight: 6, arbitrary: field('question_id', fc.integer({ min: 1, max: 3 }).map(String), integerText) },
  { weight: 4, arbitrary: field('is_correct', one('true', 'false'), booleanText) },
  { weight: 2, arbitrary: field('correct', one('true', 'false', '1', '0'), booleanText) },
  { weight: 4, arbitrary: field('time_spent_sec', jsonNumber, decimalText) },
  { weight: 3, arbitrary: field('used_hints', fc.integer({ min: -1, max: 2 }).map(String), integerText) },
  { weight: 2, arbitrary: field('topic', one('"algebra"', '""', 'null'), anyText) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(one('Question_id', 'question_id ', 'questions', ''), nested)
      .map(([name, value]) => `${JSON.stringify(name)}:${value}`),
  },
)

const mildElement = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    one('"is_correct":true,', '"is_correct":false,', '"correct":"yes",', '"is_correct":null,"correct":0,', ''),
    fc.integer({ min: -2000, max: 90_000 }),
    fc.nat(2),
  )
  .map(
    ([question, answer, ms, hints]) =>
      `{"question_id":${question},${answer}"time_spent_sec":${ms / 1000},"used_hints":${hints},"topic":"algebra"}`,
  )

// A field that comes twice is left in: jsonb keeps the last one.
const wildElement = fc
  .tuple(
    field('question_id', fc.integer({ min: 1, max: 3 }).map(String), integerText),
    fc.array(anyField, { maxLength: 6 }),
  )
  .map(([question, others]) => `{${[question, ...others].join(',')}}`)

const element = fc.oneof(
  { weight: 4, arbitrary: mildElement },
  { weight: 8, arbitrary: wildElement },
  { weight: 2, arbitrary: fc.array(anyField, { maxLength: 6 }).map((fields) => `{${fields.join(',')}}`) },
  { weight: 1, arbitrary: junk },
  { weight: 1, arbitrary: one('["question_id"]', '"question_id"', '[{"question_id":1}]', '[]', '{}', 'null', '7') },
)

const questions = fc
  .oneof(
    { weight: 200, arbitrary: fc.array(element, { maxLength: 6 }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(element, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 3000 }))
        .map(([few, length]) => Array.from({ length }, (_, i) => few[i % few.length] ?? '{}')),
    },
  )
  .map((elements) => `[${elements.join(',')}]`)

const resultJson = fc.oneof(
  { weight: 24, arbitrary: questions.map((list) => `{"questions":${list}}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, nested, questions, questions)
      .map(
        ([name, value, first, last]) => `{"questions":${first},${JSON.stringify(name)}:${value},"questions":${last}}`,
      ),
  },
  { weight: 3, arbitrary: junk.map((value) => `{"questions":${value}}`) },
  { weight: 1, arbitrary: questions },
  { weight: 1, arbitrary: nested },
  {
    weight: 1,
    arbitrary: one(
      'null',
      '"questions"',
      '["questions"]',
      '[{"questions":[{"question_id":1}]}]',
      '0',
      'true',
      '{}',
      '{"Questions":[{"question_id":1}]}',
    ),
  },
)

const uuid = '9b2e4f60-7c1d-4a3b-8e5f-0123456789ab'
const digits32 = uuid.replaceAll('-', '')

/** 32 digits and four hyphens anywhere: PostgreSQL takes a hyphen after every fourth digit and nowhere else. */
const hyphenated = fc
  .tuple(fc.shuffledSubarray([4, 8, 12, 16, 20, 24, 28], { minLength: 4, maxLength: 4 }), fc.nat(32), fc.boolean())
  .map(([legal, odd, wrong]) => {
    const places = wrong ? [...legal.slice(1), odd] : legal
    return [...digits32, '']
      .map((digit, at) => '-'.repeat(places.filter((place) => place === at).length) + digit)
      .join('')
  })

// Few of them, so that exams share users and several texts mean the same student.
const userId = fc.oneof(
  { weight: 8, arbitrary: one<string | null>('alice', 'ALICE', 'golden', uuid, uuid.toUpperCase(), '', null) },
  { weight: 3, arbitrary: hyphenated },
  { weight: 1, arbitrary: fc.uuid() },
  {
    weight: 2,
    arbitrary: one(
      '-'.repeat(36),
      digits32,
      `{${digits32}--`,
      `${uuid}\n`,
      ` ${uuid}`,
      uuid.replace('9', 'g'),
      `${digits32}----`,
      `----${digits32}`,
      uuid.slice(1),
      uuid.replace('9', '９'),
      'ä'.repeat(36),
      '0'.repeat(36),
    ),
  },
  { weight: 2, arbitrary: anyText },
  { weight: 1, arbitrary: longText },
)

const bounds = [
  '0002-01-01T00:00:00Z',
  '9999-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '1970-01-01T00:00:00Z',
  '2000-02-29T23:59:59.999999Z',
  '9999-12-31T23:59:59Z',
].map((text) => instant(text) as bigint)

const time = fc.oneof(
  {
    weight: 8,
    arbitrary: one('2026-01-05T10:00:00.000000Z', '2026-01-05T10:00:00.000001Z', '2026-01-06T00:00:00.000000Z'),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(one(...bounds), fc.bigInt({ min: -2n, max: 2n }))
      .map(([bound, off]) => instantText(bound + off)),
  },
  {
    weight: 2,
    arbitrary: fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_000_000n }).map(instantText),
  },
  {
    weight: 2,
    arbitrary: one(
      'infinity',
      '-infinity',
      '0044-03-15T12:00:00.500000Z BC',
      '4713-01-01T00:00:00.000000Z BC',
      '0001-12-31T23:59:59.999999Z BC',
      '12345-06-07T08:09:10.000000Z',
      '294276-12-31T23:59:59.999999Z',
    ),
  },
)

const examId = fc.oneof(
  fc.uuid(),
  one(
    '00000000-0000-0000-0000-000000000001',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-0000-0000-0000-00000000000A',
  ),
)

const exam = fc.record({
  id: examId,
  sessionId: anyText,
  userId,
  resultJson,
  createdAt: fc.option(time, { freq: 4 }),
  updatedAt: fc.option(time, { freq: 3 }),
})

/** Batches of exams that may all stand in exam_results at once: ids and sessions are unique in each. */
export const arbitraryExams: fc.Arbitrary<Exam[]> = fc
  .uniqueArray(exam, { minLength: 1, maxLength: 16, selector: ({ id }) => id.toLowerCase(), size: 'max' })
  .map((exams) => exams.map((given, index) => ({ ...given, sessionId: `${index}${given.sessionId}` })))
