import t from 'tap'
import type pg from 'pg'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { disableStore, enableStore } from '../../src/store/enable.js'
import { countDifferences } from '../../src/store/recompute.js'
import { refreshBatch as batchAlone } from '../../src/store/batch.js'
import { computeDay, staleDays, writeDay } from '../../src/store/days.js'
import { fillChunk, nextStudents, rebuild } from '../../src/store/fill.js'
import { createRefresher } from '../../src/store/refresher.js'
import { verifySample } from '../../src/store/sample.js'
import { type Sessions, transaction } from '../../src/store/sessions.js'
import { verifyStore } from '../../src/store/verify.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, differentRows, enabled, settleDays } from '../helpers/store.js'

type Tearing = { teardown(action: () => unknown): unknown }
const same = { rows: [], days: [] }

/** Twelve users with two exams each, and their store where `whole`. */
async function small(
  t: Tearing,
  { whole = true, apart = false } = {},
): Promise<{ db: TestDatabase; store: TestDatabase; sessions: Sessions }> {
  const db = await createDatabase(t)
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
    select 's' || n, 'u' || n % 12, '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": 3, "topic": "algebra"}, {"question_id": 2, "used_hints": 1}]}', timestamptz '2026-03-01Z' + n * interval '7 hours' from generate_series(1, 24) as n`)
  await buildIndexes(db.pool, () => undefined)
  const store = apart ? await createDatabase(t, { bare: true }) : db
  if (whole) await enabled(db, store)
  else await enableStore({ primary: db.pool, store: store.pool }, () => undefined)
  const source = await db.pool.connect()
  const sessions = { primary: source, store: apart ? await store.pool.connect() : source }
  t.teardown(() => {
    sessions.primary.release(true)
    if (apart) sessions.store.release(true)
  })
  return { db, store, sessions }
}

/** A batch, and the days that it touched. */
async function refreshBatch(sessions: Sessions, exams: number) {
  const refreshed = await batchAlone(sessions, exams)
  await settleDays(sessions.store)
  return refreshed
}

const stateOf = async (store: TestDatabase) =>
  (
    await store.pool.query<{
      state: string
      version: string
      oldest_version: string
      caught_up_at: string | null
      differences: string
    }>('select state, version, oldest_version, caught_up_at::text, differences from attempt_store')
  ).rows[0] as {
    state: string
    version: string
    oldest_version: string
    caught_up_at: string | null
    differences: string
  }
const waiting = async (db: TestDatabase) =>
  (await db.pool.query<{ n: number }>('select count(*)::int as n from attempt_queue')).rows[0]?.n
const touch = (db: TestDatabase, user: string) =>
  db.pool.query(`update exam_results set status = 'seen' where user_id = $1`, [user])
const strange = `insert into attempt_materialized select id, '00000000-0000-0000-0000-000000000000', item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no, session_id, topic_id, exam_result_id, position, answered, version from attempt_materialized limit 1`

/** The session with something done before the first statement that begins so. */
function before(client: pg.PoolClient, beginning: string, what: () => Promise<unknown>): pg.PoolClient {
  let done = false
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'query') return typeof value === 'function' ? (value.bind(target) as unknown) : value
      return async (query: string | { text: string }, values?: unknown[]) => {
        if (!done && (typeof query === 'string' ? query : query.text).startsWith(beginning)) {
          done = true
          await what()
        }
        return (target as pg.ClientBase).query(query as string, values)
      }
    },
  })
}
const both = (client: pg.PoolClient): Sessions => ({ primary: client, store: client })

/** Runs a refresher until `what` is true. */
async function until(
  t: Tearing & { ok(what: unknown, why: string): unknown },
  db: TestDatabase,
  store: TestDatabase,
  why: string,
  what: () => Promise<boolean>,
): Promise<string[]> {
  const lines: string[] = []
  const log = (object: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(object)}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: store.url,
    log: { info: log, warn: log, error: log },
  })
  void refresher.run()
  const end = Date.now() + 120_000
  let held = false
  while (!held && Date.now() < end) {
    held = (await what()) && (await store.pool.query('select from attempt_day where stale')).rowCount === 0
    if (!held) await new Promise((again) => setTimeout(again, 20))
  }
  await refresher.stop()
  t.ok(held, why)
  return lines
}

t.test('a store that is filled anew is not taken for whole before it is', async (t) => {
  const { db, sessions } = await small(t)
  await db.pool.query(strange)
  const before = await stateOf(db)
  let marked = false
  const seen = new Set<string>()
  await until(t, db, db, 'whole again', async () => {
    if (!marked) {
      // by another session, while the refresher is at work
      if (
        (
          await db.pool.query(
            `select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
          )
        ).rowCount === 0
      )
        return false
      await rebuild(sessions.store)
      marked = true
    }
    const {
      rows: [now],
    } = await db.pool.query<{
      state: string
      same: boolean
    }>(`select state, (select count(*) from attempt_materialized) = 48 and (select sum(attempts) from attempt_topic_day join attempt_day using (date) where not stale) is not distinct from
      (select sum(n) from (select count(*) as n from attempt_materialized join attempt_day on date = (completed_at at time zone 'UTC')::date and not stale group by date) as day) as same from attempt_store`)
    if (now?.state === 'ready') t.ok(now.same, 'ready: whole')
    seen.add(now?.state ?? '')
    return now?.state === 'ready'
  })
  t.ok(seen.has('emptying'), 'it was not ready in between')
  t.strictSame(await differentRows(db.pool, db.pool), same)
  const after = await stateOf(db)
  t.ok(BigInt(after.version) > BigInt(before.version))
  t.ok(BigInt(after.oldest_version) > BigInt(before.version), 'the feed begins again')
})

t.test('a batch does nothing to a store that is to be filled first, and a fill goes on where it was', async (t) => {
  const { db, sessions } = await small(t, { whole: false })
  t.equal(await refreshBatch(sessions, 10), undefined)
  t.equal((await stateOf(db)).state, 'filling')
  // what was there before the place is not read again: it is in the queue if it changed
  const [first] = await nextStudents(sessions.primary, null)
  await db.pool.query('update attempt_store set filled_to = $1', [first])
  t.match(await fillChunk(sessions), { done: true, rows: 44 })
  t.equal((await stateOf(db)).state, 'catching_up')
  t.equal((await stateOf(db)).caught_up_at, null)
  t.match(await fillChunk(sessions), { done: true, rows: 0 }, 'nothing twice')
  await rebuild(sessions.store)
  t.equal(await refreshBatch(sessions, 10), undefined)
  await catchUp(db.url)
  t.strictSame(await differentRows(db.pool, db.pool), same)
})

t.test('a fill of many students goes chunk by chunk', async (t) => {
  const { db, sessions } = await small(t, { whole: false })
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json) select 'many' || n, 'many' || n, '{"questions": [{"question_id": 1}]}' from generate_series(1, 388) as n; delete from attempt_queue`,
  )
  t.match(await fillChunk(sessions), { done: false })
  t.match(await stateOf(db), { state: 'filling', caught_up_at: null })
  t.match(await fillChunk(sessions), { done: false }, 'a full chunk may not be the last')
  t.match(await fillChunk(sessions), { done: true, rows: 436 })
  await refreshBatch(sessions, 10)
  t.strictSame(await differentRows(db.pool, db.pool), same)
  t.match(await verifyStore(sessions, 1, () => undefined), { students: 400, differences: [] })
  const { students } = await verifyStore(sessions, 0.25, () => undefined)
  t.ok(students > 60 && students < 140, `a quarter of 400: ${students}`)
})

t.test('readers that began before are waited for, and not for long by others', async (t) => {
  const { db, sessions } = await small(t)
  const reader = await db.pool.connect()
  await reader.query('begin; select from attempt_materialized limit 1')
  await rebuild(sessions.store)
  let longest = 0
  let looks = 0
  await until(t, db, db, 'filled after the reader', async () => {
    const began = Date.now()
    await db.pool.query('select from attempt_materialized limit 1')
    longest = Math.max(longest, Date.now() - began)
    if (++looks === 30) await reader.query('commit')
    return (await stateOf(db)).state === 'ready'
  })
  t.ok(looks >= 30)
  // half a second and what a busy machine adds; without the limit it would be for ever
  t.ok(longest < 8_000, `a reader waited ${longest} ms`)
  reader.release()
})

t.test('TRUNCATE is seen with its row in the queue or not at all, and a crash forgets it nowhere', async (t) => {
  for (const apart of [false, true]) {
    const { db, store, sessions } = await small(t, { apart })
    const other = await db.pool.connect()
    // while a batch runs
    await touch(db, 'u1')
    const at = before(sessions.primary, 'select store, version', () =>
      t.rejects(other.query(`set lock_timeout = '100ms'; truncate exam_results`), { code: '55P03' }),
    )
    t.match(await refreshBatch(apart ? { primary: at, store: sessions.store } : both(at), 10), {
      written: 0,
      deleted: 0,
    })
    // before a batch that waits for it
    await other.query('reset lock_timeout; begin; truncate exam_results')
    const batch = refreshBatch(sessions, 10)
    await new Promise((done) => setTimeout(done, 200))
    await other.query(
      `insert into exam_results (session_id, user_id, result_json) values ('new', 'u1', '{"questions": [{"question_id": 1}]}'); commit`,
    )
    t.equal(await batch, undefined)
    // the process ends here; the next one must know
    t.equal((await stateOf(store)).state, 'emptying')
    other.release(true)
    await catchUp(db.url, store.url)
    t.equal((await store.pool.query('select count(*)::int as n from attempt_materialized')).rows[0].n, 1)
    t.strictSame(await differentRows(db.pool, store.pool), same)
    // the store's commit is lost, and the queue still knows
    await db.pool.query('truncate exam_results')
    const failing = before(sessions.store, 'commit', () => Promise.reject(new Error('gone')))
    await t.rejects(refreshBatch(apart ? { primary: sessions.primary, store: failing } : both(failing), 10), /gone/)
    t.equal((await stateOf(store)).state, 'ready')
    t.equal(await waiting(db), 1)
    await catchUp(db.url, store.url)
    t.strictSame(await differentRows(db.pool, store.pool), same)
  }
})

t.test('the queue gives up a row only with what it stands for', async (t) => {
  const { db, sessions } = await small(t)
  const first = await stateOf(db)
  for (const user of ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'])
    await db.pool.query(
      `update exam_results set result_json = '{"questions": [{"question_id": 3}]}' where user_id = $1`,
      [user],
    )
  await db.pool.query(`update attempt_store set state = 'catching_up', caught_up_at = null`)
  t.match(await refreshBatch(sessions, 4), { exams: 4, students: 2, written: 4, deleted: 8, emptied: false })
  t.match(await stateOf(db), { state: 'catching_up', caught_up_at: null }, 'the queue had more')
  t.equal((await differentRows(db.pool, db.pool)).rows.length > 0, true)
  // committed while a batch runs: not in its snapshot
  const writer = await db.pool.connect()
  let written = ''
  const busy = before(sessions.primary, 'update attempt_store set version', async () => {
    await writer.query(
      `insert into exam_results (session_id, user_id, result_json) values ('late', 'u5', '{"questions": [{"question_id": 4}]}')`,
    )
    written = (await writer.query<{ at: string }>('select clock_timestamp()::text as at')).rows[0]?.at as string
  })
  t.match(await refreshBatch(both(busy), 100), { exams: 10, students: 5, emptied: true })
  t.equal(await waiting(db), 1, 'who wrote meanwhile still waits')
  const {
    rows: [claim],
  } = await db.pool.query<{ before: boolean; state: string }>(
    'select caught_up_at < $1::timestamptz as before, state from attempt_store',
    [written],
  )
  t.strictSame(claim, { before: true, state: 'ready' }, 'the store does not claim what it has not seen')
  t.match(await refreshBatch(sessions, 100), { exams: 1, students: 1, written: 1 })
  t.strictSame(await differentRows(db.pool, db.pool), same)
  t.equal(BigInt((await stateOf(db)).version) - BigInt(first.version), 3n, 'a version a batch that changed something')
  const idle = await stateOf(db)
  await refreshBatch(sessions, 100)
  const {
    rows: [beat],
  } = await db.pool.query<{ later: boolean }>('select caught_up_at > $1::timestamptz as later from attempt_store', [
    idle.caught_up_at,
  ])
  t.equal(beat?.later, true, 'an empty queue is as of now')
  writer.release()
})

t.test('versions and deleted keys tell what changed', async (t) => {
  const { db, sessions } = await small(t)
  const student = studentOfUser('u1')
  const versions = async () =>
    Object.fromEntries(
      (
        await db.pool.query<{ key: string; version: string }>(
          `select item_id || '#' || attempt_no as key, version from attempt_materialized where student_id = $1
    union all select 'gone ' || item_id || '#' || attempt_no, version from attempt_deleted where student_id = $1 order by 1`,
          [student],
        )
      ).rows.map(({ key, version }) => [key, version]),
    )
  const { version: v0 } = await stateOf(db)
  t.strictSame(await versions(), { '1#1': v0, '1#2': v0, '2#1': v0, '2#2': v0 })
  await db.pool.query(
    `update exam_results set result_json = '{"questions": [{"question_id": 1, "is_correct": true, "time_spent_sec": 3, "topic": "algebra"}]}' where session_id = 's1'`,
  )
  await refreshBatch(sessions, 10)
  const { version: v1 } = await stateOf(db)
  t.equal(BigInt(v1), BigInt(v0) + 1n)
  t.strictSame(
    await versions(),
    { '1#1': v0, '1#2': v0, '2#1': v1, 'gone 2#2': v1 },
    'the second is the first now; what did not change keeps its version',
  )
  t.strictSame(
    (await db.pool.query('select date::text, version from attempt_day where version > $1 order by 1', [v0])).rows,
    [
      { date: '2026-03-01', version: v1 },
      { date: '2026-03-04', version: v1 },
    ],
    'both days',
  )
  await db.pool.query(`update exam_results set result_json = '{"questions": []}' where session_id = 's13'`)
  await refreshBatch(sessions, 10)
  const { version: v2 } = await stateOf(db)
  t.strictSame(await versions(), { '1#1': v0, 'gone 1#2': v2, 'gone 2#1': v2, 'gone 2#2': v1 })
  await db.pool.query(
    `update exam_results set result_json = '{"questions": [{"question_id": 2}, {"question_id": 2}]}' where session_id = 's13'`,
  )
  await refreshBatch(sessions, 10)
  const { version: v3 } = await stateOf(db)
  t.strictSame(await versions(), { '1#1': v0, 'gone 1#2': v2, '2#1': v3, '2#2': v3 }, 'what came back is not gone')
  await db.pool.query(`delete from exam_results where user_id = 'u1'`)
  await refreshBatch(sessions, 10)
  const { version: v4 } = await stateOf(db)
  t.strictSame(await versions(), { 'gone 1#1': v4, 'gone 1#2': v2, 'gone 2#1': v4, 'gone 2#2': v4 })
  // a row made by hand, of a key that is told as gone
  await db.pool.query(
    `insert into attempt_materialized select id, $1, 2, correct, response_time_ms, hint_used, completed_at, started_at, 2, session_id, topic_id, exam_result_id, position, answered, version from attempt_materialized limit 1`,
    [student],
  )
  await db.pool.query(`insert into exam_results (session_id, user_id, result_json) values ('none', 'u1', '{}')`)
  t.match(
    await refreshBatch(sessions, 10),
    { written: 0, deleted: 0 },
    "an exam without an attempt is nobody else's matter",
  )
  t.match(await verifySample(sessions, null, 20), { differences: 1 })
  t.match(await versions(), { 'gone 2#2': (await stateOf(db)).version }, 'it is told again')
  t.equal(
    (
      await db.pool.query(
        `select count(*)::int as n from attempt_deleted where deleted_at < now() - interval '1 hour' or deleted_at > now()`,
      )
    ).rows[0].n,
    0,
  )
})

t.test('a difference in any column is found and repaired', async (t) => {
  const { db, sessions } = await small(t)
  const others: Record<string, string> = {
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
  for (const [column, other] of Object.entries(others)) {
    await db.pool.query(
      `update attempt_materialized set ${column} = ${other} where student_id = $1 and item_id = 1 and attempt_no = 1`,
      [students[0]],
    )
    const key = ['attempt_no', 'item_id'].includes(column)
    t.equal(await transaction(sessions, () => countDifferences(sessions.store, { students })), key ? 2 : 1, column)
    t.match(await verifySample(sessions, null, 20), { differences: key ? 2 : 1 }, column)
    await settleDays(sessions.store)
    t.strictSame(await differentRows(db.pool, db.pool), same, column)
  }
})

t.test('two databases: a crash between the commits costs a recomputation, never a row', async (t) => {
  const { db, store, sessions } = await small(t, { apart: true })
  const exam = (session: string) =>
    db.pool.query(
      `insert into exam_results (session_id, user_id, result_json) values ($1, 'u1', '{"questions": [{"question_id": 9}]}')`,
      [session],
    )
  const gone = () => Promise.reject(new Error('gone'))
  await exam('first')
  await t.rejects(
    refreshBatch({ primary: before(sessions.primary, 'commit', gone), store: sessions.store }, 10),
    /gone/,
  )
  t.equal(await waiting(db), 1, 'the store has it, and the queue still')
  await settleDays(sessions.store)
  t.strictSame(await differentRows(db.pool, store.pool), same)
  const { version } = await stateOf(store)
  t.match(await refreshBatch(sessions, 10), { exams: 1, written: 0, deleted: 0, version })
  await exam('second')
  await t.rejects(
    refreshBatch({ primary: sessions.primary, store: before(sessions.store, 'commit', gone) }, 10),
    /gone/,
  )
  t.equal(await waiting(db), 1, 'neither has it')
  t.not((await differentRows(db.pool, store.pool)).rows.length, 0)
  t.match(await refreshBatch(sessions, 10), { exams: 1, written: 1 })
  t.strictSame(await differentRows(db.pool, store.pool), same)
  await store.pool.query(`alter database ${store.name} set synchronous_commit = off`)
  const fresh = await store.pool.connect()
  await fresh.query('set synchronous_commit = off')
  const setting = await transaction(
    { primary: sessions.primary, store: fresh },
    async () => (await fresh.query<{ s: string }>(`select current_setting('synchronous_commit') as s`)).rows[0]?.s,
  )
  t.equal(setting, 'on', 'what the queue gives up is on the disk')
  fresh.release(true)
})

t.test('two databases: a store that lost what it took is filled anew', async (t) => {
  const { db, store, sessions } = await small(t, { apart: true })
  await db.pool.query(
    `create table backup as select 1; insert into exam_results (session_id, user_id, result_json) values ('lost', 'u1', '{"questions": [{"question_id": 9}]}')`,
  )
  const old = await stateOf(store)
  await refreshBatch(sessions, 10)
  const lost = await stateOf(store)
  // a backup of before, or a standby that was promoted too early
  await store.pool.query('delete from attempt_materialized where item_id = 9')
  await store.pool.query('update attempt_store set version = $1', [old.version])
  t.equal(await refreshBatch(sessions, 10), undefined)
  t.equal((await stateOf(store)).state, 'emptying')
  await catchUp(db.url, store.url)
  t.strictSame(await differentRows(db.pool, store.pool), same)
  t.ok(BigInt((await stateOf(store)).version) > BigInt(lost.version), 'and gives no version twice')
})

/** What exam_results' database holds, to be put back later: as after a crash or a failover that lost the end of its log. */
async function remember(db: TestDatabase): Promise<() => Promise<void>> {
  const tables = ['exam_results', 'attempt_queue', 'attempt_queue_reader']
  for (const table of tables)
    await db.pool.query(`drop table if exists kept_${table}; create table kept_${table} as table ${table}`)
  return async () => {
    await db.pool
      .query(`begin; ${tables.map((table) => `delete from ${table}; insert into ${table} select * from kept_${table};`).join(' ')}
    delete from attempt_queue; insert into attempt_queue select * from kept_attempt_queue; commit`)
  }
}

t.test(
  'two databases: commits that exam_results loses go from the store as well, whatever became of their acknowledgement',
  async (t) => {
    const { db, store, sessions } = await small(t, { apart: true })
    const insert = (session: string, at: string) =>
      `insert into exam_results (session_id, user_id, result_json, updated_at) values ('${session}', 'u1', '{"questions": [{"question_id": 1}, {"question_id": 9}]}', '${at}')`
    const gone = () => Promise.reject(new Error('gone'))
    const unended = () =>
      t.rejects(refreshBatch({ primary: before(sessions.primary, 'commit', gone), store: sessions.store }, 10), /gone/)
    const cases: [string, ...string[]][] = [
      ['an insertion', insert('lost', '2026-03-02Z')],
      [
        'an edit',
        `update exam_results set result_json = '{"questions": [{"question_id": 5}]}' where session_id = 's1'`,
      ],
      ['a move', `update exam_results set user_id = 'u2' where session_id = 's13'`],
      ['a deletion', `delete from exam_results where session_id = 's1'`],
      ['a student', `delete from exam_results where user_id = 'u4'`],
      [
        'several, a batch each',
        insert('one', '2026-03-02Z'),
        `delete from exam_results where user_id = 'u5'`,
        insert('two', '2026-03-03Z'),
        `update exam_results set updated_at = '2026-05-01Z' where session_id = 'one'`,
      ],
    ]
    for (const [what, ...statements] of cases) {
      for (const acknowledged of [true, false]) {
        const before = await remember(db)
        const { version } = await stateOf(store)
        for (const [at, statement] of statements.entries()) {
          await db.pool.query(statement)
          if (acknowledged || at < statements.length - 1) await refreshBatch(sessions, 10)
          else await unended()
        }
        await before()
        t.not((await differentRows(db.pool, store.pool)).rows.length, 0, `${what}: the store has it`)
        const again = await refreshBatch(sessions, 10)
        t.ok((again?.unacknowledged.rows ?? 0) > 0, what)
        t.strictSame(await differentRows(db.pool, store.pool), same, what)
        t.ok(
          BigInt((await stateOf(store)).version) > BigInt(version) + BigInt(statements.length),
          'who follows is told of it under a version of its own',
        )
        t.match(await refreshBatch(sessions, 10), { unacknowledged: { students: 0 } }, 'once')
      }
    }
    // what else gives versions
    await store.pool.query(`update attempt_materialized set correct = not correct where student_id = $1`, [
      studentOfUser('u7'),
    ])
    t.match(await verifySample(sessions, null, 20), { differences: 4 })
    t.match(await refreshBatch(sessions, 10), { unacknowledged: { students: 0 } }, 'a repair is acknowledged')
    const lost = await remember(db)
    await db.pool.query(insert('unseen by its trigger', '2026-03-02Z'))
    await db.pool.query('delete from attempt_queue')
    t.match(await verifySample(sessions, null, 20), { differences: Number })
    await lost()
    await refreshBatch(sessions, 10)
    t.strictSame(await differentRows(db.pool, store.pool), same, 'a repair')
    t.match(await stateOf(store), { state: 'ready' }, 'never filled anew for that')
    // keys that went are forgotten from a version on that the source does not know of
    const forgotten = await remember(db)
    await db.pool.query(`delete from exam_results where session_id = 's2'`)
    await refreshBatch(sessions, 10)
    await store.pool.query('delete from attempt_deleted')
    await store.pool.query('update attempt_store set oldest_version = version')
    await forgotten()
    t.equal(await refreshBatch(sessions, 10), undefined)
    await catchUp(db.url, store.url)
    t.strictSame(await differentRows(db.pool, store.pool), same, 'filled anew')
  },
)

t.test('two databases: commits that exam_results loses while the store is filled', async (t) => {
  const { db, store, sessions } = await small(t, { apart: true, whole: false })
  await db.pool.query(
    `insert into exam_results (session_id, user_id, result_json) select 'many' || n, 'many' || n, '{"questions": [{"question_id": 1}]}' from generate_series(1, 588) as n; delete from attempt_queue`,
  )
  t.match(await fillChunk(sessions), { done: false })
  const [first] = await nextStudents(sessions.primary, null)
  const change = `update exam_results set result_json = '{"questions": [{"question_id": 7}]}' where attempt_student_id(user_id) > (select filled_to from kept_place)`
  await db.pool.query('create table kept_place (filled_to uuid)')
  await db.pool.query('insert into kept_place values ($1)', [
    (await store.pool.query<{ filled_to: string }>('select filled_to from attempt_store')).rows[0]?.filled_to ?? first,
  ])
  const lost = await remember(db)
  await db.pool.query(change)
  t.match(await fillChunk(sessions), { done: false })
  await lost()
  while (!(await fillChunk(sessions)).done);
  t.match(await refreshBatch(sessions, 10), { emptied: true })
  t.strictSame(await differentRows(db.pool, store.pool), same)
})

t.test('the lag is told by one clock', async (t) => {
  const { db, store } = await small(t, { apart: true })
  // an exam system whose clock is an hour behind
  await db.pool.query(
    `alter database ${db.name} set search_path = public, pg_catalog; create function public.now() returns timestamptz language sql as $$ select pg_catalog.now() - interval '1 hour' $$`,
  )
  await catchUp(db.url, store.url)
  t.equal(
    (await store.pool.query(`select from attempt_store where caught_up_at > now() - interval '10 minutes'`)).rowCount,
    1,
  )
})

t.test('who waits for its turn, or for a store, keeps its connection', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  const quiet = () => undefined
  const one = createRefresher({ primaryUrl: db.url, storeUrl: db.url, log: { info: quiet, warn: quiet, error: quiet } })
  void one.run()
  const backends = async () =>
    (
      await db.pool.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = 'attempt-api refresher' and datname = current_database()`,
      )
    ).rows.map(({ pid }) => pid)
  const seen = async (looks: number) => {
    const pids = new Set<number>()
    for (let look = 0; look < looks; look++) {
      for (const pid of await backends()) pids.add(pid)
      await new Promise((again) => setTimeout(again, 50))
    }
    return pids
  }
  while ((await backends()).length === 0) await new Promise((again) => setTimeout(again, 20))
  // it looks for one every five seconds
  t.equal((await seen(130)).size, 1, 'there is no store')
  await enableStore({ primary: db.pool, store: db.pool }, quiet)
  const end = Date.now() + 60_000
  while ((await stateOf(db)).state !== 'ready' && Date.now() < end) await new Promise((again) => setTimeout(again, 20))
  t.equal((await stateOf(db)).state, 'ready', 'seen without being told')
  // the one that leads, the one that compares days, and the one that asks after both
  let first = await backends()
  while (first.length < 3 && Date.now() < end) {
    await new Promise((again) => setTimeout(again, 100))
    first = await backends()
  }
  t.equal(first.length, 3)
  const two = createRefresher({ primaryUrl: db.url, storeUrl: db.url, log: { info: quiet, warn: quiet, error: quiet } })
  void two.run()
  while ((await backends()).every((pid) => first.includes(pid))) await new Promise((again) => setTimeout(again, 20))
  t.equal([...(await seen(60))].filter((pid) => !first.includes(pid)).length, 1, 'another one leads')
  await Promise.all([one.stop(), two.stop()])
})

t.test(
  'a queue feeds one store; the next one takes it over, and the first is filled anew when it comes back',
  async (t) => {
    const { db, sessions } = await small(t)
    const apart = await createDatabase(t, { bare: true })
    const lines: string[] = []
    await enableStore({ primary: db.pool, store: apart.pool }, (line) => {
      lines.push(line)
    })
    t.match(lines.join(), /fed another store/)
    await catchUp(db.url, apart.url)
    await touch(db, 'u1')
    await t.rejects(refreshBatch(sessions, 10), /feeds another store/)
    t.equal(await waiting(db), 2, 'it took nothing')
    await db.pool.query(`delete from exam_results where user_id = 'u2'`)
    await catchUp(db.url, apart.url)
    t.strictSame(await differentRows(db.pool, apart.pool), same)
    await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
    t.equal((await stateOf(db)).state, 'emptying')
    await t.rejects(fillChunkOf(apart, db), /feeds another store/)
    await catchUp(db.url)
    t.strictSame(await differentRows(db.pool, db.pool), same)
    await disableStore({ primary: db.pool, store: apart.pool }, (line) => {
      lines.push(line)
    })
    t.ok(lines.some((line) => /it stays/.test(line)))
    await touch(db, 'u1')
    t.equal(await waiting(db), 2, 'the triggers are there')
    await enableStore({ primary: db.pool, store: db.pool }, (line) => {
      lines.push(line)
    })
    t.equal(lines.at(-1), 'The store is enabled already.')
  },
)

/** A chunk of a store that has to begin again, as a refresher that was left running would fill it. */
async function fillChunkOf(store: TestDatabase, db: TestDatabase): Promise<unknown> {
  await store.pool.query(`update attempt_store set state = 'filling'`)
  const [source, client] = [await db.pool.connect(), await store.pool.connect()]
  try {
    return await fillChunk({ primary: source, store: client })
  } finally {
    source.release(true)
    client.release(true)
  }
}

t.test('two refreshers: one leads, the other takes over; once is enough when another has caught up', async (t) => {
  const { db, sessions } = await small(t)
  const quiet = () => undefined
  const one = createRefresher({ primaryUrl: db.url, storeUrl: db.url, log: { info: quiet, warn: quiet, error: quiet } })
  void one.run()
  const leader = async () =>
    (
      await db.pool.query<{ pid: number }>(
        `select pid from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
      )
    ).rows[0]?.pid
  while ((await leader()) === undefined) await new Promise((again) => setTimeout(again, 20))
  await db.pool.query(`delete from exam_results where user_id = 'u3'`)
  await catchUp(db.url)
  // the leader computes the days after the rows
  for (
    const end = Date.now() + 60_000;
    (await db.pool.query('select from attempt_day where stale')).rowCount !== 0 && Date.now() < end;
  )
    await new Promise((again) => setTimeout(again, 20))
  t.strictSame(await differentRows(db.pool, db.pool), same)
  // a leader whose lock is lost and whose transaction goes on: the second one waits, and then begins again
  await touch(db, 'u4')
  await one.stop()
  await touch(db, 'u5')
  const second = await db.pool.connect()
  const {
    rows: [other],
  } = await second.query<{ pid: number }>('select pg_backend_pid() as pid')
  let raced: Promise<unknown> = Promise.resolve()
  const first = before(sessions.primary, 'update attempt_store set version', async () => {
    raced = refreshBatch(both(second), 10)
    void raced.catch(quiet)
    while ((await db.pool.query('select where cardinality(pg_blocking_pids($1)) > 0', [other?.pid])).rowCount === 0)
      await new Promise((again) => setTimeout(again, 20))
  })
  await refreshBatch(both(first), 10)
  await t.rejects(raced, { code: '40001' })
  t.match(await refreshBatch(both(second), 10), { exams: 0 })
  second.release(true)
})

t.test('the running refresher repairs what was changed by hand, and counts it', async (t) => {
  const { db } = await small(t)
  const {
    rows: [wrong],
  } = await db.pool.query<{ n: number }>(
    `with changed as (update attempt_materialized set correct = not correct where student_id = $1 returning 1), gone as (delete from attempt_materialized where student_id = $2 returning 1)
    select ((select count(*) from changed) + (select count(*) from gone))::int as n`,
    [studentOfUser('u1'), studentOfUser('u2')],
  )
  await db.pool.query(strange)
  const expected = (wrong?.n ?? 0) + 1
  // a day that was compared before its students were counts as well
  const lines = await until(
    t,
    db,
    db,
    'all of it',
    async () =>
      Number((await stateOf(db)).differences) >= expected && (await differentRows(db.pool, db.pool)).rows.length === 0,
  )
  t.ok(lines.some((line) => /differed/.test(line)))
  t.strictSame(await differentRows(db.pool, db.pool), same)
  t.not((await db.pool.query('select difference_at from attempt_store')).rows[0].difference_at, null)
})

t.test(
  'the running refresher compares the days as well, while nobody waits, and computes those anew that differ',
  async (t) => {
    const { db, sessions } = await small(t)
    await settleDays(sessions.store)
    const version = async (date: string) =>
      (await db.pool.query<{ version: string }>('select version from attempt_day where date = $1', [date])).rows[0]
        ?.version
    const { rows: days } = await db.pool.query<{ date: string }>(
      'select distinct date::text as date from attempt_topic_day order by 1',
    )
    t.ok(days.length > 2)
    const [first, last] = [days[0]?.date as string, days.at(-1)?.date as string]
    const before = [await version(first), await version(last)]
    await db.pool.query('update attempt_topic_day set accuracy = 0.123 where date = $1', [first])
    await db.pool.query('delete from attempt_topic_day where date = $1', [last])
    t.not((await differentRows(db.pool, db.pool)).days.length, 0)
    const lines = await until(
      t,
      db,
      db,
      'both days',
      async () => (await stateOf(db)).differences === '2' && (await differentRows(db.pool, db.pool)).days.length === 0,
    )
    for (const date of [first, last])
      t.ok(
        lines.some((line) => line.includes('the KPIs of a day differed') && line.includes(date)),
        date,
      )
    t.ok(
      Number(await version(first)) > Number(before[0]) && Number(await version(last)) > Number(before[1]),
      'their tags change with them',
    )
  },
)

t.test('verification walks through everybody from both sides, and lets those be who wait', async (t) => {
  const { db, sessions } = await small(t)
  await db.pool.query(`update attempt_materialized set correct = not correct where student_id = $1`, [
    studentOfUser('u1'),
  ])
  await touch(db, 'u1')
  let after: string | null = null
  const walked: (string | null)[] = []
  for (let look = 0; look < 4; look++) {
    const sample: { differences: number; after: string | null } = await verifySample(sessions, after, 5)
    t.equal(sample.differences, 0)
    walked.push((after = sample.after))
  }
  t.equal(walked[3], null, '5, 5, 2, and then the first again')
  await db.pool.query('delete from attempt_queue')
  t.match(await verifySample(sessions, null, 20), { differences: 4 })
  const verified = await verifyStore(sessions, 1, () => undefined)
  t.strictSame(verified, { students: 12, waiting: 0, differences: [], days: [] })
  await db.pool.query(strange)
  t.match(
    await verifyStore(sessions, 1, () => undefined),
    { students: 13, differences: [{ student: '00000000-0000-0000-0000-000000000000', rows: 1 }] },
    'whom the store alone has',
  )
  t.match(await verifySample(sessions, null, 20), { differences: 1 })
  await touch(db, 'u1')
  t.match(await verifyStore(sessions, 1, () => undefined), { students: 12, waiting: 1 })
  await db.pool.query(
    `update attempt_topic_day set p90_response_time_ms = p90_response_time_ms + 1 where date = '2026-03-02' and topic_id is null`,
  )
  await db.pool.query(
    `insert into attempt_topic_day select date + 1000, topic_id, attempts, correct, accuracy, first_attempts, first_attempts_correct, hints, timed_attempts, sum_response_time_ms, avg_response_time_ms, median_response_time_ms, students, p90_response_time_ms from attempt_topic_day limit 1`,
  )
  const { days } = await verifyStore(sessions, 1, () => undefined)
  t.equal(days.length, 2)
  t.equal(days[0], '2026-03-02')
  await db.pool.query('truncate exam_results')
  await t.rejects(
    verifyStore(sessions, 1, () => undefined),
    /was emptied/,
  )
  await rebuild(sessions.store)
  await t.rejects(
    verifyStore(sessions, 1, () => undefined),
    /being filled/,
  )
})

t.test(
  "a new exam costs what it holds: of its student's other rows only those of its items are looked at",
  async (t) => {
    for (const apart of [false, true]) {
      const { db, store, sessions } = await small(t, { apart })
      const student = studentOfUser('u1')
      // what a recomputation of the whole student would repair
      await store.pool.query(
        'update attempt_materialized set response_time_ms = 7 where student_id = $1 and item_id = 1',
        [student],
      )
      await db.pool.query(
        `insert into exam_results (session_id, user_id, result_json, updated_at) values ('between', 'u1', '{"questions": [{"question_id": 2, "is_correct": true}, {"question_id": 8}]}', '2026-03-03Z')`,
      )
      t.match(await refreshBatch(sessions, 10), { exams: 1, students: 1, written: 3, deleted: 0 })
      t.strictSame(
        (
          await store.pool.query(
            'select item_id, attempt_no, correct, response_time_ms from attempt_materialized where student_id = $1 order by 1, 2',
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
        'the late exam is the second, and what was the second is the third',
      )
    }
  },
)

t.test('whatever happens to an exam until it is taken, its last state is in the store', async (t) => {
  for (const apart of [false, true]) {
    const { db, store, sessions } = await small(t, { apart })
    const id = '00000000-0000-4000-8000-000000000001'
    const body = (items: number[]) =>
      `'${JSON.stringify({ questions: items.map((question_id) => ({ question_id })) })}'`
    const insert = (user: string, items: number[]) =>
      `insert into exam_results (id, session_id, user_id, result_json, updated_at) values ('${id}', 'it', '${user}', ${body(items)}, '2026-03-03Z')`
    for (const [what, ...statements] of [
      [
        'new, edited',
        insert('u1', [1, 2, 9]),
        `update exam_results set result_json = ${body([2, 3, 3])} where id = '${id}'`,
      ],
      ['edited to nothing', `update exam_results set result_json = '{}' where id = '${id}'`],
      [
        'edited, moved, edited',
        `update exam_results set result_json = ${body([1, 7])} where id = '${id}'`,
        `update exam_results set user_id = 'u2' where id = '${id}'`,
        `update exam_results set result_json = ${body([2, 2])} where id = '${id}'`,
      ],
      ['moved to nobody', `update exam_results set user_id = null where id = '${id}'`],
      [
        'moved from nobody, gone, back',
        `update exam_results set user_id = 'u3' where id = '${id}'`,
        `delete from exam_results where id = '${id}'`,
        insert('u4', [1, 5]),
      ],
      [
        'moved there and back',
        `update exam_results set user_id = 'u5' where id = '${id}'`,
        `update exam_results set user_id = 'u4', result_json = ${body([5, 6])} where id = '${id}'`,
      ],
      [
        'under another id',
        `update exam_results set id = '00000000-0000-4000-8000-000000000002', result_json = ${body([1])} where id = '${id}'`,
      ],
      [
        'two that change places',
        `update exam_results set id = case id when '00000000-0000-4000-8000-000000000002' then '${id}'::uuid else gen_random_uuid() end where session_id in ('it', 's4')`,
      ],
      ['another time', `update exam_results set updated_at = '2027-01-01Z' where id = '${id}'`],
      ['gone', `delete from exam_results where id = '${id}'`],
    ] as [string, ...string[]][]) {
      for (const statement of statements) await db.pool.query(statement)
      // one at a time: all that happened to one exam is taken together
      while ((await refreshBatch(sessions, 1))?.emptied === false);
      t.strictSame(await differentRows(db.pool, store.pool), same, what)
    }
  }
})

t.test('a queue of before exams were named is taken by its users', async (t) => {
  const { db, sessions } = await small(t)
  await db.pool.query(
    `update exam_results set result_json = '{"questions": [{"question_id": 4}]}' where user_id in ('u1', 'u2'); update attempt_queue set exam_result_id = null, is_new = false`,
  )
  t.match(await refreshBatch(sessions, 10), { exams: 0, students: 2, written: 4, deleted: 8, emptied: true })
  t.strictSame(await differentRows(db.pool, db.pool), same)
  await db.pool.query('alter table attempt_queue drop column is_new, drop column exam_result_id')
  const lines = new Set<string>()
  const told = (object: object, message: string) => {
    lines.add(`${message}: ${String((object as { err?: Error }).err?.message)}`)
  }
  const refresher = createRefresher({
    primaryUrl: db.url,
    storeUrl: db.url,
    log: { info: () => undefined, warn: told, error: told },
  })
  void refresher.run()
  const end = Date.now() + 60_000
  while (lines.size === 0 && Date.now() < end) await new Promise((again) => setTimeout(again, 20))
  await refresher.stop()
  t.match([...lines].join(), /attempt-api store upgrade brings it up to date/)
})

t.test('a day that is touched while it is computed stays stale', async (t) => {
  const { db, sessions } = await small(t)
  const { store } = sessions
  await touch(db, 'u1')
  t.match(await batchAlone(sessions, 10), { written: 0 })
  t.strictSame(await staleDays(store), [], 'nothing changed, nothing to compute')
  await db.pool.query(
    `update exam_results set result_json = '{"questions": [{"question_id": 4}]}' where session_id = 's1'`,
  )
  await batchAlone(sessions, 10)
  const days = await staleDays(store)
  t.equal(days.at(-1), '2026-03-01')
  const before = await computeDay(store, '2026-03-01')
  await db.pool.query(
    `update exam_results set result_json = '{"questions": [{"question_id": 5}]}' where session_id = 's2'`,
  )
  await batchAlone(sessions, 10)
  if (before === undefined) throw new Error('it was to be computed')
  t.equal(await writeDay(store, before), false)
  t.ok((await staleDays(store)).includes('2026-03-01'))
  const after = await computeDay(store, '2026-03-01')
  if (after === undefined) throw new Error('it was to be computed')
  t.equal(await writeDay(store, after), true)
  t.equal(await writeDay(store, after), false, 'once')
  t.equal(await computeDay(store, '2026-03-01'), undefined)
  await settleDays(store)
  t.strictSame(await differentRows(db.pool, db.pool), same)
})
