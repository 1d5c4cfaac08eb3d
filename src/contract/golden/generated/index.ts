/**
 * Golden cases made by generators, with rows that the reference implementation computes: wide where the hand-written
 * cases are exact. The same in every process; a changed generator is not a changed contract.
 */
import type { GoldenCase } from '../types.js'
import { calendarCase } from './calendar.js'
import { numberingCases } from './numbering.js'
import { parsedTextCases } from './parsed-texts.js'
import { textCases } from './texts.js'

/** @param others the hand-written cases */
export function generatedCases(others: readonly GoldenCase[]): GoldenCase[] {
  const sessions = new Set(others.flatMap(({ exams }) => exams.map(({ session_id }) => session_id)))
  return [...numberingCases(), ...parsedTextCases(), calendarCase(), ...textCases(sessions)]
}
