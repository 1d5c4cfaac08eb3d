/** Golden rows: a text of any shape and any value counts in every text column, and is changed in none. */
import type { GoldenCase, GoldenExam } from '../types.js'
import { element, examId, generatedCase, pick, questions, seededRandom } from './generated-case.js'
import { textShapes } from './text-shapes.js'
import { words } from './words.js'

// Something that trims, changes case, normalises, cuts or splits changes each of them.
const tails = [' Ab ', '\u00a0Éx\t', ': bC  D\n', '/Ñ-é _X ', '\u3000Zz@y. ', " O'e\u0301 | q\r\n"] as const
const heads = ['', '', ' ', 'Xé', '\t', '  A'] as const
const time = '2026-03-02T10:00:00Z'

interface Texts {
  session: string
  user: string
  topic: string
  status: string
}

/** An exam whose text columns have these values, and whose other values vary. */
function examOf(first: string, at: number, random: () => number, { session, user, topic, status }: Texts): GoldenExam {
  const hour = String(at % 24).padStart(2, '0')
  return {
    id: examId(first, at),
    session_id: session,
    user_id: user,
    status,
    result_json: questions([
      element({
        // items of no other case, because other cases may have the same user
        question_id: String(parseInt(first, 16) * 10 + 1 + (at % 3)),
        is_correct: pick(random, ['true', 'false']),
        time_spent_sec: pick(random, ['1.5', '61', undefined, '0.25']),
        used_hints: pick(random, ['0', '1', undefined]),
        topic: JSON.stringify(topic),
      }),
    ]),
    created_at: time,
    updated_at: pick(random, [null, `2026-03-${String(1 + (at % 28)).padStart(2, '0')}T${hour}:00:00Z`]),
  }
}

interface Shapes {
  property: string
  why: string
  /** First group of the exams' ids. */
  first: string
  shapes: readonly string[]
  /** Each shape also with something around it that a function which cuts or rewrites texts would change. */
  decorate: boolean
}

function shapeCase({ property, why, first, shapes, decorate }: Shapes, sessions: Set<string>): GoldenCase {
  const random = seededRandom(parseInt(first, 16))
  const exams: GoldenExam[] = []
  const add = (texts: Texts) => {
    let { session } = texts
    while (sessions.has(session)) session += '~'
    sessions.add(session)
    exams.push(examOf(first, exams.length, random, { ...texts, session }))
  }
  for (const shape of shapes) {
    if (!decorate) {
      add({ session: shape, user: shape, topic: shape, status: shape })
      continue
    }
    const decorated = pick(random, heads) + shape + pick(random, tails)
    add({ session: shape, user: decorated, topic: decorated, status: shape })
    add({ session: shape + pick(random, tails), user: shape, topic: shape, status: decorated })
  }
  return generatedCase(property, why, exams)
}

const titled = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

function wordCase(sessions: Set<string>): GoldenCase {
  const first = '00a10006'
  const random = seededRandom(6)
  const exams = words.map((word, at) => {
    const session = sessions.has(word) ? `${word}.` : word
    sessions.add(session)
    const other = titled(words[(at + 31) % words.length] ?? word)
    return examOf(first, at, random, { session, user: word, topic: at % 2 === 0 ? word : other, status: word })
  })
  return generatedCase('text_words', 'no value of a text leaves a row out or changes it', exams)
}

/** @param sessions the sessions of other cases; a session decides to which case a row belongs, so it may not repeat */
export function textCases(sessions: Set<string>): GoldenCase[] {
  const { lengths, forms, blanks, scripts, controls } = textShapes()
  const cases: Shapes[] = [
    {
      property: 'text_lengths',
      why: 'texts of any length count and stay as they are',
      first: '00a10001',
      shapes: lengths,
      decorate: false,
    },
    {
      property: 'text_forms',
      why: 'texts of any form count and stay as they are',
      first: '00a10002',
      shapes: forms,
      decorate: true,
    },
    {
      property: 'text_blanks',
      why: 'blanks of any kind in a text stay as they are',
      first: '00a10003',
      shapes: blanks,
      decorate: false,
    },
    {
      property: 'text_scripts',
      why: 'texts of any language count and stay as they are',
      first: '00a10004',
      shapes: scripts,
      decorate: true,
    },
    {
      property: 'text_controls',
      why: 'control characters in a text stay as they are',
      first: '00a10005',
      shapes: controls,
      decorate: false,
    },
  ]
  return [...cases.map((shapes) => shapeCase(shapes, sessions)), wordCase(sessions)]
}
