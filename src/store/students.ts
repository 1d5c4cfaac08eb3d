/** Iterates over all students in the order of their ids, in chunks. */
import type pg from 'pg'

/** Students and exams per chunk: they bound the cost of a transaction and the memory of this process. */
export const chunkStudents = 200
const chunkExams = 2_000

/** The next chunk of students after `after`, in the order of their ids. */
export async function nextStudents(primary: pg.ClientBase, after: string | null): Promise<string[]> {
  const { rows } = await primary.query<{ student_id: string }>({
    // two texts: one plan for both cases would always read the index from its start
    text: `select distinct student_id from attempt_exam
where ${after === null ? 'student_id is not null' : 'student_id > $1::uuid'}
order by student_id
limit ${chunkStudents}`,
    values: after === null ? [] : [after],
  })
  return rows.map(({ student_id }) => student_id)
}

/** The first students whose exams together fit into one chunk; at least one student. */
export async function limitByExams(primary: pg.ClientBase, students: string[]): Promise<string[]> {
  const { rows } = await primary.query<{ student_id: string; exams: string }>(
    'select student_id, count(*) as exams from attempt_exam where student_id = any($1::uuid[]) group by student_id',
    [students],
  )
  const exams = new Map(rows.map((row) => [row.student_id, Number(row.exams)]))
  let sum = 0
  return students.filter((student, index) => (sum += exams.get(student) ?? 0) <= chunkExams || index === 0)
}

/** The estimated share of students up to this one, 0 to 1: ids are hashes, so they are evenly distributed. */
export const shareUpTo = (student: string): number => parseInt(student.slice(0, 8), 16) / 2 ** 32
