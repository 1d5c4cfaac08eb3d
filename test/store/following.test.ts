/** The store follows exam_results, keeps no writer waiting, and can be removed. */
import t from 'tap'
import { disableStore } from '../../src/store/enable.js'
import { createCohortDatabase, examDocument } from '../helpers/cohort-store.js'
import { catchUp, differences, differentRows, enabled, noDifferentRows } from '../helpers/store.js'
import { until } from '../helpers/until.js'

t.test('after every kind of write, the store is equal to the view', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  const follows = async (what: string, sql: string) => {
    await db.pool.query(sql)
    await catchUp(db.url)
    t.strictSame(await differences(db.pool), [], what)
    t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows, `${what}: rows and days`)
    t.equal((await db.pool.query('select from attempt_queue')).rowCount, 0)
  }
  const exam = (session: string, user: string, at: string, questions = '{"question_id": 1001, "is_correct": true}') =>
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('${session}', ${user}, '${examDocument(questions)}', '${at}')`
  await follows('a new exam', exam('new', `'student-1'`, '2026-03-12T10:00:00Z'))
  await follows('a late one, which renumbers the later ones', exam('late', `'student-1'`, '2026-02-01T10:00:00Z'))
  await follows(
    'an edit',
    `update exam_results set
      result_json = '${examDocument('{"question_id": 1001}, {"question_id": 1002, "time_spent_sec": 7}')}',
      updated_at = '2026-03-13T00:00:00Z'
    where session_id = 'late'`,
  )
  await follows(
    'a move to another user',
    `update exam_results set user_id = 'student-2' where session_id in ('late', 'new')`,
  )
  await follows('a move to no user', `update exam_results set user_id = null where session_id = 'late'`)
  await follows(
    'many at once',
    `update exam_results set user_id = 'all' where user_id in ('student-4', 'student-5', 'odd')`,
  )
  await follows('a deletion', `delete from exam_results where session_id = 'new' or user_id = 'student-6'`)
  await follows(
    'two spellings of a student',
    `${exam('upper', `'ABCDEFAB-0000-4000-8000-00000000000A'`, '2026-03-01Z')};
    ${exam('lower', `'abcdefab-0000-4000-8000-00000000000a'`, '2026-03-02Z')}`,
  )
  await follows(
    'an upsert',
    `insert into exam_results (session_id, user_id, result_json)
    values
      ('upper', 'student-9', '${examDocument('{"question_id": 3}')}'),
      ('more', 'student-9', '${examDocument('{"question_id": 3}')}')
    on conflict (session_id) do update set user_id = excluded.user_id, result_json = excluded.result_json`,
  )
  await follows(
    'an emptied table that is filled again',
    `truncate exam_results; ${exam('first', `'student-1'`, '2026-03-01Z')}`,
  )
  const before = (await db.pool.query('select version from attempt_store')).rows[0].version
  await follows('a write that changes nothing', `update exam_results set status = 'seen'`)
  t.equal((await db.pool.query('select version from attempt_store')).rows[0].version, before, 'raises no version')
})

t.test(
  'writers need no privilege on the queue and do not wait for a refresher; disabling leaves nothing',
  async (t) => {
    const db = await createCohortDatabase(t)
    const objects = async () => {
      const { rows } = await db.pool.query(`select n.nspname || '.' || c.relname as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
    union all
    select 'trigger ' || tgname from pg_trigger where not tgisinternal
    union all
    select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
    order by 1`)
      return rows
    }
    const before = await objects()
    await enabled(db)
    const role = `writer_${db.name}`
    await db.pool.query(`create role ${role}; grant insert, update, delete, select on exam_results to ${role}`)
    const writer = await db.pool.connect()
    await writer.query(`set role ${role}; set search_path = pg_catalog`)
    await writer.query(
      `insert into public.exam_results (session_id, user_id, result_json) values ('by role', 'role', $1)`,
      [examDocument('{"question_id": 1}')],
    )
    await t.rejects(writer.query('select * from public.attempt_queue'), /permission denied/)
    await writer.query('reset role; reset search_path')
    // an open transaction that touched the queue and the student, and another writer of the same student beside it
    await writer.query(`begin; update exam_results set status = 'x' where session_id = 'by role'`)
    const other = await db.pool.connect()
    await other.query(`set statement_timeout = '20s'`)
    await other.query(`insert into exam_results (session_id, user_id, result_json) values ('beside', 'role', $1)`, [
      examDocument('{"question_id": 1}'),
    ])
    await catchUp(db.url)
    t.strictSame(await differences(db.pool), [], 'what is not committed is not in the store')
    await writer.query('commit')
    await catchUp(db.url)
    t.strictSame(await differences(db.pool), [])
    writer.release()
    other.release(true)
    await db.pool.query(`drop owned by ${role}; drop role ${role}`)
    await disableStore({ primary: db.pool, store: db.pool }, () => undefined)
    t.strictSame(await objects(), before)
  },
)

t.test('disabling and a reader do not wait for each other', async (t) => {
  const db = await createCohortDatabase(t)
  await enabled(db)
  const reader = await db.pool.connect()
  t.teardown(() => {
    reader.release()
  })
  await reader.query('begin')
  // as every read of the store begins
  await reader.query('select version from attempt_store')
  const disabling = disableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const waiting = `select from pg_locks
    where not granted and database = (select oid from pg_database where datname = current_database())`
  await until(async () => (await db.pool.query(waiting)).rowCount !== 0, 'disabling waits for the reader')
  for (const table of ['attempt_materialized', 'attempt_day', 'attempt_topic_day', 'attempt_deleted', 'attempt_epoch'])
    await reader.query(`lock table ${table} in access share mode nowait`)
  await reader.query('commit')
  await disabling
  t.strictSame((await db.pool.query(`select to_regclass('attempt_store') as store`)).rows, [{ store: null }])
})
