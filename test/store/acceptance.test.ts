/** What operators do, and histories of an unusual size, on queue, store and refresher. */
import t from 'tap'
import pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { createPool } from '../../src/database/pool.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { dayDiffers } from '../../src/store/day-comparison.js'
import { disableStore, enableStore } from '../../src/store/enable.js'
import { fillChunk } from '../../src/store/fill.js'
import { refreshBatch } from '../../src/store/refresh-batch.js'
import { storeAdvisoryLock, transaction } from '../../src/store/sessions.js'
import { verifyStore } from '../../src/store/verify.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, differentRows, enabled, noDifferentRows } from '../helpers/store.js'

const say = () => undefined
const triggers = async (db: TestDatabase) =>
  (await db.pool.query(`select from pg_trigger where tgname like 'attempt_queue%'`)).rowCount
/** Exams of one question each, in the order of time. */
const insert = (db: TestDatabase, user: string, exams: number) =>
  db.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select
      $1 || ' ' || n,
      $1,
      '{"questions": [{"question_id": 1, "is_correct": true, "topic": "algebra"}]}',
      timestamptz '2026-03-01Z' + n * interval '1 minute'
    from generate_series(1, $2::int) as n`,
    [user, exams],
  )

t.test('the cost of an item grows with its attempts, not with their square', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, say)
  // where most students answered an item a few times, the planner expects that of every student
  const questions = JSON.stringify({
    questions: Array.from({ length: 20 }, (_value, index) => ({ question_id: index + 1, is_correct: true })),
  })
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    select u || ' ' || e, u, $1
    from (select 'u' || n as u, 3 as exams from generate_series(1, 400) as n union all select 'guest', 300) as users,
      generate_series(1, exams) as e`,
    [questions],
  )
  await enabled(db)
  await db.pool.query('analyze')
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json) values ('one more', 'guest', $1)`, [
    questions,
  ])
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release(true)
  })
  const plans: string[] = []
  const watched = new Proxy(client, {
    get: (target, name) =>
      name !== 'query'
        ? (Reflect.get(target, name) as unknown)
        : async (query: string, values?: unknown[]) => {
            if (typeof query === 'string' && query.includes('differ as')) {
              await target.query('savepoint plan')
              plans.push(
                (
                  await target.query<{ 'QUERY PLAN': string }>(
                    `explain (analyze, costs off, timing off, summary off) ${query}`,
                    values,
                  )
                ).rows
                  .map((row) => row['QUERY PLAN'])
                  .join('\n'),
              )
              await target.query('rollback to savepoint plan')
            }
            return target.query(query, values)
          },
  })
  await refreshBatch({ primary: watched, store: watched }, 10)
  t.equal(plans.length, 1)
  t.notMatch(plans[0], /Rows Removed by Join Filter: \d{3}/, 'no attempt is compared with every other')
  t.strictSame((await differentRows(db.pool, db.pool)).rows, [])
})

t.test('a chunk of a fill, and of a comparison, is bounded by its exams', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, say)
  for (const [user, exams] of [
    ['a', 1500],
    ['b', 1500],
    ['c', 2500],
    ['d', 1],
  ] as const)
    await insert(db, user, exams)
  await enableStore({ primary: db.pool, store: db.pool }, say)
  const client = await db.pool.connect()
  const sessions = { primary: client, store: client }
  const rows: number[] = []
  for (let at = 0, done = false; !done; at = rows.at(-1) ?? 0) {
    const chunk = await fillChunk(sessions)
    done = chunk.done
    t.ok(chunk.rows - at <= 2_501, `${chunk.rows - at} rows at once`)
    rows.push(chunk.rows)
  }
  t.equal(rows.at(-1), 5501)
  t.ok(rows.length >= 3)
  client.release(true)
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), noDifferentRows)
  // the last student is in the view alone
  await db.pool.query(
    `delete from attempt_materialized
    where student_id = (select max(student_id::text)::uuid from attempt_materialized)`,
  )
  const reader = await db.pool.connect()
  t.teardown(() => {
    reader.release(true)
  })
  t.match(await verifyStore({ primary: reader, store: reader }, 1, say), { students: 4, differences: { length: 1 } })
})

t.test('a comparison that takes too long is ended and retried with fewer students', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, say)
  for (const user of ['a', 'b']) await insert(db, user, 2)
  await enabled(db)
  const [client, holder] = [await db.pool.connect(), await db.pool.connect()]
  t.teardown(() => {
    for (const one of [client, holder]) one.release(true)
  })
  const sessions = { primary: client, store: client }
  // stands for a long statement: it waits for a lock
  await holder.query('begin; lock table attempt_materialized in access exclusive mode')
  t.match(await verifyNextStudents(sessions, null, 5), { differences: 0, after: null, timedOut: true })
  await holder.query('commit')
  t.match(await verifyNextStudents(sessions, null, 5), { differences: 0, after: String, timedOut: false })
})

t.test('timeouts that the database sets do not end the transaction of a refresher', async (t) => {
  const [db, apart] = [await createDatabase(t), await createDatabase(t, { bare: true })]
  await buildIndexes(db.pool, say)
  await insert(db, 'a', 3)
  for (const { pool, name } of [db, apart])
    await pool.query(
      `alter database ${name} set idle_in_transaction_session_timeout = 100;
      alter database ${name} set statement_timeout = 100`,
    )
  const [source, store] = [new pg.Client(db.url), new pg.Client(apart.url)]
  for (const client of [source, store]) {
    client.on('error', () => undefined)
    await client.connect()
  }
  t.teardown(async () => {
    for (const client of [source, store]) await client.end()
  })
  await t.resolves(transaction({ primary: source, store }, () => source.query('select pg_sleep(0.4)')))
  await t.resolves(store.query('select 1'), 'the session that was idle still exists')
})

t.test('two schemas of a database have a store each, and a refresher each', async (t) => {
  const db = await createDatabase(t, { bare: true })
  const url = (schema: string) => {
    const found = new URL(db.url)
    found.searchParams.set('options', `-c search_path=${schema}`)
    return found.href
  }
  for (const schema of ['north', 'south']) {
    const pool = new pg.Pool({ connectionString: url(schema), max: 2 }).on('error', () => undefined)
    await pool.query(`create schema ${schema}`)
    await pool.query(createExamResults)
    await pool.query(
      `insert into exam_results (session_id, user_id, result_json)
      values ('s', $1, '{"questions": [{"question_id": 1}]}')`,
      [schema],
    )
    await migrateUp(pool)
    await buildIndexes(pool, say)
    await enableStore({ primary: pool, store: pool }, say)
    await pool.end()
  }
  // each leads at the same time
  const pool = createPool({ statementTimeoutMs: 10_000 }, url('north'), { max: 1, name: 'test', readOnly: false })
  t.teardown(() => pool.end())
  t.match(
    (
      await pool.query(
        `select
          current_schema() as schema,
          current_setting('TimeZone') as zone,
          current_setting('jit') as jit`,
      )
    ).rows,
    [{ schema: 'north', zone: 'UTC', jit: 'off' }],
  )
  await pool.query(`select pg_advisory_lock(${storeAdvisoryLock})`)
  await catchUp(url('south'))
  t.strictSame((await db.pool.query('select count(*)::int as n from south.attempt_materialized')).rows, [{ n: 1 }])
})

t.test('a day whose KPIs are stored twice differs', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, say)
  await insert(db, 'a', 3)
  await enabled(db)
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release(true)
  })
  t.equal(await dayDiffers(client, '2026-03-01'), false)
  await db.pool.query('insert into attempt_topic_day select * from attempt_topic_day')
  t.equal(await dayDiffers(client, '2026-03-01'), true)
})

t.test('exam_results gets no triggers where the store cannot be created', async (t) => {
  const [db, apart] = [await createDatabase(t), await createDatabase(t, { bare: true })]
  await buildIndexes(db.pool, say)
  const unreachable = new pg.Pool({ connectionString: 'postgres://none@127.0.0.1:1/none', max: 1 }).on(
    'error',
    () => undefined,
  )
  await t.rejects(enableStore({ primary: db.pool, store: unreachable }, say))
  t.equal(await triggers(db), 0)
  await unreachable.end()
  // before PostgreSQL 15 every role may create tables there
  await apart.pool.query(
    `create role no_place_${process.pid};
    grant no_place_${process.pid} to current_user;
    revoke create on schema public from public`,
  )
  t.teardown(() => db.pool.query(`drop role no_place_${process.pid}`))
  const client = new pg.Pool({ connectionString: apart.url, max: 1, options: `-c role=no_place_${process.pid}` }).on(
    'error',
    () => undefined,
  )
  await t.rejects(enableStore({ primary: db.pool, store: client }, say), {
    message: /permission denied for the schema of the store/,
  })
  await client.end()
  t.equal(await triggers(db), 0)
  const lines: string[] = []
  await disableStore({ primary: db.pool, store: apart.pool }, (line) => {
    lines.push(line)
  })
  t.strictSame(lines, ['There is no store: nothing to remove.'])
})
