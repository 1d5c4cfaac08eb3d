/** Pages, rows and cursors are bounded in bytes, and no row is lost or given twice. */
import t from 'tap'
import { onPath } from '../helpers/on-path.js'
import { createDatabases, type Reader } from '../../src/database/reader.js'
import { RowBudget } from '../../src/database/row-budget.js'
import { statement } from '../../src/database/statement.js'
import { attemptColumns } from '../../src/schemas/attempts.js'
import type { Row } from '../../src/formats/encoder.js'
import { selectAttempts } from '../../src/queries/attempts.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { startApp, testConfig, walk, type Page } from '../helpers/app.js'
import { enabled } from '../helpers/store.js'
import { sql } from 'kysely'
import type { App } from '../../src/services.js'

const pageBytes = 20_000
const longText = 1_000

/** Texts that PostgreSQL compresses: the platform's index takes a long session_id only then. */
const db = await createDatabase(t)
await db.pool.query(
  `insert into exam_results (session_id, user_id, result_json, updated_at)
  select repeat('a', $1) || e, 'u' || e % 3,
    (select jsonb_build_object('questions', jsonb_agg(jsonb_build_object(
      'question_id', q, 'is_correct', q % 2 = 0,
      'topic', case when e < 3 then repeat('t', 10000 + q) when e = 3 then repeat(chr(1), 900)||q else 'algebra' end)))
      from generate_series(1, 12) as q),
    timestamptz '2026-01-01Z' + e * interval '1 minute'
  from generate_series(1, 15) as e`,
  [longText],
)
await buildIndexes(db.pool, () => undefined)
await enabled(db)
const app = await startApp(t, db.url, { pageBytes, poolSize: 1 })

const keyOf = (row: Record<string, unknown>) => `${row['student_id']} ${row['item_id']} ${row['attempt_no']}`

async function keysOf({ pool }: TestDatabase, order: string): Promise<string[]> {
  const { rows } = await pool.query<Record<string, unknown>>(
    `select student_id::text, item_id::text, attempt_no from attempt as a order by ${order}`,
  )
  return rows.map(keyOf)
}

/** The bodies of all pages. */
async function bodies(app: App, path: string): Promise<string[]> {
  const all: string[] = []
  for (let next: string | undefined = path; next !== undefined;) {
    const { statusCode, body, headers }: { statusCode: number; body: string; headers: Record<string, unknown> } =
      await app.inject(next)
    if (statusCode !== 200) throw new Error(`${next}: ${statusCode} ${body}`)
    all.push(body)
    next = /^<(.*)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1]
  }
  return all
}

t.test('a page ends before it exceeds PAGE_BYTES, and the walk gives every row once', async (t) => {
  const asc = 'a.completed_at, a.student_id, a.item_id, attempt_no'
  for (const path of [
    '/v1/attempts?limit=10000&source=live',
    '/v1/attempts?limit=10000&source=store',
    '/v1/attempts?limit=100&source=live',
  ]) {
    const pages = await bodies(app, path)
    t.ok(pages.length > 15, `${path}: ${pages.length} pages`)
    t.ok(
      pages.every((body) => body.length < pageBytes + 1_000),
      `${path}: ${Math.max(...pages.map((body) => body.length))} bytes`,
    )
    t.strictSame(
      pages.flatMap((body) => (JSON.parse(body) as Page).data.map(keyOf)),
      await keysOf(db, asc),
      path,
    )
  }
  const descending = 'a.completed_at desc, a.student_id desc, a.item_id desc, attempt_no desc'
  t.strictSame(
    (await walk(app, '/v1/attempts?limit=10000&order=desc&source=live')).map(keyOf),
    await keysOf(db, descending),
  )
})

t.test('a row above PAGE_BYTES is a page of its own', async (t) => {
  const small = await startApp(t, db.url, { pageBytes: 500 })
  for (const source of ['live', 'store']) {
    const pages = await bodies(small, `/v1/attempts?user_id=u1&source=${source}`)
    t.ok(
      pages.every((body) => (JSON.parse(body) as Page).data.length === 1),
      source,
    )
    t.equal(pages.length, 60)
  }
})

t.test('pages of changes end before they exceed PAGE_BYTES, and their tokens lose no change', async (t) => {
  const [start] = (await db.pool.query<{ epoch: string }>('select epoch from attempt_epoch limit 1')).rows
  t.ok(start)
  const { next_token: token } = (await app.inject('/v1/changes')).json<{ next_token: string }>()
  await db.pool.query(`update attempt_materialized set version = version + 1`)
  await db.pool.query(`update attempt_store set version = version + 1`)
  const pages = await bodies(app, `/v1/changes?limit=10000&since=${token}`)
  t.ok(pages.length > 15, `${pages.length} pages`)
  t.ok(pages.every((body) => body.length < pageBytes + 1_000))
  t.strictSame(
    pages.flatMap((body) => (JSON.parse(body) as Page).data.map(keyOf)),
    await keysOf(db, 'a.student_id, a.item_id, attempt_no'),
  )
})

t.test('topics that differ only after 1000 characters are each given once, and their cursors are short', async (t) => {
  const { rows } = await db.pool.query<{ topic_id: string }>('select distinct topic_id from attempt')
  for (const path of ['/v1/topics?limit=1', '/v1/topics/daily?limit=1&since=2026-01-01&until=2026-01-02']) {
    const pages = await bodies(app, path)
    const topics = pages.map((body) => (JSON.parse(body) as Page).data[0]?.['topic_id'])
    t.strictSame(topics.sort(), rows.map(({ topic_id: topic }) => topic).sort(), path)
    t.ok(pages.every((body) => ((JSON.parse(body) as Page).next_cursor ?? '').length < 8_500))
  }
})

t.test('an answer without pages has the same limit', async (t) => {
  const { rows } = await db.pool.query<{ id: string }>(`select attempt_student_id('u1')::text as id`)
  const small = await startApp(t, db.url, { pageBytes: 10_000 })
  const answer = await small.inject(`/v1/students/${rows[0]?.id}`)
  t.equal(answer.statusCode, 422)
  t.equal(answer.json<{ code: string }>().code, 'answer_too_large')
})

t.test('a row above 32 MiB is refused with what to leave out; the connection is replaced', async (t) => {
  const large = await createDatabase(t)
  await large.pool.query(
    `insert into exam_results (session_id, user_id, result_json)
    select 's', 'u', jsonb_build_object('questions', jsonb_build_array(
      jsonb_build_object('question_id', 1, 'topic', repeat('t', 34000000))))`,
  )
  const app = await startApp(t, large.url, { poolSize: 1, streamPoolSize: 1 })
  for (const path of ['/v1/attempts', '/v1/attempts?format=csv', '/v1/topics']) {
    const answer = await app.inject(path)
    t.equal(answer.statusCode, 422, path)
    t.equal(answer.json<{ code: string }>().code, 'answer_too_large')
    t.match(answer.json<{ detail: string }>().detail, 'larger than 32 MiB')
  }
  for (const format of ['json', 'csv'])
    t.equal((await app.inject(`/v1/attempts?fields=id,item_id&format=${format}`)).statusCode, 200, format)
})

t.test('when the budget is full, PostgreSQL stops sending, and the connection is used again', async (t) => {
  const databases = createDatabases({ ...testConfig, poolSize: 1 }, db.url)
  t.teardown(() => databases.close())
  const large = statement(sql`select n, repeat('x', 100000) from generate_series(1, 2000) as n`)
  const [begun] = await databases.live.rows(statement(sql`select pg_backend_pid()::text`))
  for (const read of [
    (budget: RowBudget) => databases.live.rows(large, budget),
    (budget: RowBudget) => databases.live.snapshot((reader) => reader.rows(large, budget)),
  ]) {
    const before = databases.bytesReceived('primary')
    const rows = await read(new RowBudget(1_000_000))
    t.equal(rows.length, 10)
    t.ok(databases.bytesReceived('primary') - before < 100_000_000, 'of 200 MB')
  }
  t.strictSame(await databases.live.rows(statement(sql`select pg_backend_pid()::text`)), [begun])
})

interface Plan {
  'Node Type': string
  'Actual Rows': number
  Plans?: Plan[]
}
const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)]

t.test('a live page numbers the history up to its last row, not all of it', async (t) => {
  const walked = await createDatabase(t)
  await walked.pool.query(
    `insert into exam_results (session_id, user_id, result_json, updated_at)
    select 's' || e, 'u' || e % 4,
      (select jsonb_build_object('questions', jsonb_agg(jsonb_build_object('question_id', q)))
        from generate_series(1, 10) as q),
      timestamptz '2026-01-01Z' + e * interval '1 minute'
    from generate_series(1, 800) as e`,
  )
  await buildIndexes(walked.pool, () => undefined)
  await walked.pool.query('analyze exam_results')
  const reader: Reader = {
    store: false,
    rows: async ({ text, values }) =>
      (await walked.pool.query<Row>({ text: onPath(text), values: [...values], rowMode: 'array' })).rows,
  }
  const query = { columns: attemptColumns, descending: false }
  const statements = selectAttempts(reader, query, { limit: 101, withKey: true })
  const { value: page } = await statements.next()
  if (page === undefined) throw new Error('no statement')
  const { rows } = await walked.pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `explain (analyze, format json) ${onPath(page.text)}`,
    [...page.values],
  )
  const windows = nodes(rows[0]!['QUERY PLAN'][0].Plan).filter((node) => node['Node Type'] === 'WindowAgg')
  t.ok(windows.length > 0)
  // 8000 attempts, of which a page of 101 rows reaches into the eleventh exam
  t.ok(
    windows.every((node) => node['Actual Rows'] <= 110),
    JSON.stringify(windows.map((node) => node['Actual Rows'])),
  )
})
