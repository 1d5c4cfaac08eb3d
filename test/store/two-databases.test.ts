/** A store in another database than exam_results: crashes between the two commits, and lost commits on either side. */
import t from 'tap'
import { studentOfUser } from '../../src/queries/student-id.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { disableStore, enableStore } from '../../src/store/enable.js'
import { fillChunk } from '../../src/store/fill.js'
import { transaction } from '../../src/store/sessions.js'
import { nextStudents } from '../../src/store/students.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import {
  beforeStatement,
  connectionLost,
  createSmallStore,
  questions,
  queueLength,
  refreshBatch,
  stateOf,
  touch,
} from '../helpers/small-store.js'
import { catchUp, differentRows, noDifferentRows, settleDays } from '../helpers/store.js'

const insert = (session: string, items: number[], at = 'now()') =>
  `insert into exam_results (session_id, user_id, result_json, updated_at)
  values ('${session}', 'u1', '${questions(...items)}', ${at})`

t.test('a crash between the commits costs a recomputation, never a row', async (t) => {
  const { db, store, sessions } = await createSmallStore(t, { separate: true })
  await db.pool.query(insert('first', [9]))
  const losesPrimary = { primary: beforeStatement(sessions.primary, 'commit', connectionLost), store: sessions.store }
  await t.rejects(refreshBatch(losesPrimary, 10), /connection lost/)
  t.equal(await queueLength(db), 1, 'the store has the exam, and so does the queue')
  await settleDays(sessions.store)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  const { version } = await stateOf(store)
  t.match(await refreshBatch(sessions, 10), { exams: 1, written: 0, deleted: 0, version })
  await db.pool.query(insert('second', [9]))
  const losesStore = { primary: sessions.primary, store: beforeStatement(sessions.store, 'commit', connectionLost) }
  await t.rejects(refreshBatch(losesStore, 10), /connection lost/)
  t.equal(await queueLength(db), 1, 'the exam is only in the queue')
  t.not((await differentRows(db.pool, store.pool)).rows.length, 0)
  t.match(await refreshBatch(sessions, 10), { exams: 1, written: 1 })
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  const client = await store.pool.connect()
  await client.query('set synchronous_commit = off')
  const setting = await transaction({ primary: sessions.primary, store: client }, async () => {
    const { rows } = await client.query<{ value: string }>(`select current_setting('synchronous_commit') as value`)
    return rows[0]?.value
  })
  t.equal(setting, 'on', 'what leaves the queue is on the disk of the store')
  client.release(true)
})

t.test('a store that lost commits is rebuilt', async (t) => {
  const { db, store, sessions } = await createSmallStore(t, { separate: true })
  await db.pool.query(insert('lost', [9]))
  const old = await stateOf(store)
  await refreshBatch(sessions, 10)
  const lost = await stateOf(store)
  // as restored from a backup, or on a standby that lagged and was promoted
  await store.pool.query('delete from attempt_materialized where item_id = 9')
  await store.pool.query('update attempt_store set version = $1', [old.version])
  t.equal(await refreshBatch(sessions, 10), undefined)
  t.equal((await stateOf(store)).state, 'emptying')
  await catchUp(db.url, store.url)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  t.ok(BigInt((await stateOf(store)).version) > BigInt(lost.version), 'no version is assigned twice')
})

/** Saves what the primary has. @returns puts it back, as after a crash or a failover that lost the end of the log */
async function savePrimary({ pool }: TestDatabase): Promise<() => Promise<void>> {
  const tables = ['exam_results', 'attempt_queue', 'attempt_queue_reader']
  for (const table of tables)
    await pool.query(`drop table if exists saved_${table}; create table saved_${table} as table ${table}`)
  return async () => {
    const restore = (table: string) => `delete from ${table}; insert into ${table} select * from saved_${table};`
    // the queue once more: restoring exam_results has filled it
    await pool.query(`begin; ${[...tables, 'attempt_queue'].map(restore).join(' ')} commit`)
  }
}

/** Commits that the primary loses, one batch per statement. */
const lostCommits: [string, ...string[]][] = [
  ['an insertion', insert('lost', [1, 9], `'2026-03-02Z'`)],
  ['an edit', `update exam_results set result_json = '${questions(5)}' where session_id = 's1'`],
  ['a move', `update exam_results set user_id = 'u2' where session_id = 's13'`],
  ['a deletion', `delete from exam_results where session_id = 's1'`],
  ['a student', `delete from exam_results where user_id = 'u4'`],
  [
    'several',
    insert('one', [1, 9], `'2026-03-02Z'`),
    `delete from exam_results where user_id = 'u5'`,
    insert('two', [1, 9], `'2026-03-03Z'`),
    `update exam_results set updated_at = '2026-05-01Z' where session_id = 'one'`,
  ],
]
for (const acknowledged of [true, false])
  t.test(`commits that the primary loses are removed from the store; acknowledged: ${acknowledged}`, async (t) => {
    const { db, store, sessions } = await createSmallStore(t, { separate: true })
    const interruptedBatch = () => {
      const primary = beforeStatement(sessions.primary, 'commit', connectionLost)
      return t.rejects(refreshBatch({ primary, store: sessions.store }, 10), /connection lost/)
    }
    for (const [what, ...statements] of lostCommits) {
      const restore = await savePrimary(db)
      const { version } = await stateOf(store)
      for (const [index, statement] of statements.entries()) {
        await db.pool.query(statement)
        if (acknowledged || index < statements.length - 1) await refreshBatch(sessions, 10)
        else await interruptedBatch()
      }
      await restore()
      t.not((await differentRows(db.pool, store.pool)).rows.length, 0, `${what}: the store has it`)
      const refreshed = await refreshBatch(sessions, 10)
      t.ok((refreshed?.unacknowledged.rows ?? 0) > 0, what)
      t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows, what)
      t.ok(
        BigInt((await stateOf(store)).version) > BigInt(version) + BigInt(statements.length),
        'followers of the changes get the correction under a version of its own',
      )
      t.match(await refreshBatch(sessions, 10), { unacknowledged: { students: 0 } }, 'once')
    }
  })

t.test('repairs are acknowledged, and removed again where the primary loses what they saw', async (t) => {
  const { db, store, sessions } = await createSmallStore(t, { separate: true })
  await store.pool.query('update attempt_materialized set correct = not correct where student_id = $1', [
    studentOfUser('u7'),
  ])
  t.match(await verifyNextStudents(sessions, null, 20), { differences: 4 })
  t.match(await refreshBatch(sessions, 10), { unacknowledged: { students: 0 } }, 'a repair is acknowledged')
  const restore = await savePrimary(db)
  await db.pool.query(insert('not in the queue', [1, 9], `'2026-03-02Z'`))
  await db.pool.query('delete from attempt_queue')
  t.match(await verifyNextStudents(sessions, null, 20), { differences: 3 })
  await restore()
  await refreshBatch(sessions, 10)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  t.match(await stateOf(store), { state: 'ready' }, 'without a rebuild')
})

t.test('a store that has removed deletions of lost commits is rebuilt', async (t) => {
  const { db, store, sessions } = await createSmallStore(t, { separate: true })
  const restore = await savePrimary(db)
  await db.pool.query(`delete from exam_results where session_id = 's2'`)
  await refreshBatch(sessions, 10)
  await store.pool.query('delete from attempt_deleted')
  await store.pool.query('update attempt_store set oldest_version = version')
  await restore()
  t.equal(await refreshBatch(sessions, 10), undefined)
  await catchUp(db.url, store.url)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
})

t.test('commits that the primary loses during a fill', async (t) => {
  const { db, store, sessions } = await createSmallStore(t, { separate: true, filled: false })
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    select 'many' || n, 'many' || n, $1 from generate_series(1, 588) as n`,
    [questions(1)],
  )
  await db.pool.query('delete from attempt_queue')
  t.match(await fillChunk(sessions), { done: false })
  const [first] = await nextStudents(sessions.primary, null)
  const { rows } = await store.pool.query<{ filled_to: string }>('select filled_to from attempt_store')
  const restore = await savePrimary(db)
  await db.pool.query('update exam_results set result_json = $1 where attempt_student_id(user_id) > $2::uuid', [
    questions(7),
    rows[0]?.filled_to ?? first,
  ])
  t.match(await fillChunk(sessions), { done: false })
  await restore()
  while (!(await fillChunk(sessions)).done);
  t.match(await refreshBatch(sessions, 10), { queueEmptied: true })
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
})

t.test('the lag is measured by the clock of the store', async (t) => {
  const { db, store } = await createSmallStore(t, { separate: true })
  // a primary whose clock is an hour behind
  await db.pool.query(`alter database ${db.name} set search_path = public, pg_catalog`)
  await db.pool.query(
    `create function public.now() returns timestamptz language sql
    as $$ select pg_catalog.now() - interval '1 hour' $$`,
  )
  await catchUp(db.url, store.url)
  const current = `select from attempt_store where caught_up_at > now() - interval '10 minutes'`
  t.equal((await store.pool.query(current)).rowCount, 1)
})

t.test('a queue feeds one store: another takes it over, and the first is rebuilt when it comes back', async (t) => {
  const { db, sessions } = await createSmallStore(t)
  const other = await createDatabase(t, { bare: true })
  const lines: string[] = []
  const say = (line: string) => {
    lines.push(line)
  }
  await enableStore({ primary: db.pool, store: other.pool }, say)
  t.match(lines.join(), /fed another store/)
  await catchUp(db.url, other.url)
  await touch(db, 'u1')
  await t.rejects(refreshBatch(sessions, 10), /feeds another store/)
  t.equal(await queueLength(db), 2, 'it took nothing')
  await db.pool.query(`delete from exam_results where user_id = 'u2'`)
  await catchUp(db.url, other.url)
  t.strictSame(await differentRows(db.pool, other.pool), noDifferentRows)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  t.equal((await stateOf(db)).state, 'emptying')
  await t.rejects(fillNextChunk(other, db), /feeds another store/)
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  await disableStore({ primary: db.pool, store: other.pool }, say)
  t.ok(lines.some((line) => /the queue and its triggers are kept/.test(line)))
  await touch(db, 'u1')
  t.equal(await queueLength(db), 2, 'the triggers are there')
  await enableStore({ primary: db.pool, store: db.pool }, say)
  t.equal(lines.at(-1), 'The store is already enabled.')
})

/** As a refresher that was left running would fill a store. */
async function fillNextChunk(store: TestDatabase, db: TestDatabase): Promise<unknown> {
  await store.pool.query(`update attempt_store set state = 'filling'`)
  const [primaryClient, storeClient] = [await db.pool.connect(), await store.pool.connect()]
  try {
    return await fillChunk({ primary: primaryClient, store: storeClient })
  } finally {
    primaryClient.release(true)
    storeClient.release(true)
  }
}
