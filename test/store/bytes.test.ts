/** Statements of the refresher are bounded in bytes, whatever one exam contains. */
import pg from 'pg'
import t from 'tap'
import type { Reader } from '../../src/database/reader.js'
import type { Row } from '../../src/formats/encoder.js'
import { selectAttempts } from '../../src/queries/attempts.js'
import { attemptColumns } from '../../src/schemas/attempts.js'
import { verifyNextStudents } from '../../src/store/continuous-verification.js'
import { compareNextDay } from '../../src/store/day-comparison.js'
import { computeDay } from '../../src/store/day-kpis.js'
import { emptyStore, fillChunk, rebuild } from '../../src/store/fill.js'
import type { Sessions } from '../../src/store/sessions.js'
import { sliceBytes } from '../../src/store/transfer.js'
import type { TestDatabase } from '../helpers/database.js'
import { onPath } from '../helpers/on-path.js'
import { createSmallStore, queueLength, refreshBatch } from '../helpers/small-store.js'
import { differentRows, noDifferentRows } from '../helpers/store.js'

/** An exam whose rows repeat its session, a text of `length` characters that PostgreSQL compresses. */
const insertWide = ({ pool }: TestDatabase, user: string, length: number, rows: number) =>
  pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select repeat('a', $2) || $1, $1,
      jsonb_build_object('questions', jsonb_agg(jsonb_build_object('question_id', g))), '2026-04-01Z'
    from generate_series(1, $3) as g`,
    [user, length, rows],
  )

/** One exam with a topic of `length` characters in each of its rows. */
const insertTopics = ({ pool }: TestDatabase, user: string, length: number, rows: number) =>
  pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select $1, $1, jsonb_build_object('questions', jsonb_agg(jsonb_build_object(
      'question_id', g, 'topic', repeat('t', $2) || g))), '2026-05-01Z'
    from generate_series(1, $3) as g`,
    [user, length, rows],
  )

const sizeOf = (value: unknown): number =>
  typeof value === 'string'
    ? value.length
    : Array.isArray(value)
      ? value.reduce<number>((sum, part) => sum + sizeOf(part), 0)
      : 0

/** The sessions, and the bytes of the parameters of each statement on the store. */
function measured({ primary, store }: Sessions): { sessions: Sessions; bytes: number[] } {
  const bytes: number[] = []
  const watched = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'query') return typeof value === 'function' ? (value.bind(target) as unknown) : value
      return (query: string, values?: unknown[]) => {
        bytes.push(sizeOf(values))
        return target.query(query, values)
      }
    },
  })
  return { sessions: { primary: primary === store ? watched : primary, store: watched }, bytes }
}

const largest = (bytes: number[]) => Math.max(...bytes)
const atMost = sliceBytes * 1.2

t.test('an exam of any size goes through the process in slices: a batch, a fill and an edit', async (t) => {
  const { db, store, sessions: plain } = await createSmallStore(t, { separate: true })
  const { sessions, bytes } = measured(plain)
  await insertWide(db, 'batch', 20_000, 1_000)
  t.match(await refreshBatch(sessions, 100), { exams: 1, written: 1_000, queueEmptied: true, setAside: [] })
  t.ok(largest(bytes) > 1_000_000 && largest(bytes) < atMost, `${largest(bytes)} bytes in a statement`)
  t.ok(bytes.reduce((sum, one) => sum + one) > 20_000_000)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)
  await db.pool.query(
    `update exam_results set result_json = jsonb_set(result_json, '{questions, 0, question_id}', '5000')
    where user_id = 'batch'`,
  )
  t.match(await refreshBatch(sessions, 100), { exams: 1, written: 1, deleted: 1 })
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)

  await rebuild(sessions.store)
  await emptyStore(sessions.store)
  bytes.length = 0
  for (let done = false; !done;) ({ done } = await fillChunk(sessions))
  t.ok(largest(bytes) > 1_000_000 && largest(bytes) < atMost, `${largest(bytes)} bytes in a statement`)
  await refreshBatch(sessions, 100)
  t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)

  bytes.length = 0
  t.match(await verifyNextStudents(sessions, null, 20), { timedOut: true }, 'the verification is short')
  t.ok(largest(bytes) < 1_000_000)
})

for (const separate of [false, true])
  t.test(`a batch, and a chunk of a fill, are cut by size; a database of its own: ${separate}`, async (t) => {
    const { db, store, sessions } = await createSmallStore(t, { separate })
    for (const user of ['wide 1', 'wide 2', 'wide 3']) await insertWide(db, user, 15_000, 300)
    t.match(await refreshBatch(sessions, 100), { exams: 1, written: 300, queueEmptied: false })
    t.equal(await queueLength(db), 2)
    t.match(await refreshBatch(sessions, 100), { exams: 1, written: 300, queueEmptied: false })
    t.match(await refreshBatch(sessions, 100), { exams: 1, written: 300, queueEmptied: true })
    t.strictSame(await differentRows(db.pool, store.pool), noDifferentRows)

    await rebuild(sessions.store)
    await emptyStore(sessions.store)
    let chunks = 0
    for (let done = false; !done; chunks++) ({ done } = await fillChunk(sessions))
    t.ok(chunks > 2, `${chunks} chunks`)
  })

t.test('a row above 16 MiB is set aside by a store in another database, before the process has it', async (t) => {
  const { db, store, sessions: plain } = await createSmallStore(t, { separate: true })
  const { sessions, bytes } = measured(plain)
  await insertTopics(db, 'large', 17_000_000, 1)
  await insertTopics(db, 'small', 10, 1)
  for (let emptied = false; !emptied;) emptied = (await refreshBatch(sessions, 100))?.queueEmptied ?? true
  const { rows } = await store.pool.query<{ reason: string }>('select reason from attempt_set_aside')
  t.equal(rows.length, 1)
  t.match(rows[0]?.reason, /a row is larger than 16 MiB/)
  t.ok(largest(bytes) < 1_000_000)
  const { rowCount } = await store.pool.query(`select from attempt_materialized where session_id = 'small'`)
  t.equal(rowCount, 1)
})

t.test('without the right to temporary tables, a large exam is set aside with a reason that names it', async (t) => {
  const { db, store } = await createSmallStore(t, { separate: true })
  const role = `refresher_${store.name}`
  await store.pool.query(
    `create role ${role} login password 'of-nobody';
    revoke temporary on database ${store.name} from public;
    grant all on all tables in schema public to ${role}`,
  )
  const url = new URL(store.url)
  url.username = role
  url.password = 'of-nobody'
  const [primary, client] = [await db.pool.connect(), new pg.Client({ connectionString: url.href })]
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(async () => {
    primary.release(true)
    await client.end()
    await store.pool.query(`drop owned by ${role}; drop role ${role}`)
  })
  await insertWide(db, 'batch', 20_000, 500)
  const batch = await refreshBatch({ primary, store: client }, 100)
  t.match(batch?.setAside, [{ reason: /grant temporary on that database/ }])
})

t.test('a day whose topics exceed 8 MiB is computed without being read', async (t) => {
  const { db, store, sessions: plain } = await createSmallStore(t)
  const { sessions, bytes } = measured(plain)
  await insertTopics(db, 'topics', 1_000_000, 10)
  await refreshBatch(sessions, 100)
  t.ok(largest(bytes) < 1_000_000, `${largest(bytes)} bytes in a statement`)
  t.equal(await computeDay(sessions.store, '2026-05-01'), undefined, 'it is no longer stale')
  const { rows } = await store.pool.query(
    'select topic_id is null as missing, attempts from attempt_topic_day where date = $1',
    ['2026-05-01'],
  )
  t.strictSame(rows, Array<unknown>(10).fill({ missing: false, attempts: '1' }))
  t.match(await compareNextDay(sessions.store, '2026-04-30'), { date: '2026-05-01', differs: false })
})

t.test('one session is a lookup by its index, which is no hash index', async (t) => {
  const { db } = await createSmallStore(t)
  const { rows } = await db.pool.query(
    `select from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where i.indrelid = 'attempt_materialized'::regclass and a.amname = 'hash'`,
  )
  t.equal(rows.length, 0, 'a hash index is quadratic in equal values')
  await db.pool.query(
    `insert into attempt_materialized
    select m.id, gen_random_uuid(), m.item_id, m.correct, m.response_time_ms, m.hint_used, m.completed_at, m.started_at,
      1, 'other' || g, m.topic_id, m.exam_result_id, m.position, m.answered, m.version
    from (select * from attempt_materialized where session_id = 's1' limit 1) as m, generate_series(1, 20000) as g`,
  )
  await db.pool.query('vacuum analyze attempt_materialized')
  const reader: Reader = {
    store: true,
    rows: async ({ text, values }) =>
      (await db.pool.query<Row>({ text: onPath(text), values: [...values], rowMode: 'array' })).rows,
  }
  const query = { columns: attemptColumns, descending: false, session: 's1' }
  const { value: page } = await selectAttempts(reader, query, { limit: 101, withKey: true }).next()
  if (page === undefined) throw new Error('no statement')
  const plan = await db.pool.query<{ 'QUERY PLAN': string }>(`explain ${onPath(page.text)}`, [...page.values])
  t.match(plan.rows.map((row) => row['QUERY PLAN']).join(' '), /attempt_materialized_session_hash_idx/)
  t.equal((await db.pool.query(onPath(page.text), [...page.values])).rowCount, 2)
})
