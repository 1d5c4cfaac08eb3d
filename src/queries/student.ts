/** Reads one student: the aggregate over all attempts, and one aggregate per topic. */
import type { Reader } from '../database/reader.js'
import type { Row } from '../formats/encoder.js'
import { measures, studentMeasures } from '../measures.js'
import { aggregateStatement, byStudent, byTopic } from './aggregates.js'

export interface Student {
  student: Row
  topics: Row[]
}

/** @returns undefined for a student without attempts */
export async function readStudent(reader: Reader, id: string): Promise<Student | undefined> {
  const [students, whole] = [[id], { withKey: false }]
  const ofStudent = { groups: [byStudent], measures: [...measures, ...studentMeasures], students }
  const [student] = await reader.rows(aggregateStatement(reader, ofStudent, whole))
  if (student === undefined) return undefined
  return {
    student,
    topics: await reader.rows(aggregateStatement(reader, { groups: [byTopic], measures, students }, whole)),
  }
}
