/** Makes golden cases whose rows the reference implementation computes, and the parts that generators share. */
import { createHash } from 'node:crypto'
import { expectedRows } from '../../reference/expected-rows.js'
import type { GoldenCase, GoldenExam } from '../types.js'

/** Random numbers in [0, 1) that are the same in every process (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of the values, which may be undefined. */
export const pick = <Value>(random: () => number, values: readonly [Value, ...Value[]]): Value =>
  values[Math.floor(random() * values.length)] as Value

/** A UUID for the exam `at` of a case, in no order and with every first digit. */
export const examId = (property: string, at: number): string =>
  createHash('md5')
    .update(`${property} ${at}`)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** One element of an array; values are JSON texts. A field without a value is left out. */
export const element = (fields: Record<string, string | undefined>): string =>
  `{${Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`

/** `result_json` of an exam with these elements. */
export const questions = (elements: readonly string[]): string => `{"questions":[${elements.join(',')}]}`

/** Texts that any function changes which trims, changes case, normalises, cuts or splits. */
export const richTexts = [
  ' Éa-b_C  d@e.F ',
  '\u00a0Ab/Ñ e\u0301|ﬁ\t',
  `Zß: ${'xY é'.repeat(70)}\u3000`,
  '\n\'O"q\\ %1,;Éä9-2 ',
] as const
/** Longer than any limit that is likely. It is rare, because it takes time. */
const longTopic = JSON.stringify(`${richTexts[0]}${'aB é-'.repeat(230)} `)

/**
 * The fields of an answer beside question_id, with much in them that a change of a few rows would show. Answers with
 * even and odd numbers differ in each of them.
 */
export function answer(random: () => number, at: number): Record<string, string | undefined> {
  const even = at % 2 === 0
  return {
    is_correct: even ? 'true' : 'false',
    time_spent_sec: even
      ? pick(random, ['1.5', '61.0005', '3600.25', '0.25'])
      : pick(random, [undefined, '-3.2', '86399.999']),
    used_hints: even ? pick(random, ['1', '3']) : pick(random, ['0', undefined]),
    topic: at % 97 === 5 ? longTopic : at % 5 === 3 ? undefined : JSON.stringify(pick(random, richTexts)),
  }
}

/**
 * A case with the rows that the contract requires. It runs once: hand-written cases show that no rule depends on the
 * session's settings.
 */
export function generatedCase(property: string, why: string, exams: readonly GoldenExam[]): GoldenCase {
  const { attempts } = expectedRows(
    exams.map((exam) => ({
      id: exam.id,
      sessionId: exam.session_id,
      userId: exam.user_id,
      resultJson: exam.result_json,
      createdAt: exam.created_at,
      updatedAt: exam.updated_at,
    })),
  )
  return {
    property,
    why,
    exams,
    rows: attempts.map((row) => [
      row.id,
      row.student_id,
      row.item_id,
      row.correct,
      row.response_time_ms,
      row.hint_used,
      row.completed_at,
      row.started_at,
      row.attempt_no,
      row.session_id,
      row.topic_id,
    ]),
    runsOnce: true,
  }
}
