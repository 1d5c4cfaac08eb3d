/**
 * Writes the rows of students and exams into the store. If the rows of several cannot be written, it halves them until
 * it has found the exam that cannot be taken, and sets this one aside.
 */
import { addDifferences, noDifference, writeDifference, type Difference } from './difference.js'
import { describeExamError, isExamError } from './exam-error.js'
import { examRows, studentRows, withoutRows } from './recompute.js'
import { retryable } from './savepoint.js'
import type { Sessions } from './sessions.js'
import { addSetAside, removeSetAside, removeSetAsideOf, type SetAsideExam } from './set-aside.js'
import { examsThatFit } from './sizes.js'

export interface ExamToWrite {
  exam: string
  /** More than one if the exam's user was changed. */
  students: string[]
  /** The store has no rows of it. */
  isNew: boolean
}

export interface BatchWriter {
  /** All exams of these students. */
  students(students: readonly string[]): Promise<void>
  exams(exams: readonly ExamToWrite[]): Promise<void>
  /** What was written so far. */
  difference(): Difference
  /** The exams that were set aside. */
  readonly setAside: readonly SetAsideExam[]
}

/** Exams of a student that are written at a time, after all at once have failed. */
const examsAtOnce = 2_000

const halves = <T>(values: readonly T[]): [readonly T[], readonly T[]] => {
  const middle = Math.ceil(values.length / 2)
  return [values.slice(0, middle), values.slice(middle)]
}

const rowsOf = (exams: readonly ExamToWrite[]) => {
  const edited = exams.filter(({ isNew }) => !isNew)
  const studentsOf = (some: readonly ExamToWrite[]) => [...new Set(some.flatMap(({ students }) => students))]
  return {
    students: studentsOf(exams),
    exams: exams.map(({ exam }) => exam),
    edited: { students: studentsOf(edited), exams: edited.map(({ exam }) => exam) },
  }
}

/**
 * @param version the version to write
 * @param anySetAside whether the store has exams that are set aside
 */
export function createBatchWriter(sessions: Sessions, version: string, anySetAside: boolean): BatchWriter {
  const { primary, store } = sessions
  const clients = [primary, store]
  const setAside: SetAsideExam[] = []
  let total = noDifference()

  const mayBeSetAside = () => anySetAside || setAside.length > 0

  /** Runs `write`; if data makes it fail, nothing was written. */
  async function tried(write: () => Promise<Difference>): Promise<{ error: unknown } | undefined> {
    try {
      total = addDifferences(total, await retryable(clients, write))
      return undefined
    } catch (error) {
      if (!isExamError(error)) throw error
      return { error }
    }
  }

  async function setExamAside(exam: ExamToWrite, error: unknown): Promise<void> {
    const rows = rowsOf([{ ...exam, isNew: false }])
    const kept = await tried(() => writeDifference(store, withoutRows(rows), version))
    const reason = describeExamError(error) + (kept === undefined ? '' : '; the store keeps its earlier rows')
    const aside = { exam: exam.exam, students: exam.students, reason }
    if (!(await addSetAside(store, aside))) throw error
    setAside.push(aside)
  }

  async function writeExams(exams: readonly ExamToWrite[]): Promise<void> {
    const [exam] = exams
    if (exam === undefined) return
    const failed = await tried(async () => writeDifference(store, await examRows(sessions, rowsOf(exams)), version))
    if (failed === undefined) {
      if (mayBeSetAside()) await removeSetAside(store, rowsOf(exams).exams)
      return
    }
    if (exams.length === 1) return setExamAside(exam, failed.error)
    for (const half of halves(exams)) await writeExams(half)
  }

  /** Every exam that the view or the store has of a student. */
  async function writeExamsOf(student: string): Promise<void> {
    const read = async (client: typeof store, relation: 'attempt_exam' | 'attempt_materialized') => {
      const { rows } = await client.query<{ exam: string }>(
        `select distinct exam_result_id::text as exam from ${relation} where student_id = $1::uuid`,
        [student],
      )
      return rows.map(({ exam }) => exam)
    }
    const stored = new Set(await read(store, 'attempt_materialized'))
    let left = [...new Set([...(await read(primary, 'attempt_exam')), ...stored])]
    while (left.length > 0) {
      const exams = await examsThatFit(primary, left.slice(0, examsAtOnce), [student])
      await writeExams(exams.map((exam) => ({ exam, students: [student], isNew: !stored.has(exam) })))
      left = left.slice(exams.length)
    }
  }

  async function writeStudents(students: readonly string[]): Promise<void> {
    const [student] = students
    if (student === undefined) return
    const failed = await tried(async () => writeDifference(store, await studentRows(sessions, [...students]), version))
    if (failed === undefined) {
      if (mayBeSetAside()) await removeSetAsideOf(store, students)
      return
    }
    if (students.length === 1) return writeExamsOf(student)
    for (const half of halves(students)) await writeStudents(half)
  }

  return {
    students: writeStudents,
    exams: writeExams,
    difference: () => total,
    setAside,
  }
}
