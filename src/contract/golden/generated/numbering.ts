/** Golden rows: attempt_no in small worlds where everything coincides, and over many attempts. */
import type { GoldenCase, GoldenExam } from '../types.js'
import { element, examId, generatedCase, pick, questions, richTexts, seededRandom } from './generated-case.js'

const times = [
  '2026-04-01T08:00:00Z',
  '2026-04-01T08:00:00.000001Z',
  '2026-04-02T00:00:00Z',
  '2025-12-31T23:00:00Z',
] as const
const excludedTimes = [
  ...['infinity', '-infinity', '0001-12-31T23:59:59.999999Z', '0044-03-15T12:00:00Z BC', '9999-01-01T00:00:00Z'],
  ...['12345-06-07T08:09:10Z', '0001-01-01T00:00:00Z', '9999-12-31T00:00:00Z'],
] as [string, ...string[]]

/** Sessions and times in another order than the rows. */
const shuffled = (at: number, factor: number) => (at * factor) % 1009

const validElement = (random: () => number, item: string) =>
  element({
    question_id: pick(random, [item, item, `"${item}"`, `" 0${item}"`]),
    is_correct: pick(random, ['true', 'false', undefined]),
    correct: pick(random, ['true', undefined]),
    time_spent_sec: pick(random, ['0', '1.5', '-3', '100', '3600', '"x"', undefined]),
    used_hints: pick(random, ['0', '1', '"x"', undefined]),
    topic: pick(random, ['"a"', '"b"', '""', undefined, JSON.stringify(pick(random, richTexts))]),
  })

const excludedElement = (random: () => number, item: string) =>
  pick(random, [
    `{"question_id":${item},"is_correct":"maybe"}`,
    `{"question_id":"${item}.0","is_correct":true}`,
    `{"question_id":"Q${item}","is_correct":true}`,
    `{"question_id":null,"is_correct":true}`,
    `{"is_correct":true}`,
    `{"question_id":"","is_correct":true}`,
    `{"question_id":${item},"correct":"x"}`,
    'null',
    item,
    '[]',
  ])

/** Two students and two items; some of the exams or elements are left out for one of the reasons. */
function worldCase(property: string, seed: number, shareLeftOut: number): GoldenCase {
  const random = seededRandom(seed)
  const exams = Array.from({ length: 72 }, (_, at): GoldenExam => {
    const left = random() < shareLeftOut
    const elements = Array.from({ length: Math.floor(random() * 6) }, () =>
      random() < shareLeftOut
        ? excludedElement(random, pick(random, ['1', '2']))
        : validElement(random, pick(random, ['1', '2'])),
    )
    const updated = left ? pick(random, [null, ...excludedTimes]) : pick(random, [null, ...times])
    return {
      id: examId(property, at),
      session_id: `${property} ${shuffled(at, 383)}`,
      user_id: random() < shareLeftOut / 5 ? null : `${property} student ${pick(random, ['a', 'b'])}`,
      result_json: random() < shareLeftOut / 6 ? '{"questions":{}}' : questions(elements),
      created_at: updated === null && left ? pick(random, [null, ...excludedTimes]) : pick(random, times),
      updated_at: updated,
    }
  })
  return generatedCase(property, 'attempt_no counts the rows of the view and no others, in their order', exams)
}

/** For each reason to be left out, one exam before, between and after two that count. */
function excludedCase(): GoldenCase {
  const random = seededRandom(42)
  const reasons: { user?: null; time?: string | null; elements?: (item: string) => string[] }[] = [
    ...excludedTimes.map((time) => ({ time })),
    { time: null },
    { user: null },
    ...['"maybe"', '2', '[]', '""'].map((value) => ({
      elements: (item: string) => [`{"question_id":${item},"is_correct":${value}}`],
    })),
    { elements: (item) => [`{"question_id":${item},"correct":"wrong"}`] },
    { elements: (item) => [`{"question_id":"${item}x","is_correct":true}`, `{"question_id":"${item}.0"}`] },
    { elements: (item) => [`"${item}"`, '{}', 'null', `[${item}]`] },
  ]
  const exams = reasons.flatMap(({ user, time, elements }, reason) => {
    const item = String(100 + reason)
    const user_id = `excluded student ${reason % 3}`
    return ['before', 'kept', 'between', 'kept', 'after'].map((place, at): GoldenExam => {
      const kept = place === 'kept'
      const index = reason * 5 + at
      const day = `2026-05-0${at + 1}T00:00:00Z`
      return {
        id: examId('attempt_no_excluded', index),
        session_id: `excluded ${reason} ${place} ${at}`,
        user_id: kept || user !== null ? user_id : null,
        result_json: questions(
          kept || elements === undefined ? [validElement(random, item), validElement(random, item)] : elements(item),
        ),
        // an excluded time is before or after all others; from created_at in every second case
        created_at: !kept && time !== undefined && reason % 2 === 1 ? time : day,
        updated_at: kept || time === undefined ? day : reason % 2 === 1 ? null : time,
      }
    })
  })
  return generatedCase('attempt_no_excluded', 'what is left out takes no number, wherever it stands', exams)
}

/** 150 attempts of one student at one item, in exams of one to five, with ties. */
function manyCase(): GoldenCase {
  const random = seededRandom(43)
  const exams = Array.from({ length: 50 }, (_, at): GoldenExam => ({
    id: examId('attempt_no_many', at),
    session_id: `many ${shuffled(at, 401)} ${pick(random, richTexts)}`,
    user_id: 'many student',
    result_json: questions(Array.from({ length: 1 + (at % 5) }, () => validElement(random, '5'))),
    created_at: '2026-01-01T00:00:00Z',
    updated_at: `2026-06-${String(1 + (shuffled(at, 409) % 25)).padStart(2, '0')}T00:00:00Z`,
  }))
  return generatedCase('attempt_no_many', 'attempt_no has no upper limit', exams)
}

export const numberingCases = (): GoldenCase[] => [
  worldCase('attempt_no_worlds', 41, 0.3),
  worldCase('attempt_no_ties_worlds', 44, 0.05),
  excludedCase(),
  manyCase(),
]
