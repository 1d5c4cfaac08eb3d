/**
 * Where exam_results is in another database than the store, it may lose its last commits (synchronous_commit=off and a
 * crash, promotion of a standby that lagged, point-in-time recovery) after the store took them.
 *
 * Each batch commits in the store, under a new version, and then records that version on the primary. What the primary
 * loses is the end of its log: with a commit, everything after it, and so the record of any version that contains it.
 * Rows with a later version than the last recorded one are therefore all that may come from lost commits (or from a
 * batch that a crash ended between its two commits); their students are recomputed completely.
 */
import type pg from 'pg'
import { addDifferences, type Difference, noDifference, writeDifference } from './difference.js'
import { studentRows } from './recompute.js'
import type { Sessions } from './sessions.js'
import type { StoreRow } from './store-row.js'

/** More students than this are not recomputed in one transaction: the store is rebuilt. */
const maxStudents = 10_000
const chunk = 200

/**
 * The last version of the store that the primary has recorded.
 * @throws Error where the queue feeds another store: each of the two would get a part
 */
export async function acknowledgedVersion(primary: pg.ClientBase, { id }: StoreRow): Promise<string> {
  const {
    rows: [reader],
  } = await primary.query<{ store: string; version: string }>('select store, version from attempt_queue_reader')
  if (reader?.store !== id)
    throw new Error('the queue on exam_results feeds another store. To feed this one, run attempt-api store enable')
  return reader.version
}

/** Records a version on the primary, whatever the batch wrote: a version that is not recorded counts as lost. */
export async function acknowledgeVersion(primary: pg.ClientBase, { id }: StoreRow, version: string): Promise<void> {
  await primary.query(
    'update attempt_queue_reader set version = $2::bigint where store = $1 and version <> $2::bigint',
    [id, version],
  )
}

/** Students with rows of a later version, one more than may be recomputed at most. */
async function studentsAfter(store: pg.ClientBase, version: string): Promise<string[]> {
  const { rows } = await store.query<{ student_id: string }>(
    `select student_id from attempt_materialized where version > $1::bigint
union
select student_id from attempt_deleted where version > $1::bigint
order by student_id
limit ${maxStudents + 1}`,
    [version],
  )
  return rows.map(({ student_id }) => student_id)
}

/**
 * Recomputes the students of batches that the primary has not recorded, inside the caller's transaction.
 * @param acknowledged the version that the primary has recorded
 * @param version the version to write
 * @returns undefined: the store must be rebuilt, because it lost a version that the primary has recorded, has removed
 * deletions of later versions, or has too many students to recompute
 */
export async function recomputeUnacknowledged(
  sessions: Sessions,
  row: StoreRow,
  acknowledged: string,
  version: string,
): Promise<(Difference & { students: number }) | undefined> {
  const { primary, store } = sessions
  // the store lost what the queue has given up: it was restored from a backup, or a standby that lagged was promoted
  if (BigInt(acknowledged) > BigInt(row.version)) return undefined
  // one database loses both or neither
  if (primary === store || acknowledged === row.version) return { ...noDifference(), students: 0 }
  if (BigInt(acknowledged) < BigInt(row.oldest_version)) return undefined
  const students = await studentsAfter(store, acknowledged)
  if (students.length > maxStudents) return undefined
  let total = noDifference()
  for (let at = 0; at < students.length; at += chunk) {
    const rows = await studentRows(sessions, students.slice(at, at + chunk))
    total = addDifferences(total, await writeDifference(store, rows, version))
  }
  return { ...total, students: students.length }
}
