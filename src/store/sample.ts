/** Verification while idle: a few students at a time, repaired where they differ from the view. */
import { markDays } from './days.js'
import { rowsOf, writeDifference } from './recompute.js'
import { acknowledge, readState, type Sessions, transaction } from './sessions.js'

/** Nothing is refreshed meanwhile. */
const mostMs = 1_000

/**
 * The next `count` students in the order of their id, compared with the view and repaired where they differ.
 * @returns rows that differed, and the last student; null: the next one is the first again. `late`: a statement took
 * longer than the others may wait, and nothing was compared: fewer are to be tried, and one alone is passed over
 */
export async function verifySample(
  sessions: Sessions,
  after: string | null,
  count: number,
): Promise<{ differences: number; after: string | null; late?: true }> {
  const { primary, store } = sessions
  let last: string | null = null
  return transaction(sessions, async () => {
    const state = await readState(store)
    if (state === undefined || state.state !== 'ready') return { differences: 0, after }
    for (const client of new Set([primary, store])) await client.query(`set local statement_timeout = ${mostMs}`)
    // from both sides: a student may be in the store alone, or not there at all
    const both: string[] = []
    for (const [client, relation] of [
      [primary, 'attempt_exam'],
      [store, 'attempt_materialized'],
    ] as const) {
      const { rows } = await client.query<{ student_id: string }>(
        `select distinct student_id from ${relation}
where ${after === null ? 'student_id is not null' : 'student_id > $2::uuid'} order by student_id limit $1::integer`,
        after === null ? [count] : [count, after],
      )
      both.push(...rows.map(({ student_id }) => student_id))
    }
    const students = new Set([...new Set(both)].sort().slice(0, count))
    last = [...students].at(-1) ?? null
    // whose exams were just written is allowed to differ
    const { rows: waiting } = await primary.query<{ student_id: string | null }>(
      'select distinct attempt_student_id(user_id)::text as student_id from attempt_queue',
    )
    for (const { student_id } of waiting) {
      if (student_id === null) return { differences: 0, after }
      students.delete(student_id)
    }
    const next = String(BigInt(state.version) + 1n)
    const { written, deleted, days } = await writeDifference(store, await rowsOf(sessions, [...students]), next)
    if (written + deleted > 0) {
      await markDays(store, days, next)
      await store.query(
        'update attempt_store set version = $1::bigint, differences = differences + $2::bigint, difference_at = now()',
        [next, written + deleted],
      )
      await acknowledge(primary, state, next)
    }
    return { differences: written + deleted, after: last }
  }).catch((error: unknown) => {
    if ((error as { code?: string }).code !== '57014') throw error
    return { differences: 0, after: count === 1 ? last : after, late: true as const }
  })
}
