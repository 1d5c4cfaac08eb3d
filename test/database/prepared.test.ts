/** A connection keeps a bounded number of prepared statements, whatever combinations of filters are requested. */
import t from 'tap'
import { sql } from 'kysely'
import pg from 'pg'
import { maxPrepared } from '../../src/database/pg-internals.js'
import { createDatabases, type Reader } from '../../src/database/reader.js'
import { statement, type Statement } from '../../src/database/statement.js'
import { relation } from '../../src/relations.js'
import { selectAttempts, type AttemptsQuery } from '../../src/queries/attempts.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { attemptColumns } from '../../src/schemas/attempts.js'
import { createDatabase } from '../helpers/database.js'
import { onPath } from '../helpers/on-path.js'

const db = await createDatabase(t)
await db.pool.query(`insert into exam_results (session_id, user_id, result_json, updated_at)
select 'session-' || n, 'somebody', jsonb_build_object('questions', (
  select jsonb_agg(jsonb_build_object('question_id', q, 'is_correct', (n + q) % 2 = 0, 'topic', 'topic-' || q % 2))
  from generate_series(1, 4) as q
)), timestamptz '2026-03-01T00:00:00Z' + n * interval '1 hour'
from generate_series(1, 5) as n`)

const filters: Partial<AttemptsQuery>[] = [
  { since: '2026-03-01T02:00:00Z' },
  { until: '2026-03-01T05:00:00Z' },
  { items: ['1', '2', '3'] },
  { topics: ['topic-0', 'topic-1'] },
  { session: 'session-3' },
  { correct: 'true' },
  { attemptNo: 3 },
  { descending: true },
  { id: '-1' },
]

/** The n-th combination; n from 0 to 1023. */
async function combination(n: number): Promise<Statement> {
  const query: AttemptsQuery = { columns: attemptColumns, descending: false, student: studentOfUser('somebody') }
  Object.assign(query, ...filters.filter((_filter, index) => (n >> index) % 2 === 1))
  const request = { limit: 10, withKey: n >= 512 }
  const { value } = await selectAttempts(
    { store: false, rows: () => Promise.reject(new Error()) },
    query,
    request,
  ).next()
  if (value === undefined) throw new Error('no statement')
  return value
}

const combinations = await Promise.all(Array.from({ length: 700 }, (_none, n) => combination(n)))
const kept = statement(sql`select name from pg_prepared_statements order by name`, { prepared: false })

const databases = createDatabases({ timeoutMaxMs: 60_000, poolSize: 1, poolQueue: 10 }, db.url)
t.teardown(() => databases.close())

/** The same text and values outside of the service, where nothing is prepared by name. */
async function expected({ text, values }: Statement): Promise<unknown[][]> {
  const client = await db.pool.connect()
  try {
    await client.query(`set timezone = 'UTC'`)
    const types = { getTypeParser: () => (value: unknown) => value }
    return (await client.query<unknown[]>({ text: onPath(text), values: [...values], rowMode: 'array', types })).rows
  } finally {
    client.release()
  }
}

t.test('700 combinations leave no more than the limit, and every answer is right', async (t) => {
  t.equal(new Set(combinations.map(({ name }) => name)).size, 700)
  const [first] = combinations as [Statement]
  let found = 0
  for (const [n, one] of combinations.entries()) {
    const rows = await databases.live.rows(one)
    found += rows.length
    // a request that is made again and again keeps its statement
    await databases.live.rows(first)
    if (n % 7 === 0) t.strictSame(rows, await expected(one), one.text)
  }
  t.ok(found > 700, `${found} rows`)
  const names = (await databases.live.rows(kept)).map(([name]) => name)
  t.equal(names.length, maxPrepared)
  t.ok(names.includes(first.name))
  t.ok(names.includes(combinations.at(-1)?.name ?? ''))
  t.notOk(names.includes(combinations[1]?.name ?? ''))
})

t.test('a statement whose place was taken is prepared again, also in a transaction', async (t) => {
  for (const one of combinations.slice(1, 150)) {
    const rows = await databases.live.snapshot(async (reader: Reader) => {
      await reader.rows(one)
      return reader.rows(one)
    })
    t.strictSame(rows, await expected(one))
  }
  t.equal((await databases.live.rows(kept)).length, maxPrepared)
})

t.test('a failed statement and an aborted transaction change nothing of that', async (t) => {
  const backend = statement(sql`select pg_backend_pid()`, { prepared: false })
  const pid = await databases.live.rows(backend)
  const missing = (n: number) => statement(sql`select ${sql.id(`missing_${n}`)} from ${relation('attempt')}`)
  const codeOf = (rows: Promise<unknown>) =>
    rows.then(
      () => 'none',
      (error: unknown) => (error instanceof pg.DatabaseError ? error.code : error),
    )
  for (let n = 0; n < 150; n++) {
    const codes = await databases.live.snapshot(async (reader) => [
      await codeOf(reader.rows(missing(n))),
      // in the aborted transaction nothing can be prepared
      await codeOf(reader.rows(combinations[200 + n] ?? kept)),
    ])
    t.strictSame(codes, ['42703', '25P02'])
  }
  for (const one of combinations.slice(200, 350)) t.strictSame(await databases.live.rows(one), await expected(one))
  t.ok((await databases.live.rows(kept)).length <= maxPrepared)
  t.strictSame(await databases.live.rows(backend), pid, 'all of it on one connection')
})
