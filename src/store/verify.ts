/** Compares store and view, student by student; reads only. */
import { dayDiffers } from './days.js'
import { affordable, nextStudents } from './fill.js'
import { countDifferences, rowsOf } from './recompute.js'
import { type Sessions, transaction } from './sessions.js'

export interface Verified {
  students: number
  /** Of them left out: their exams were just written, and the store may be behind. */
  waiting: number
  differences: { student: string; rows: number }[]
  /** UTC days whose KPIs are not those of the store's rows. */
  days: string[]
}

/** Students of the store in the order of their id. */
async function storedStudents({ store }: Sessions, after: string | null): Promise<string[]> {
  const { rows } = await store.query<{ student_id: string }>(
    'select distinct student_id from attempt_materialized where $1::uuid is null or student_id > $1::uuid order by student_id limit 200',
    [after],
  )
  return rows.map(({ student_id }) => student_id)
}

async function mustBeWhole({ store }: Sessions): Promise<void> {
  const {
    rows: [state],
  } = await store.query<{ state: string }>('select state from attempt_store')
  if (state?.state !== 'ready') throw new Error('The store is being filled: nothing can be compared yet.')
}

/** Rows of these students that differ; whoever waits in the queue may. In two databases the two snapshots are not one. */
function differencesOf(sessions: Sessions, students: string[]): Promise<{ rows: number; waiting: number }> {
  return transaction(sessions, async () => {
    await mustBeWhole(sessions)
    const { rows } = await sessions.primary.query<{ student_id: string | null }>(
      'select distinct attempt_student_id(user_id)::text as student_id from attempt_queue',
    )
    const waiting = new Set(rows.map(({ student_id }) => student_id))
    if (waiting.has(null))
      throw new Error(
        'exam_results was emptied, and the store is about to be filled anew: nothing can be compared yet.',
      )
    const compared = students.filter((student) => !waiting.has(student))
    return {
      rows: await countDifferences(sessions.store, await rowsOf(sessions, compared)),
      waiting: students.length - compared.length,
    }
  })
}

/** Days of the store, with rows or with KPIs, where the one is not made of the other. */
async function differentDays(sessions: Sessions): Promise<string[]> {
  const { rows } = await transaction(sessions, () =>
    sessions.store.query<{ date: string }>(`select date::text as date from attempt_topic_day
union select (completed_at at time zone 'UTC')::date::text from attempt_materialized order by date`),
  )
  const different: string[] = []
  for (const { date } of rows)
    if (await transaction(sessions, () => dayDiffers(sessions.store, date))) different.push(date)
  await mustBeWhole(sessions)
  return different
}

/**
 * Compares all students, and then the days, or a share of the students (by their place among the ids, which are hashes).
 * A difference counts when it is still there a while later: a refresh may fall between two looks.
 * @param progress called with the students compared and the share of the whole, 0 to 1
 */
export async function verifyStore(
  sessions: Sessions,
  share: number,
  progress: (students: number, done: number) => void,
): Promise<Verified> {
  const found: Verified = { students: 0, waiting: 0, differences: [], days: [] }
  let after: string | null = null
  for (;;) {
    const both: string[] = [
      ...new Set([...(await nextStudents(sessions.primary, after)), ...(await storedStudents(sessions, after))]),
    ].sort()
    if (both.length === 0) break
    // each side gave its next 200: what lies behind the end of the shorter one may be incomplete
    const students: string[] = await affordable(sessions.primary, both.slice(0, 200))
    after = students.at(-1) as string
    const chosen =
      share >= 1 ? students : students.filter((student) => parseInt(student.slice(-8), 16) < share * 2 ** 32)
    const looked = await differencesOf(sessions, chosen)
    found.waiting += looked.waiting
    if (looked.rows > 0) {
      for (const student of chosen) {
        let rows = 0
        for (let look = 0; look < 4 && (rows = (await differencesOf(sessions, [student])).rows) > 0; look++)
          await new Promise((again) => setTimeout(again, 500))
        if (rows > 0) found.differences.push({ student, rows })
      }
    }
    found.students += chosen.length
    progress(found.students, parseInt(after.slice(0, 8), 16) / 2 ** 32)
  }
  if (share >= 1) found.days = await differentDays(sessions)
  return found
}
