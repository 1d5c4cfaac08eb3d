/** Compares store and view, student by student; reads only. */
import { dayDiffers } from './day-comparison.js'
import { countDifferences } from './difference.js'
import { studentsQueued } from './queue.js'
import { studentRows } from './recompute.js'
import { inSnapshot, type Sessions, transaction } from './sessions.js'
import { studentsSetAside } from './set-aside.js'
import { studentsThatFit } from './sizes.js'
import { chunkStudents, limitByExams, nextStudents, shareUpTo } from './students.js'

export interface Verified {
  students: number
  /** Of these, students that were not compared: they have exams in the queue, which the store may not have yet. */
  waiting: number
  /** Of these, students that were not compared because an exam of them is set aside. */
  setAside: number
  differences: { student: string; rows: number }[]
  /** UTC days whose KPIs differ from those of the store's rows. */
  days: string[]
}

/** A difference counts if this many comparisons of the student in a row find it. */
const maxComparisons = 4

/** The next chunk of the store's students after `after`, in the order of their ids. */
async function storedStudents({ store }: Sessions, after: string | null): Promise<string[]> {
  const { rows } = await store.query<{ student_id: string }>(
    `select distinct student_id
from attempt_materialized
where $1::uuid is null or student_id > $1::uuid
order by student_id
limit ${chunkStudents}`,
    [after],
  )
  return rows.map(({ student_id }) => student_id)
}

async function assertReady({ store }: Sessions): Promise<void> {
  const { rows } = await store.query<{ state: string }>('select state from attempt_store')
  if (rows[0]?.state !== 'ready')
    throw new Error('The store is being filled and cannot be compared yet. Retry when it is complete.')
}

/** Counts rows of these students that differ, except of students in the queue. Two databases have two snapshots. */
function differencesOf(
  sessions: Sessions,
  students: string[],
): Promise<{ rows: number; waiting: number; setAside: number }> {
  return transaction(sessions, async () => {
    await assertReady(sessions)
    const queued = await studentsQueued(sessions.primary, students)
    if (queued === 'truncated')
      throw new Error(
        'exam_results was truncated, so the store is about to be filled again. Retry when it is complete.',
      )
    const setAside = new Set(await studentsSetAside(sessions.store, students))
    const waiting = new Set(queued)
    const compared = students.filter((student) => !waiting.has(student) && !setAside.has(student))
    return {
      rows: await countDifferences(sessions.store, await studentRows(sessions, compared)),
      waiting: students.filter((student) => waiting.has(student) && !setAside.has(student)).length,
      setAside: setAside.size,
    }
  })
}

/** Rows of one student that still differ after a wait: a batch may commit between the snapshots of two databases. */
async function lastingDifference(sessions: Sessions, student: string, recheckMs: number): Promise<number> {
  let rows = 0
  for (let comparison = 0; comparison < maxComparisons; comparison++) {
    rows = (await differencesOf(sessions, [student])).rows
    if (rows === 0) return 0
    await new Promise((done) => setTimeout(done, recheckMs))
  }
  return rows
}

/** UTC days whose KPIs and rows differ. */
async function differentDays(sessions: Sessions): Promise<string[]> {
  const { rows } = await transaction(sessions, () =>
    sessions.store.query<{ date: string }>(`select date::text as date from attempt_topic_day
union
select (completed_at at time zone 'UTC')::date::text from attempt_materialized
order by date`),
  )
  const different: string[] = []
  for (const { date } of rows)
    if (await transaction(sessions, () => dayDiffers(sessions.store, date))) different.push(date)
  await assertReady(sessions)
  return different
}

/**
 * Compares all students and then the days, or a share of the students (chosen by id, which is a hash).
 * @param progress called with the number of students so far, and the share of all students that this is, 0 to 1
 * @param recheckMs milliseconds after which a student that differed is compared again
 * @throws Error if the store is being filled
 */
export async function verifyStore(
  sessions: Sessions,
  share: number,
  progress: (students: number, done: number) => void,
  { recheckMs = 500 }: { recheckMs?: number } = {},
): Promise<Verified> {
  const result: Verified = { students: 0, waiting: 0, setAside: 0, differences: [], days: [] }
  let after: string | null = null
  for (;;) {
    const viewed: string[] = await nextStudents(sessions.primary, after)
    const candidates = [...new Set([...viewed, ...(await storedStudents(sessions, after))])].sort()
    // cut to one chunk: beyond it, students of the database that reached its limit may be missing
    const chunk = await limitByExams(sessions.primary, candidates.slice(0, chunkStudents))
    const students = await inSnapshot(sessions.primary, () => studentsThatFit(sessions.primary, chunk))
    const last = students.at(-1)
    if (last === undefined) break
    after = last
    const chosen =
      share >= 1 ? students : students.filter((student) => parseInt(student.slice(-8), 16) < share * 2 ** 32)
    const { rows, waiting, setAside } = await differencesOf(sessions, chosen)
    result.waiting += waiting
    result.setAside += setAside
    for (const student of rows > 0 ? chosen : []) {
      const lasting = await lastingDifference(sessions, student, recheckMs)
      if (lasting > 0) result.differences.push({ student, rows: lasting })
    }
    result.students += chosen.length
    progress(result.students, shareUpTo(last))
  }
  if (share >= 1) result.days = await differentDays(sessions)
  return result
}
