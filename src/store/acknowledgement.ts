/**
 * Detects commits that the primary lost after the store had read them. This can happen where the store is in another
 * database than exam_results: synchronous_commit=off and a crash, promotion of a standby that lagged, point-in-time
 * recovery.
 *
 * Each batch commits in the store under a new version, and then records that version on the primary. The primary always
 * loses the end of its log. If it loses a commit, it also loses the record of every version that contains the commit.
 * So only rows with a version after the last recorded one can come from lost commits, or from a batch that a crash
 * ended between its two commits. The students of these rows are recomputed completely.
 */
import type pg from 'pg'
import type { BatchWriter } from './batch-writer.js'
import type { Sessions } from './sessions.js'
import { studentsThatFit } from './sizes.js'
import type { StoreRow } from './store-row.js'

/** If more students than this must be recomputed, the store is rebuilt instead. */
const maxStudents = 10_000
const chunk = 200

/**
 * The last version of the store that the primary has recorded.
 * @throws Error where the queue feeds another store: two readers would each receive only a part of the queue
 */
export async function acknowledgedVersion(primary: pg.ClientBase, { id }: Pick<StoreRow, 'id'>): Promise<string> {
  const {
    rows: [reader],
  } = await primary.query<{ store: string; version: string }>('select store, version from attempt_queue_reader')
  if (reader?.store !== id)
    throw new Error('the queue on exam_results feeds another store. To feed this one, run attempt-api store enable')
  return reader.version
}

/** Records a version on the primary, even if the batch wrote no row: a version without a record counts as lost. */
export async function acknowledgeVersion(primary: pg.ClientBase, { id }: StoreRow, version: string): Promise<void> {
  await primary.query(
    'update attempt_queue_reader set version = $2::bigint where store = $1 and version <> $2::bigint',
    [id, version],
  )
}

/** Students with rows of a later version; at most one more than `maxStudents`. */
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
 * @returns the number of students; undefined: the store must be rebuilt, because it lost a version that the primary has
 * recorded, has removed deletions of later versions, or has too many students to recompute
 */
export async function recomputeUnacknowledged(
  sessions: Sessions,
  row: StoreRow,
  acknowledged: string,
  writer: BatchWriter,
): Promise<number | undefined> {
  const { primary, store } = sessions
  // the store lost exams that are no longer in the queue: a backup was restored, or a standby that lagged was promoted
  if (BigInt(acknowledged) > BigInt(row.version)) return undefined
  // one database loses both commits or neither
  if (primary === store || acknowledged === row.version) return 0
  if (BigInt(acknowledged) < BigInt(row.oldest_version)) return undefined
  const students = await studentsAfter(store, acknowledged)
  if (students.length > maxStudents) return undefined
  for (let left = students; left.length > 0;) {
    const some = await studentsThatFit(primary, left.slice(0, chunk))
    await writer.students(some)
    left = left.slice(some.length)
  }
  return students.length
}
