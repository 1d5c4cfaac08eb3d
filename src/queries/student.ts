/** Reads one student: the aggregate over all attempts, and one aggregate per topic. */
import type { Reader } from '../database/reader.js'
import { RowBudget } from '../database/row-budget.js'
import { ApiError } from '../errors.js'
import type { Row } from '../formats/encoder.js'
import { measures, studentMeasures } from '../measures.js'
import { aggregateStatement, byStudent, byTopic } from './aggregates.js'

export interface Student {
  student: Row
  topics: Row[]
}

/**
 * @param bytes the most that the topics may have
 * @returns undefined for a student without attempts
 * @throws ApiError answer_too_large
 */
export async function readStudent(reader: Reader, id: string, bytes: number): Promise<Student | undefined> {
  const [students, whole] = [[id], { withKey: false }]
  const ofStudent = { groups: [byStudent], measures: [...measures, ...studentMeasures], students }
  const [student] = await reader.rows(aggregateStatement(reader, ofStudent, whole))
  if (student === undefined) return undefined
  const budget = new RowBudget(bytes)
  const topics = await reader.rows(aggregateStatement(reader, { groups: [byTopic], measures, students }, whole), budget)
  if (budget.full)
    throw new ApiError(
      'answer_too_large',
      `The topics of this student have more than ${bytes} bytes, the limit of an answer that has no pages. ` +
        `Use /v1/students?user_id=... for the student alone, or /v1/students/daily?student_id=${id}, which has pages`,
    )
  return { student, topics }
}
