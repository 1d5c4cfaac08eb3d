/** One batch: takes exams from the queue, recomputes their rows and commits them under one version. */
import { acknowledgedVersion, acknowledgeVersion, recomputeUnacknowledged } from './acknowledgement.js'
import { createBatchWriter, type ExamToWrite } from './batch-writer.js'
import { markDaysStale } from './day-kpis.js'
import { rebuild } from './fill.js'
import { hasProblems } from './queue-problems.js'
import { type Sessions, transaction } from './sessions.js'
import { nextRetry, type SetAsideExam } from './set-aside.js'
import { examsThatFit } from './sizes.js'
import { lockStoreRow, nextVersion } from './store-row.js'

export interface RefreshedBatch {
  exams: number
  students: number
  written: number
  deleted: number
  version: string
  /** The batch took every exam that its snapshot had in the queue. */
  queueEmptied: boolean
  /** Students of batches that the primary has not recorded, and their rows that differed. */
  unacknowledged: { students: number; rows: number }
  /** Exams that could not be taken. */
  setAside: readonly SetAsideExam[]
}

/** `exam_result_id` null: written by the queue's first migration. */
interface QueueRow {
  /** Not a row of an exam: the table was truncated. */
  truncated: boolean
  exam_result_id: string | null
  is_new: boolean
  student_id: string | null
}

/**
 * Takes up to `limit` exams whose rows fit into one statement, each with all its rows in the queue, so that the batch
 * sees every change of an exam.
 */
async function takeFromQueue(
  { primary }: Sessions,
  limit: number,
): Promise<{ queueRows: QueueRow[]; queueEmptied: boolean }> {
  const { rows: first } = await primary.query<{ exam: string | null; student: string | null }>(
    'select exam_result_id::text as exam, attempt_student_id(user_id)::text as student from attempt_queue limit $1',
    [limit],
  )
  if (first.length === 0) return { queueRows: [], queueEmptied: true }
  const exams = unique(first.map(({ exam }) => exam))
  const fitting = await examsThatFit(primary, exams, unique(first.map(({ student }) => student)))
  const { rows: queueRows } = await primary.query<QueueRow>(
    `with taken as (
  delete from attempt_queue
  where exam_result_id = any($1::uuid[]) or exam_result_id is null
  returning user_id, exam_result_id, is_new
)
select user_id is null as truncated, exam_result_id, is_new, attempt_student_id(user_id)::text as student_id
from taken`,
    [fitting],
  )
  return { queueRows, queueEmptied: first.length < limit && fitting.length === exams.length }
}

const unique = <T>(values: readonly (T | null)[]): T[] => [
  ...new Set(values.filter((value): value is T => value !== null)),
]
const studentsOf = (rows: QueueRow[]) => unique(rows.map(({ student_id }) => student_id))

/** An exam is new if all its rows in the queue say so. */
function examsOf(rows: QueueRow[]): ExamToWrite[] {
  const exams = new Map<string, { students: Set<string>; isNew: boolean }>()
  for (const { exam_result_id: id, student_id: student, is_new: isNew } of rows) {
    if (id === null) continue
    const exam = exams.get(id) ?? { students: new Set(), isNew: true }
    if (student !== null) exam.students.add(student)
    exams.set(id, { students: exam.students, isNew: exam.isNew && isNew })
  }
  return [...exams].map(([exam, { students, isNew }]) => ({ exam, students: [...students], isNew }))
}

/**
 * Takes exams from the queue, recomputes them and commits.
 * @param limit the most exams to take; all rows of the queue that name no exam are taken as well
 * @returns undefined: the store must be filled first
 * @throws Error where the store is not enabled, or the queue feeds another store
 */
export async function refreshBatch(sessions: Sessions, limit: number): Promise<RefreshedBatch | undefined> {
  const { primary, store } = sessions
  return transaction(sessions, async () => {
    const row = await lockStoreRow(store)
    if (row === undefined) throw new Error('the store is not enabled: run attempt-api store enable')
    if (row.state === 'emptying' || row.state === 'filling') return undefined
    const acknowledged = await acknowledgedVersion(primary, row)
    // the rows that describe the problem stay until the store is marked for a rebuild
    const incomplete = await hasProblems(primary)
    const { queueRows, queueEmptied } = incomplete
      ? { queueRows: [], queueEmptied: false }
      : await takeFromQueue(sessions, limit)
    const next = nextVersion(row)
    const truncated = queueRows.some((queued) => queued.truncated)
    const writer = createBatchWriter(sessions, next, row.set_aside > 0)
    const unacknowledged =
      incomplete || truncated ? undefined : await recomputeUnacknowledged(sessions, row, acknowledged, writer)
    if (unacknowledged === undefined) {
      // the taken rows are not lost: the fill that follows reads their exams from the view
      await rebuild(store)
      await primary.query('update attempt_queue_reader set version = 0')
      return undefined
    }
    const repeated = writer.difference()
    await writer.students(studentsOf(queueRows.filter(({ exam_result_id }) => exam_result_id === null)))
    const exams = examsOf(queueRows)
    await writer.exams(exams)
    const retry = row.set_aside > 0 ? await nextRetry(store) : undefined
    if (retry !== undefined) await writer.exams([{ ...retry, isNew: false }])
    const { written, deleted, days } = writer.difference()
    await markDaysStale(store, days, next)
    const version = written + deleted > 0 ? next : row.version
    // now() is the begin of the store's transaction, before the primary's snapshot; the lag is measured by the same
    // clock
    await store.query(
      `update attempt_store set version = $1::bigint,
  state = case when $2 then 'ready' else state end,
  caught_up_at = case when $2 then now() else caught_up_at end,
  set_aside = (select count(*) from attempt_set_aside)`,
      [version, queueEmptied],
    )
    await acknowledgeVersion(primary, row, version)
    return {
      exams: exams.length,
      students: studentsOf(queueRows).length,
      written,
      deleted,
      version,
      queueEmptied,
      unacknowledged: { students: unacknowledged, rows: repeated.written + repeated.deleted },
      setAside: writer.setAside,
    }
  })
}
