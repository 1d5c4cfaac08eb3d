/** Makes golden cases whose rows the reference implementation computes, and the parts that generators share. */
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

/** One of the values. */
export function pick<Value>(random: () => number, values: readonly [Value, ...Value[]]): Value {
  return values[Math.floor(random() * values.length)] ?? values[0]
}

/** A UUID for the exam `at` of a case. `first` is the first group, eight hexadecimal digits that no other case has. */
export const examId = (first: string, at: number): string =>
  `${first}-0000-4000-8000-${at.toString(16).padStart(12, '0')}`

/** One element of an array; values are JSON texts. A field without a value is left out. */
export const element = (fields: Record<string, string | undefined>): string =>
  `{${Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`

/** `result_json` of an exam with these elements. */
export const questions = (elements: readonly string[]): string => `{"questions":[${elements.join(',')}]}`

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
