/** Rules that keep the store's SQL fit for many servers, checked on every statement that reaches the store. */
import t from 'tap'
import pg from 'pg'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { verifyStore } from '../../src/store/verify.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { createRefresher } from '../../src/store/refresher.js'
import { get, startApp } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, enabled, shortIntervals, silentLog } from '../helpers/store.js'
import { until } from '../helpers/until.js'

const big = /\b(attempt_materialized|attempt_deleted)\b/
const [db, beside] = [await createDatabase(t), await createDatabase(t)]
const apart = await createDatabase(t, { bare: true })
for (const { pool } of [db, beside]) {
  const exams = cohort({
    exams: 60,
    questions: 6,
    students: 9,
    items: 20,
    days: 5,
    end: new Date('2026-03-06T00:00:00Z'),
    seed: 9,
  })
  await loadExamResults(
    pool,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  await buildIndexes(pool, () => undefined)
}

// every statement on the database of the store from here on; where that is also exam_results', those on the big tables
const statements = new Set<string>()
const connection = (
  pg as unknown as { Connection: { prototype: Record<'query' | 'parse', (...args: unknown[]) => unknown> } }
).Connection.prototype
const names = new WeakMap<object, string>()
for (const method of ['query', 'parse'] as const) {
  const original = connection[method]
  connection[method] = function (this: object, ...args: unknown[]) {
    const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text
    if (names.get(this) === apart.name || (names.get(this) === beside.name && big.test(text)))
      statements.add(text.replace(/\s+/g, ' ').trim())
    return original.apply(this, args)
  }
}
const connect = pg.Client.prototype.connect as (...args: unknown[]) => unknown
pg.Client.prototype.connect = function (this: pg.Client, ...args: unknown[]) {
  names.set((this as unknown as { connection: object }).connection, String(this.database))
  return connect.apply(this, args) as never
} as never

/** Everything that a refresher does: a fill, batches, unacknowledged batches, the end of old deletions, repairs. */
async function work(source: TestDatabase, store: TestDatabase): Promise<void> {
  await enabled(source, store)
  await source.pool.query(
    `update exam_results set user_id = 'student-1' where user_id = 'student-2';
    delete from exam_results where user_id = 'student-3'`,
  )
  await catchUp(source.url, store.url)
  await source.pool.query('update attempt_queue_reader set version = version - 1')
  await catchUp(source.url, store.url)
  await store.pool.query(`update attempt_materialized set correct = not correct where student_id = $1`, [
    studentOfUser('student-4'),
  ])
  const refresher = createRefresher({
    primaryUrl: source.url,
    storeUrl: store.url,
    retentionH: 0,
    log: silentLog,
    intervals: shortIntervals,
  })
  void refresher.run()
  const done = 'select from attempt_store where differences > 0 and not exists (select from attempt_deleted)'
  await until(
    async () => (await store.pool.query(done)).rowCount === 1,
    'a difference was repaired and deletions were removed',
  ).finally(() => refresher.stop())
}
await work(beside, beside)
await work(db, apart)
const app = await startApp(t, db.url, {}, apart.url)
const { next_token } = (await get(app, '/v1/changes')) as unknown as { next_token: string }
await db.pool.query(`delete from exam_results where user_id = 'student-5'`)
await catchUp(db.url, apart.url)
for (const path of [
  'attempts',
  'attempts?format=csv',
  'attempts?user_id=student-1',
  'attempts?since=2026-03-02T00:00:00Z&until=2026-03-04T00:00:00Z&topic_id=algebra',
  'students',
  'students?format=csv',
  'students?since=2026-03-02T00:00:00Z',
  'students/daily',
  'topics',
  'topics/daily?tz=Asia/Seoul',
  'topics/daily',
  'items?format=csv',
  'irt/responses',
  'irt/responses?layout=wide&min_per_item=2',
  'irt/readiness',
  'attempts?session_id=session-9-1',
  'attempts?id=1&item_id=1001&correct=true&attempt_no=1&order=desc',
  'students?user_id=student-1',
  `students/${studentOfUser('student-1')}`,
  `students/daily?student_id=${studentOfUser('student-1')}`,
  'students?min_attempts=2&topic_id=algebra&item_id=1001&attempt_no=1',
  'topics?since=2026-03-02T00:00:00Z',
  'items?min_attempts=2&topic_id=algebra',
  'changes',
  `changes?since=${encodeURIComponent(next_token)}`,
  `changes?since=${encodeURIComponent(next_token)}&limit=1`,
  `changes?since=${encodeURIComponent(next_token)}&format=ndjson`,
  'irt/responses?layout=subjects',
  'irt/responses?attempts=all&hints=exclude&answered=any&sample=0.5&topic_id=algebra&item_id=1001',
  'irt/responses?since=2026-03-02T00:00:00Z&until=2026-03-04T00:00:00Z&min_per_student=2&anchor_item_id=1001',
  'irt/readiness?attempts=all&hints=exclude&sample=0.9&min_per_item=2',
]) {
  const { statusCode } = await app.inject(`/v1/${path}`)
  if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`)
}
const [source, store] = [await db.pool.connect(), await apart.pool.connect()]
await verifyStore({ primary: source, store }, 1, () => undefined)
source.release()
store.release()

const list = [...statements]
const offenders = (pattern: RegExp, among = list) =>
  among.filter((text) => pattern.test(text.replace(/'[^']*'/g, "''")))

t.test('every kind of statement was recorded', async (t) => {
  t.equal(list.filter((text) => big.test(text)).length > 40, true, `${list.length} statements`)
  for (const kind of [
    /^delete from attempt_deleted d using unnest/,
    /cross join lateral \(select .* from attempt_materialized where .* offset 0\)/,
    /from attempt_materialized where version > \$1::bigint union select student_id from attempt_deleted where version/,
    /differences = differences \+/,
    /'delete'::text as op/,
    /max\(version\).*\battempt_materialized where student_id = \$\d::uuid/,
    /session_id = \$\d/,
  ])
    t.equal(
      list.some((text) => kind.test(text)),
      true,
      String(kind),
    )
})

t.test('1: student_id is in every key of a big table', async (t) => {
  const { rows } = await apart.pool.query<{
    name: string
    definition: string
  }>(`select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i
    where i.indrelid in ('attempt_materialized'::regclass, 'attempt_deleted'::regclass) and i.indisunique`)
  t.equal(rows.length, 2)
  for (const { name, definition } of rows) t.match(definition, /\(student_id,/, name)
  for (const text of list)
    for (const [, partition] of text.matchAll(/partition by (\w+)/g)) t.equal(partition, 'student_id', text)
})

t.test('2: a set of students is an array', async (t) => {
  t.strictSame(offenders(/student_id (not )?in \(\s*select|student_id = any\s*\(\s*(array\s*\()?\s*select/i), [])
  t.strictSame(offenders(/\bmerge into\b|force_generic_plan|create (temp|temporary|unlogged)/i), [])
})

t.test('3: days are computed in the statement, timestamps carry their offset', async (t) => {
  t.strictSame(offenders(/\bcurrent_date\b|\blocaltimestamp\b|set (local )?time ?zone|date_trunc/i), [])
  // a cast to a date without `at time zone` would depend on the session
  t.strictSame(offenders(/completed_at::date/i), [])
})

t.test('4 and 5: row locks are taken on small tables only, the advisory lock is taken alone', async (t) => {
  const locked = offenders(/\bfor (no key )?(update|share)\b/i)
  t.equal(locked.length > 0, true)
  for (const text of locked)
    for (const [, table] of text.matchAll(/(?:from (\w+) )?for (?:no key )?(?:update|share)\b/gi))
      t.equal(table, 'attempt_store', text)
  const advisory = list.filter((text) => /advisory/.test(text))
  t.equal(advisory.length > 0 && advisory.every((text) => !big.test(text)), true)
})

t.test('6: big tables are written with parameters and excluded only, and have no sequences', async (t) => {
  for (const text of list.filter((one) => /insert into (attempt_materialized|attempt_deleted)\b/.test(one))) {
    for (const [, assignments] of text.matchAll(/do update set (.*?)( where| returning|\)|$)/g)) {
      for (const assignment of (assignments as string).split(', '))
        t.match(assignment.trim(), /^\w+ = excluded\.\w+$/, assignment)
    }
  }
  const { rows } = await apart.pool.query(
    `select attrelid::regclass::text as table, attname
    from pg_attribute
    where attrelid in ('attempt_materialized'::regclass, 'attempt_deleted'::regclass)
      and (
        attidentity <> ''
        or exists (
          select 1 from pg_attrdef d
          where d.adrelid = attrelid and d.adnum = attnum and pg_get_expr(d.adbin, d.adrelid) ~ 'nextval'
        )
      )`,
  )
  t.strictSame(rows, [])
})

/** Names of a statement's CTEs that read a big table, or rows to be compared with one, and are read more than once. */
function readAgain(text: string): string[] {
  const parts = [...text.matchAll(/(?:with|\),) (\w+) as (?:materialized )?\(/g)].map(({ 1: name, index }) => ({
    name: name as string,
    index,
  }))
  return parts
    .filter(
      ({ name, index }, at) =>
        big.test(text.slice(index, parts[at + 1]?.index ?? text.length)) &&
        [...text.matchAll(new RegExp(`\\b(?:from|join|using) ${name}\\b`, 'g'))].length > 1,
    )
    .map(({ name }) => name)
}

t.test('8: no CTE reads a big table for two others, except the comparison of a batch', async (t) => {
  // bounded by its students, which are an array: docs/store.md
  const compares =
    /^with (written_exam|fresh) as materialized .* old as materialized .*student_id = any\(\$1::uuid\[\]\)/
  t.equal(
    list.some((text) => compares.test(text) && readAgain(text).includes('old')),
    true,
  )
  t.strictSame(
    list.filter((text) => !compares.test(text) && readAgain(text).length > 0),
    [],
  )
})

t.test('8: stored quantiles by topic are computed one day at a time, and nothing is compared by except', async (t) => {
  t.strictSame(offenders(/\bexcept\b|\brollup\b|\bstddev/i), [])
  const kept = list.filter(
    (text) =>
      /percentile_cont.*from attempt_materialized/.test(text) && /group by topic_id\) as topic \) as fresh/.test(text),
  )
  t.equal(kept.length, 1)
  t.match(kept[0], /completed_at >= \(\$1::date\).* and completed_at < \(\$1::date \+ 1\)/)
})
