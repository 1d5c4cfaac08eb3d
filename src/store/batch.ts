/** One step of keeping in step: some exams of the queue, their rows, one version, one commit. */
import { markDays } from './days.js'
import { rebuild } from './fill.js'
import { rowsOf, rowsOfExams, writeDifference } from './recompute.js'
import { acknowledge, acknowledged, readState, type Sessions, transaction } from './sessions.js'
import { added, noDifference, recomputeUnacknowledged } from './unacknowledged.js'

export interface Batch {
  exams: number
  students: number
  written: number
  deleted: number
  version: string
  /** Nothing was left in the queue that the snapshot shows. */
  emptied: boolean
  /** Students of steps that exam_results' database does not know of, and the rows of theirs that differed. */
  unacknowledged: { students: number; rows: number }
}

interface Queued {
  user_id: string | null
  exam_result_id: string | null
  is_new: boolean
  student_id: string | null
}

/** Takes up to `batch` exams, with every row of the queue that names one of them: half of what happened to an exam is no state of it. */
async function take({ primary }: Sessions, batch: number): Promise<{ queue: Queued[]; emptied: boolean }> {
  const { rows: first } = await primary.query<{ exam_result_id: string | null }>(
    'select exam_result_id from attempt_queue limit $1',
    [batch],
  )
  if (first.length === 0) return { queue: [], emptied: true }
  const { rows: queue } = await primary.query<Queued>(
    `with taken as (
  delete from attempt_queue where exam_result_id = any($1::uuid[]) or exam_result_id is null returning user_id, exam_result_id, is_new
)
select user_id, exam_result_id, is_new, attempt_student_id(user_id)::text as student_id from taken`,
    [[...new Set(first.map(({ exam_result_id }) => exam_result_id))]],
  )
  return { queue, emptied: first.length < batch }
}

const unique = <T>(list: readonly (T | null)[]): T[] => [...new Set(list.filter((one): one is T => one !== null))]

/**
 * Takes exams from the queue, recomputes them and commits everything at once.
 * @param batch exams taken at most; those of a queue of before exams were named come all
 * @returns undefined: the store is to be filled first
 * @throws Error where the store is not enabled, or the queue feeds another one
 */
export async function refreshBatch(sessions: Sessions, batch: number): Promise<Batch | undefined> {
  const { primary, store } = sessions
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined) throw new Error('the store is not enabled')
    if (state.state === 'emptying' || state.state === 'filling') return undefined
    const known = await acknowledged(primary, state)
    const { queue, emptied } = await take(sessions, batch)
    const next = String(BigInt(state.version) + 1n)
    // user_id null: the table was emptied
    const lost = queue.some(({ user_id }) => user_id === null)
      ? undefined
      : await recomputeUnacknowledged(sessions, state, known, next)
    if (lost === undefined) {
      // what was taken here is older than the fill that follows, which sees it
      await rebuild(store)
      await primary.query('update attempt_queue_reader set version = 0')
      return undefined
    }
    let total = added(lost, noDifference())
    const whole = unique(queue.map(({ exam_result_id, student_id }) => (exam_result_id === null ? student_id : null)))
    if (whole.length > 0) total = added(total, await writeDifference(store, await rowsOf(sessions, whole), next))
    const named = queue.filter(({ exam_result_id }) => exam_result_id !== null)
    if (named.length > 0) {
      const edited = named.filter(({ is_new }) => !is_new)
      total = added(
        total,
        await writeDifference(
          store,
          await rowsOfExams(sessions, {
            students: unique(named.map(({ student_id }) => student_id)),
            exams: unique(named.map(({ exam_result_id }) => exam_result_id)),
            edited: {
              students: unique(edited.map(({ student_id }) => student_id)),
              exams: unique(edited.map(({ exam_result_id }) => exam_result_id)),
            },
          }),
          next,
        ),
      )
    }
    await markDays(store, total.days, next)
    const { written, deleted } = total
    const version = written + deleted > 0 ? next : state.version
    // now(): when the store's transaction began, and so before the primary's snapshot; by the clock that tells the lag
    await store.query(
      `update attempt_store set version = $1::bigint, state = case when $2 then 'ready' else state end, caught_up_at = case when $2 then now() else caught_up_at end`,
      [version, emptied],
    )
    await acknowledge(primary, state, version)
    return {
      exams: new Set(named.map(({ exam_result_id }) => exam_result_id)).size,
      students: unique(queue.map(({ student_id }) => student_id)).length,
      written,
      deleted,
      version,
      emptied,
      unacknowledged: { students: lost.students, rows: lost.written + lost.deleted },
    }
  })
}
