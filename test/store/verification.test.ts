/** Comparing the store with the view: a few students at a time while idle, and all of them by `store verify`. */
import t from 'tap'
import { studentOfUser } from '../../src/queries/student-id.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { countDifferences } from '../../src/store/difference.js'
import { rebuild } from '../../src/store/fill.js'
import { type Sessions, transaction } from '../../src/store/sessions.js'
import { verifyStore } from '../../src/store/verify.js'
import {
  createSmallStore,
  insertUnknownStudent,
  refreshUntil,
  stateOf,
  touch,
  unknownStudent,
} from '../helpers/small-store.js'
import { differentRows, noDifferentRows, settleDays, dayColumns } from '../helpers/store.js'

const verifyAll = (sessions: Sessions) => verifyStore(sessions, 1, () => undefined, { recheckMs: 20 })

t.test('a difference in any column is found and repaired', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  const changes: Record<string, string> = {
    id: 'id + 1',
    correct: 'not correct',
    response_time_ms: 'response_time_ms + 1',
    hint_used: 'not hint_used',
    completed_at: `completed_at + interval '40 days'`,
    started_at: `started_at - interval '1 microsecond'`,
    session_id: 'null',
    topic_id: `coalesce(topic_id, '') || 'x'`,
    exam_result_id: 'gen_random_uuid()',
    position: 'position + 1',
    answered: 'not answered',
    attempt_no: 'attempt_no + 7',
    item_id: 'item_id + 7',
  }
  const students = [studentOfUser('u1')]
  for (const [column, changed] of Object.entries(changes)) {
    await db.pool.query(
      `update attempt_materialized set ${column} = ${changed}
      where student_id = $1 and item_id = 1 and attempt_no = 1`,
      [students[0]],
    )
    // another key is a row too many and one that is missing
    const differences = ['attempt_no', 'item_id'].includes(column) ? 2 : 1
    t.equal(await transaction(sessions, () => countDifferences(sessions.store, { students })), differences, column)
    t.match(await verifyNextStudents(sessions, null, 20), { differences }, column)
    await settleDays(sessions.store)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, column)
  }
})

t.test('a running refresher repairs what was changed by hand, and counts it', async (t) => {
  const small = await createSmallStore(t)
  const { db } = small
  const changed = await db.pool.query('update attempt_materialized set correct = not correct where student_id = $1', [
    studentOfUser('u1'),
  ])
  const deleted = await db.pool.query('delete from attempt_materialized where student_id = $1', [studentOfUser('u2')])
  await db.pool.query(insertUnknownStudent)
  const expected = (changed.rowCount ?? NaN) + (deleted.rowCount ?? NaN) + 1
  // where a day is compared before its students, it counts as well
  const lines = await refreshUntil(
    small,
    'every row was repaired',
    async () =>
      Number((await stateOf(db)).differences) >= expected && (await differentRows(db.pool, db.pool)).rows.length === 0,
  )
  t.ok(lines.some((line) => /the store differed from the view/.test(line)))
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  t.equal((await db.pool.query('select from attempt_store where difference_at is not null')).rowCount, 1)
})

t.test('verification walks through all students of both sides, and leaves out those in the queue', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  await db.pool.query('update attempt_materialized set correct = not correct where student_id = $1', [
    studentOfUser('u1'),
  ])
  await touch(db, 'u1')
  let after: string | null = null
  const walked: (string | null)[] = []
  for (let step = 0; step < 4; step++) {
    const verified = await verifyNextStudents(sessions, after, 5)
    t.equal(verified.differences, 0)
    walked.push((after = verified.after))
  }
  t.equal(walked[3], null, '5, 5, 2, and then the first again')
  await db.pool.query('delete from attempt_queue')
  t.match(await verifyNextStudents(sessions, null, 20), { differences: 4 })
  t.strictSame(await verifyAll(sessions), { students: 12, waiting: 0, setAside: 0, differences: [], days: [] })
  await db.pool.query(insertUnknownStudent)
  t.match(
    await verifyAll(sessions),
    { students: 13, differences: [{ student: unknownStudent, rows: 1 }] },
    'a student that only the store has',
  )
  t.match(await verifyNextStudents(sessions, null, 20), { differences: 1 })
  await touch(db, 'u1')
  t.match(await verifyAll(sessions), { students: 12, waiting: 1 })
  await db.pool.query(
    `update attempt_topic_day set p90_response_time_ms = p90_response_time_ms + 1
    where date = '2026-03-02' and topic_id is null`,
  )
  await db.pool.query(
    `insert into attempt_topic_day
    select ${dayColumns.replace('date', 'date + 1000')} from attempt_topic_day limit 1`,
  )
  const { days } = await verifyAll(sessions)
  t.equal(days.length, 2)
  t.equal(days[0], '2026-03-02')
  await db.pool.query('truncate exam_results')
  await t.rejects(verifyAll(sessions), /was truncated/)
  await rebuild(sessions.store)
  await t.rejects(verifyAll(sessions), /being filled/)
})
