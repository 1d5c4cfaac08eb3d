/** Golden rows: a text of any shape and any value counts in every text column, and is changed in none. */
import type { GoldenCase, GoldenExam } from '../types.js'
import { answer, element, examId, generatedCase, pick, questions, seededRandom } from './generated-case.js'
import { textShapes } from './text-shapes.js'
import { words } from './words.js'

// Something that trims, changes case, normalises, cuts or splits changes each of them.
const tails = [' Ab ', '\u00a0Éx\t', ': bC  D\n', '/Ñ-é _X ', '\u3000Zz@y. ', " O'e\u0301 | q\r\n"] as const
const heads = ['', '', ' ', 'Xé', '\t', '  A'] as const

interface Texts {
  session: string
  user: string
  /** One per answer. */
  topics: string[]
  status: string
}

/** Items of any size that no other case has, because other cases may have the same user. */
const itemOf = (random: () => number, number: number) =>
  (BigInt(Math.floor(10 ** (random() * 17))) + 1000n) * 8n + BigInt(number)

/**
 * Makes the exams of one case, each with a session that no other exam of the contract has.
 * @param number of the case, from 0 to 7
 */
function examMaker(property: string, number: number, sessions: Set<string>) {
  const random = seededRandom(number + 100)
  const exams: GoldenExam[] = []
  const add = ({ session, user, topics, status }: Texts) => {
    const at = exams.length
    let unique = session
    while (sessions.has(unique)) unique += '~'
    sessions.add(unique)
    const time = `2026-03-${String(1 + (at % 28)).padStart(2, '0')}T${String(at % 24).padStart(2, '0')}:05:07.654321Z`
    exams.push({
      id: examId(property, at),
      session_id: unique,
      user_id: user,
      status,
      result_json: questions(
        topics.map((topic, place) =>
          element({
            question_id: `${pick(random, ['', '', '-'])}${itemOf(random, number)}`,
            ...answer(random, at + place),
            topic: JSON.stringify(topic),
          }),
        ),
      ),
      created_at: pick(random, ['2026-03-02T10:00:00Z', time]),
      updated_at: pick(random, [null, time]),
    })
  }
  return { random, exams, add }
}

interface Shapes {
  property: string
  why: string
  /** From 0 to 7. */
  number: number
  shapes: readonly string[]
  /**
   * The shape that is decorated has something around it that a function which cuts or rewrites texts would change.
   * `both`: every column has both forms; `mixed`: topics have both, the other columns one; `plain`: none is decorated.
   */
  how: 'both' | 'mixed' | 'plain'
}

function shapeCase({ property, why, number, shapes, how }: Shapes, sessions: Set<string>): GoldenCase {
  const { random, exams, add } = examMaker(property, number, sessions)
  shapes.forEach((shape, at) => {
    const decorated = pick(random, heads) + shape + pick(random, tails)
    if (how === 'plain') add({ session: shape, user: shape, topics: [shape, shape], status: shape })
    else if (how === 'mixed') {
      const [one, other] = at % 2 === 0 ? [shape, decorated] : [decorated, shape]
      add({ session: one, user: other, topics: [shape, decorated], status: one })
    } else {
      add({ session: shape, user: decorated, topics: [decorated, shape], status: shape })
      add({ session: shape + pick(random, tails), user: shape, topics: [shape], status: decorated })
    }
  })
  return generatedCase(property, why, exams)
}

const titled = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

function wordCase(sessions: Set<string>): GoldenCase {
  const property = 'text_words'
  const { exams, add } = examMaker(property, 6, sessions)
  words.forEach((word, at) => {
    add({
      session: word,
      user: word,
      // twice, because neighbours differ in their other fields
      topics: [word, word, titled(words[(at + 31) % words.length] ?? word)],
      status: word,
    })
    const framed = `${word}É x-1@ b ${words[(at + 17) % words.length] ?? word}`
    add({ session: framed, user: framed, topics: [framed], status: titled(word) })
  })
  return generatedCase(property, 'no value of a text leaves a row out or changes it', exams)
}

/** @param sessions the sessions of other cases; a session decides to which case a row belongs, so it may not repeat */
export function textCases(sessions: Set<string>): GoldenCase[] {
  const { affixes, lengths, forms, blanks, scripts, controls } = textShapes()
  const cases: Shapes[] = [
    {
      property: 'text_affixes',
      why: 'texts with any first and last character count and stay as they are',
      number: 0,
      shapes: affixes,
      how: 'plain',
    },
    {
      property: 'text_lengths',
      why: 'texts of any length count and stay as they are',
      number: 1,
      shapes: lengths,
      how: 'plain',
    },
    {
      property: 'text_forms',
      why: 'texts of any form count and stay as they are',
      number: 2,
      shapes: forms,
      how: 'both',
    },
    {
      property: 'text_blanks',
      why: 'blanks of any kind in a text stay as they are',
      number: 3,
      shapes: blanks,
      how: 'plain',
    },
    {
      property: 'text_scripts',
      why: 'texts of any language count and stay as they are',
      number: 4,
      shapes: scripts,
      how: 'mixed',
    },
    {
      property: 'text_controls',
      why: 'control characters in a text stay as they are',
      number: 5,
      shapes: controls,
      how: 'mixed',
    },
  ]
  return [...cases.map((shapes) => shapeCase(shapes, sessions)), wordCase(sessions)]
}
