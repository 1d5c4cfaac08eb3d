/**
 * Where exam_results is in another database than the store, it may lose its last commits (synchronous_commit=off and a
 * crash, a standby that lagged and was promoted, a recovery to a moment) after the store took them.
 *
 * Each step commits in the store, under a new version, and then acknowledges that version at the primary. What is lost
 * there is the end of a log: with a commit, everything behind it, and so the acknowledgement of whatever saw it. The rows
 * with a later version than the last one acknowledged are therefore all that may come from lost commits (or from a step
 * that a crash ended between its two commits); their students are recomputed whole.
 */
import { type Difference, rowsOf, writeDifference } from './recompute.js'
import type { Sessions, StoreRow } from './sessions.js'

/** Students recomputed in one transaction, a chunk at a time; of more the store is filled anew. */
const most = 10_000
const chunk = 200

export const noDifference = (): Difference => ({ written: 0, deleted: 0, days: [] })

export const added = (one: Difference, other: Difference): Difference => ({
  written: one.written + other.written,
  deleted: one.deleted + other.deleted,
  days: [...new Set([...one.days, ...other.days])],
})

/**
 * Recomputes whom a step touched that the primary does not know of, inside the caller's transaction.
 * @param known the version that the primary has acknowledged
 * @returns undefined: the store is to be filled anew, for it lost what it had acknowledged, forgot which keys went since, or has too much to recompute
 */
export async function recomputeUnacknowledged(
  sessions: Sessions,
  { version, oldest_version: oldest }: StoreRow,
  known: string,
  next: string,
): Promise<(Difference & { students: number }) | undefined> {
  const { primary, store } = sessions
  // the queue gave up what the store has not: a backup, a standby that was behind
  if (BigInt(known) > BigInt(version)) return undefined
  // one database loses both or neither
  if (primary === store || known === version) return { ...noDifference(), students: 0 }
  if (BigInt(known) < BigInt(oldest)) return undefined
  const { rows } = await store.query<{ student_id: string }>(
    `select student_id from attempt_materialized where version > $1::bigint
union select student_id from attempt_deleted where version > $1::bigint order by student_id limit ${most + 1}`,
    [known],
  )
  if (rows.length > most) return undefined
  let total = noDifference()
  for (let at = 0; at < rows.length; at += chunk) {
    total = added(
      total,
      await writeDifference(
        store,
        await rowsOf(
          sessions,
          rows.slice(at, at + chunk).map(({ student_id }) => student_id),
        ),
        next,
      ),
    )
  }
  return { ...total, students: rows.length }
}
