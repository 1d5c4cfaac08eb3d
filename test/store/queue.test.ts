/** Batches: what is taken from the queue is in the store afterwards, whatever happened to the exams. */
import t from 'tap'
import { studentOfUser } from '../../src/queries/student-id.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { createRefresher } from '../../src/store/refresher.js'
import {
  beforeStatement,
  connectionLost,
  createSmallStore,
  onlyFirstQuestion,
  onOneSession,
  questions,
  queueLength,
  refreshBatch,
  setQuestions,
  stateOf,
  touch,
} from '../helpers/small-store.js'
import { catchUp, differentRows, noDifferentRows, shortIntervals, silentLog } from '../helpers/store.js'
import { until } from '../helpers/until.js'

for (const separate of [false, true])
  t.test(
    `TRUNCATE is seen with its row in the queue or not at all, and survives a crash; separate: ${separate}`,
    async (t) => {
      const { db, store, sessions } = await createSmallStore(t, { separate })
      const other = await db.pool.connect()
      // while a batch runs
      await touch(db, 'u1')
      const truncating = beforeStatement(sessions.primary, 'select store, version', () =>
        t.rejects(other.query(`set lock_timeout = '100ms'; truncate exam_results`), { code: '55P03' }),
      )
      t.match(
        await refreshBatch(separate ? { primary: truncating, store: sessions.store } : onOneSession(truncating), 10),
        { written: 0, deleted: 0 },
      )
      // before a batch that waits for it
      await other.query('reset lock_timeout; begin; truncate exam_results')
      const batch = refreshBatch(sessions, 10)
      await new Promise((done) => setTimeout(done, 200))
      await other.query(`insert into exam_results (session_id, user_id, result_json) values ('new', 'u1', $1)`, [
        questions(1),
      ])
      await other.query('commit')
      t.equal(await batch, undefined)
      // the process ends here; the next one must know
      t.equal((await stateOf(store)).state, 'emptying')
      other.release(true)
      await catchUp(db.url, store.url)
      t.equal((await store.pool.query('select from attempt_materialized')).rowCount, 1)
      t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
      // the store's commit is lost, and the queue still has its row
      await db.pool.query('truncate exam_results')
      const failing = beforeStatement(sessions.store, 'commit', connectionLost)
      await t.rejects(
        refreshBatch(separate ? { primary: sessions.primary, store: failing } : onOneSession(failing), 10),
        /connection lost/,
      )
      t.equal((await stateOf(store)).state, 'ready')
      t.equal(await queueLength(db), 1)
      await catchUp(db.url, store.url)
      t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
    },
  )

t.test('a row leaves the queue only together with the exam that it stands for', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  const first = await stateOf(db)
  for (const user of ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'])
    await db.pool.query('update exam_results set result_json = $2 where user_id = $1', [user, questions(3)])
  await db.pool.query(`update attempt_store set state = 'catching_up', caught_up_at = null`)
  t.match(await refreshBatch(sessions, 4), { exams: 4, students: 2, written: 4, deleted: 8, queueEmptied: false })
  t.match(await stateOf(db), { state: 'catching_up', caught_up_at: null }, 'the queue had more')
  t.equal((await differentRows(db.pool, db.pool)).rows.length > 0, true)
  // committed while a batch runs: not in its snapshot
  const writer = await db.pool.connect()
  let writtenAt = ''
  const busy = beforeStatement(sessions.primary, 'update attempt_store set version', async () => {
    await writer.query(`insert into exam_results (session_id, user_id, result_json) values ('late', 'u5', $1)`, [
      questions(4),
    ])
    writtenAt = (await writer.query<{ at: string }>('select clock_timestamp()::text as at')).rows[0]?.at ?? ''
  })
  t.match(await refreshBatch(onOneSession(busy), 100), { exams: 10, students: 5, queueEmptied: true })
  t.equal(await queueLength(db), 1, 'the exam that was written meanwhile is still in the queue')
  const {
    rows: [claim],
  } = await db.pool.query<{ before: boolean; state: string }>(
    'select caught_up_at < $1::timestamptz as before, state from attempt_store',
    [writtenAt],
  )
  t.strictSame(claim, { before: true, state: 'ready' }, 'the store does not claim what it has not seen')
  t.match(await refreshBatch(sessions, 100), { exams: 1, students: 1, written: 1 })
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  t.equal(BigInt((await stateOf(db)).version) - BigInt(first.version), 3n, 'one version per batch that changed rows')
  const idle = await stateOf(db)
  await refreshBatch(sessions, 100)
  const {
    rows: [beat],
  } = await db.pool.query<{ later: boolean }>('select caught_up_at > $1::timestamptz as later from attempt_store', [
    idle.caught_up_at,
  ])
  t.equal(beat?.later, true, 'with an empty queue the store is as of now')
  writer.release()
})

t.test('versions and deletions show what changed', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  const student = studentOfUser('u1')
  const versions = async () => {
    const { rows } = await db.pool.query<{ key: string; version: string }>(
      `select item_id || '#' || attempt_no as key, version from attempt_materialized where student_id = $1
      union all
      select 'deleted ' || item_id || '#' || attempt_no, version from attempt_deleted where student_id = $1
      order by 1`,
      [student],
    )
    return Object.fromEntries(rows.map(({ key, version }) => [key, version]))
  }
  const next = async () => {
    const { version: before } = await stateOf(db)
    await refreshBatch(sessions, 10)
    const { version } = await stateOf(db)
    t.equal(BigInt(version), BigInt(before) + 1n)
    return version
  }
  const { version: v0 } = await stateOf(db)
  t.strictSame(await versions(), { '1#1': v0, '1#2': v0, '2#1': v0, '2#2': v0 })
  await setQuestions(db, 's1', onlyFirstQuestion)
  const v1 = await next()
  t.strictSame(
    await versions(),
    { '1#1': v0, '1#2': v0, '2#1': v1, 'deleted 2#2': v1 },
    'the second attempt is the first now; rows that did not change keep their version',
  )
  t.strictSame(
    (await db.pool.query('select date::text, version from attempt_day where version > $1 order by 1', [v0])).rows,
    [
      { date: '2026-03-01', version: v1 },
      { date: '2026-03-04', version: v1 },
    ],
    'both days',
  )
  await setQuestions(db, 's13', questions())
  const v2 = await next()
  t.strictSame(await versions(), { '1#1': v0, 'deleted 1#2': v2, 'deleted 2#1': v2, 'deleted 2#2': v1 })
  await setQuestions(db, 's13', questions(2, 2))
  const v3 = await next()
  t.strictSame(
    await versions(),
    { '1#1': v0, 'deleted 1#2': v2, '2#1': v3, '2#2': v3 },
    'a key that exists again is no longer recorded as deleted',
  )
  await db.pool.query(`delete from exam_results where user_id = 'u1'`)
  const v4 = await next()
  t.strictSame(await versions(), { 'deleted 1#1': v4, 'deleted 1#2': v2, 'deleted 2#1': v4, 'deleted 2#2': v4 })
  // a row made by hand, whose key is recorded as deleted
  await db.pool.query(
    `insert into attempt_materialized
    select id, $1, 2, correct, response_time_ms, hint_used, completed_at, started_at, 2, session_id, topic_id,
      exam_result_id, position, answered, version
    from attempt_materialized
    limit 1`,
    [student],
  )
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json) values ('none', 'u1', '{}')`)
  t.match(
    await refreshBatch(sessions, 10),
    { written: 0, deleted: 0 },
    'an exam without an attempt leaves other rows alone',
  )
  t.match(await verifyNextStudents(sessions, null, 20), { differences: 1 })
  t.match(await versions(), { 'deleted 2#2': (await stateOf(db)).version }, 'recorded again, under a new version')
  const wrongTime = `select from attempt_deleted
  where deleted_at < now() - interval '1 hour' or deleted_at > now()`
  t.equal((await db.pool.query(wrongTime)).rowCount, 0)
})

for (const separate of [false, true])
  t.test(`a batch reads only its exams and the rows of their items; separate: ${separate}`, async (t) => {
    const { db, store, sessions } = await createSmallStore(t, { separate })
    const student = studentOfUser('u1')
    // a recomputation of the whole student would repair this
    await store.pool.query(
      'update attempt_materialized set response_time_ms = 7 where student_id = $1 and item_id = 1',
      [student],
    )
    await db.pool.query(
      `insert into exam_results (session_id, user_id, result_json, updated_at)
      values ('between', 'u1', $1, '2026-03-03Z')`,
      ['{"questions": [{"question_id": 2, "is_correct": true}, {"question_id": 8}]}'],
    )
    t.match(await refreshBatch(sessions, 10), { exams: 1, students: 1, written: 3, deleted: 0 })
    t.strictSame(
      (
        await store.pool.query(
          `select item_id, attempt_no, correct, response_time_ms
          from attempt_materialized where student_id = $1 order by 1, 2`,
          [student],
        )
      ).rows,
      [
        { item_id: '1', attempt_no: 1, correct: true, response_time_ms: 7 },
        { item_id: '1', attempt_no: 2, correct: true, response_time_ms: 7 },
        { item_id: '2', attempt_no: 1, correct: false, response_time_ms: 0 },
        { item_id: '2', attempt_no: 2, correct: true, response_time_ms: 0 },
        { item_id: '2', attempt_no: 3, correct: false, response_time_ms: 0 },
        { item_id: '8', attempt_no: 1, correct: false, response_time_ms: 0 },
      ],
      'the late exam is the second, and the former second the third',
    )
  })

const id = '00000000-0000-4000-8000-000000000001'
const otherId = '00000000-0000-4000-8000-000000000002'
const insert = (user: string, ...items: number[]) =>
  `insert into exam_results (id, session_id, user_id, result_json, updated_at)
  values ('${id}', 'it', '${user}', '${questions(...items)}', '2026-03-03Z')`
const update = (assignments: string) => `update exam_results set ${assignments} where id = '${id}'`
/** What happens to one exam between two batches, one case after another. */
const histories: [string, ...string[]][] = [
  ['new, edited', insert('u1', 1, 2, 9), update(`result_json = '${questions(2, 3, 3)}'`)],
  ['edited to nothing', update(`result_json = '{}'`)],
  [
    'edited, moved, edited',
    update(`result_json = '${questions(1, 7)}'`),
    update(`user_id = 'u2'`),
    update(`result_json = '${questions(2, 2)}'`),
  ],
  ['user removed', update('user_id = null')],
  [
    'user set, deleted, inserted again',
    update(`user_id = 'u3'`),
    `delete from exam_results where id = '${id}'`,
    insert('u4', 1, 5),
  ],
  ['moved there and back', update(`user_id = 'u5'`), update(`user_id = 'u4', result_json = '${questions(5, 6)}'`)],
  ['another id', update(`id = '${otherId}', result_json = '${questions(1)}'`)],
  [
    'two exams exchange their ids',
    `update exam_results
    set id = case id when '${otherId}' then '${id}'::uuid else gen_random_uuid() end
    where session_id in ('it', 's4')`,
  ],
  ['another time', update(`updated_at = '2027-01-01Z'`)],
  ['deleted', `delete from exam_results where id = '${id}'`],
]
for (const separate of [false, true])
  t.test(`the store has the last state of an exam, whatever happened to it; separate: ${separate}`, async (t) => {
    const { db, store, sessions } = await createSmallStore(t, { separate })
    for (const [what, ...statements] of histories) {
      for (const statement of statements) await db.pool.query(statement)
      // one exam per batch: everything that happened to it is taken together
      while ((await refreshBatch(sessions, 1))?.queueEmptied === false);
      t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows, what)
    }
  })

t.test('rows of a queue that does not name exams yet are taken by their users', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  await db.pool.query(`update exam_results set result_json = $1 where user_id in ('u1', 'u2')`, [questions(4)])
  await db.pool.query('update attempt_queue set exam_result_id = null, is_new = false')
  t.match(await refreshBatch(sessions, 10), { exams: 0, students: 2, written: 4, deleted: 8, queueEmptied: true })
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  await db.pool.query('alter table attempt_queue drop column is_new, drop column exam_result_id, drop column problem')
  const lines: string[] = []
  const log = (object: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(object)}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: db.url,
    log: { ...silentLog, warn: log, error: log },
    intervals: shortIntervals,
  })
  void refresher.run()
  await until(() => lines.length > 0, 'the refresher logs why it does not work').finally(() => refresher.stop())
  t.match(lines[0], /schema of the queue is from an older release\. Run attempt-api store upgrade/)
})
