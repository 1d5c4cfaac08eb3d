/** Compares store and view, student by student; reads only. */
import { countDifferences } from './recompute.js'
import { nextStudents, rowsOf, type Sessions, transaction } from './refresher.js'

export interface Verified { students: number; differences: { student: string; rows: number }[] }

/** Students of the store in the order of their id. */
async function storedStudents({ store }: Sessions, after: string | null): Promise<string[]> {
  const { rows } = await store.query<{ student_id: string }>(
    'select distinct student_id from attempt_materialized where $1::uuid is null or student_id > $1::uuid order by student_id limit 200', [after])
  return rows.map(({ student_id }) => student_id)
}

/** Rows of these students that differ; whoever waits in the queue may. In two databases the two snapshots are not one. */
function differencesOf(sessions: Sessions, students: string[]): Promise<number> {
  return transaction(sessions, async () => {
    const { rows } = await sessions.source.query<{ student_id: string | null }>('select distinct attempt_student_id(user_id)::text as student_id from attempt_queue')
    if (rows.some(({ student_id }) => student_id === null)) return 0
    const waiting = new Set(rows.map(({ student_id }) => student_id))
    return countDifferences(sessions.store, await rowsOf(sessions, students.filter((student) => !waiting.has(student))))
  })
}

/**
 * Compares all students, or a share of them (by their place among the ids, which are hashes).
 * A difference counts when it is still there a while later: a refresh may fall between two looks.
 * @param progress called with the students compared and the share of the whole, 0 to 1
 */
export async function verifyStore(sessions: Sessions, share: number, progress: (students: number, done: number) => void): Promise<Verified> {
  const found: Verified = { students: 0, differences: [] }
  let after: string | null = null
  for (;;) {
    const both: string[] = [...new Set([...await nextStudents(sessions.source, after), ...await storedStudents(sessions, after)])].sort()
    if (both.length === 0) return found
    // each side gave its next 200: what lies behind the end of the shorter one may be incomplete
    const students: string[] = both.slice(0, 200)
    after = students.at(-1) as string
    const chosen = share >= 1 ? students : students.filter((student) => parseInt(student.slice(-8), 16) < share * 2 ** 32)
    if (chosen.length > 0 && await differencesOf(sessions, chosen) > 0) {
      for (const student of chosen) {
        let rows = 0
        for (let look = 0; look < 4 && (rows = await differencesOf(sessions, [student])) > 0; look++) await new Promise((again) => setTimeout(again, 500))
        if (rows > 0) found.differences.push({ student, rows })
      }
    }
    found.students += chosen.length
    progress(found.students, parseInt(after.slice(0, 8), 16) / 2 ** 32)
  }
}
