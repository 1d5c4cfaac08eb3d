import { platform } from 'node:os'
import pg from 'pg'
import t from 'tap'
import type { App } from '../../src/services.js'
import { cohort } from '../../src/development/cohort.js'
import { copyText } from '../../src/database/statement.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { readerOf } from '../../src/database/reader.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { readFeed, selectChanges } from '../../src/queries/changes.js'
import { changeColumns } from '../../src/schemas/changes.js'
import { encodeToken, type ChangePosition } from '../../src/store/change-token.js'
import { enableStore } from '../../src/store/enable.js'
import { rebuild } from '../../src/store/fill.js'
import { createRefresher } from '../../src/store/refresher.js'
import { removeExpired } from '../../src/store/retention.js'
import { startApp, walk } from '../helpers/app.js'
import { readByJavaScript } from '../helpers/arrow.js'
import { parseCsv } from '../helpers/csv.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { startReplicated } from '../helpers/standby.js'
import { catchUp, enabled, shortIntervals } from '../helpers/store.js'
import { until } from '../helpers/until.js'
import { onPath } from '../helpers/on-path.js'

type Change = Record<string, unknown> & {
  op: 'upsert' | 'delete'
  version: string
  student_id: string
  item_id: string
  attempt_no: number
}
interface ChangePage {
  data: Change[]
  next_token: string
  has_more: boolean
  as_of: string
  how?: string
}
/** What a follower has: rows by their key. */
type Copy = Map<string, Record<string, unknown>>

async function filled(t: { teardown(action: () => unknown): unknown }): Promise<TestDatabase> {
  const db = await createDatabase(t)
  const exams = cohort({
    exams: 120,
    questions: 6,
    students: 12,
    items: 20,
    days: 10,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 11,
  })
  await loadExamResults(
    db.pool,
    (function* () {
      for (const exam of exams) yield JSON.stringify(exam)
    })(),
  )
  await buildIndexes(db.pool, () => undefined)
  return db
}

const body = (questions: string) => `{"questions": [${questions}]}`
const exam = (session: string, user: string, at: string, questions = '{"question_id": 1, "is_correct": true}') =>
  `insert into exam_results (session_id, user_id, result_json, updated_at)
    values ('${session}', '${user}', '${body(questions)}', '${at}');`

async function ask(app: App, query = ''): Promise<ChangePage> {
  const response = await app.inject(`/v1/changes?${query}`)
  if (response.statusCode !== 200)
    throw Object.assign(new Error(`${query}: ${response.body}`), { status: response.statusCode })
  return response.json()
}

const keyOf = (row: Record<string, unknown>) => [row['student_id'], row['item_id'], row['attempt_no']].join(' ')
function apply(copy: Copy, changes: Change[]): void {
  for (const { op, version: _version, ...row } of changes) {
    if (op === 'delete') copy.delete(keyOf(row))
    else copy.set(keyOf(row), row)
  }
}
const copyOf = (rows: Record<string, unknown>[]): Copy => new Map(rows.map((row) => [keyOf(row), row]))
const sorted = (copy: Copy) => [...copy].sort(([a], [b]) => (a < b ? -1 : 1))

/** Follows to the end. @returns every change, and the token to go on with */
async function follow(
  app: App,
  since: string,
  limit = 1000,
): Promise<{ changes: Change[]; token: string; pages: number }> {
  const changes: Change[] = []
  for (let [token, pages] = [since, 1]; ; pages++) {
    const page = await ask(app, `since=${token}&limit=${limit}`)
    changes.push(...page.data)
    token = page.next_token
    if (!page.has_more) return { changes, token, pages }
  }
}

const refusal = async (app: App, query: string) => {
  const response = await app.inject(`/v1/changes?${query}`)
  return [response.statusCode, response.json().code]
}

t.test('every kind of change is told once, in the order of version and key', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const start = await ask(app)
  t.strictSame(start.data, [])
  t.match(start.how, /source=store/)
  t.equal(start.has_more, false)
  const copy = copyOf(await walk(app, '/v1/attempts?source=store&limit=500'))
  let token = start.next_token
  const after = async (sql: string) => {
    await db.pool.query(sql)
    await catchUp(db.url)
    const { changes, token: next } = await follow(app, token)
    token = next
    apply(copy, changes)
    t.strictSame(sorted(copy), sorted(copyOf(await walk(app, '/v1/attempts?source=live&limit=500'))), sql.slice(0, 60))
    return changes.map(({ op, item_id, attempt_no, correct }) => `${op} ${item_id}/${attempt_no} ${correct}`)
  }
  t.strictSame(await after(exam('one', 'new', '2026-03-05T00:00:00Z')), ['upsert 1/1 true'], 'inserted')
  t.strictSame(
    await after(exam('zero', 'new', '2026-03-01T00:00:00Z', '{"question_id": 1}')),
    ['upsert 1/1 false', 'upsert 1/2 true'],
    'renumbered',
  )
  t.strictSame(
    await after(
      `update exam_results set result_json = '${body('{"question_id": 1, "is_correct": false}, {"question_id": 2}')}'
        where session_id = 'one'`,
    ),
    ['upsert 1/2 false', 'upsert 2/1 false'],
    'edited',
  )
  t.strictSame(
    await after(`update exam_results set user_id = 'other' where session_id = 'one'`).then((rows) => rows.sort()),
    ['delete 1/2 null', 'delete 2/1 null', 'upsert 1/1 false', 'upsert 2/1 false'],
    'moved',
  )
  t.strictSame(await after(`delete from exam_results where session_id = 'zero'`), ['delete 1/1 null'], 'deleted')
  t.strictSame(
    await after(exam('zero', 'new', '2026-03-01T00:00:00Z')),
    ['upsert 1/1 true'],
    'came again: no deletion is told',
  )
  t.strictSame(await after(`update exam_results set status = 'seen'`), [], 'nothing changed')
  const all = (await follow(app, start.next_token)).changes
  t.equal(new Set(all.map(keyOf)).size, all.length, 'each key once, at its last change')
  const places = all.map(({ version, student_id, item_id, attempt_no }) =>
    [version.padStart(20, '0'), student_id, item_id.padStart(20, '0'), String(attempt_no).padStart(9, '0')].join(' '),
  )
  t.strictSame(places, [...places].sort())
  t.strictSame(
    Object.keys(all[0] ?? {}),
    changeColumns.map(({ name }) => name),
  )
  const [gone] = all.filter(({ op }) => op === 'delete')
  t.strictSame(
    Object.entries(gone ?? {})
      .filter(([, value]) => value !== null)
      .map(([name]) => name),
    ['op', 'version', 'student_id', 'item_id', 'attempt_no'],
  )
})

t.test(
  'nothing new: no rows, and a token that works; versions that pass without rows are not asked for again',
  async (t) => {
    const db = await filled(t)
    await enabled(db)
    const app = await startApp(t, db.url)
    const first = await ask(app)
    const second = await ask(app, `since=${first.next_token}`)
    t.match(second, { data: [], has_more: false, how: undefined, next_token: first.next_token })
    await db.pool.query(exam('late', 'student-1', '2026-03-05T00:00:00Z', '{"question_id": 777}'))
    await catchUp(db.url)
    const response = await app.inject(`/v1/changes?since=${second.next_token}`)
    t.match(response.json().data, [{ op: 'upsert', item_id: '777' }])
    t.match(response.headers, {
      'attempt-source': 'store',
      'attempt-version': response.json().data[0].version,
      'attempt-next-token': response.json().next_token,
      'attempt-as-of': response.json().as_of,
    })
    t.equal(response.headers['link'], undefined)
    t.strictSame((await ask(app, `since=${response.json().next_token}`)).data, [])
    t.equal(
      (await app.inject({ method: 'HEAD', url: `/v1/changes?since=${second.next_token}&format=csv` })).statusCode,
      200,
    )
    for (const format of ['ndjson', 'csv', 'arrow']) {
      const start = await app.inject(`/v1/changes?format=${format}`)
      t.equal(start.headers['attempt-next-token'], response.json().next_token, `${format} without a token`)
      t.equal(start.body.includes('upsert'), false)
    }
    // however far the store is behind
    await db.pool.query(`update attempt_store set caught_up_at = now() - interval '1 day'`)
    t.equal((await ask(app, `since=${second.next_token}`)).data.length, 1)
  },
)

t.test('pages stop within a version, and go on there while the store goes on', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const { next_token: start } = await ask(app)
  await db.pool.query(
    `update exam_results set result_json = jsonb_set(result_json, '{questions, 0, is_correct}', 'null'),
      updated_at = updated_at + interval '1 second';
      delete from exam_results where user_id in ('student-3', 'student-7')`,
  )
  await catchUp(db.url)
  const { changes, pages } = await follow(app, start, 7)
  t.equal(new Set(changes.map(({ version }) => version)).size, 1)
  t.equal(pages, Math.ceil(changes.length / 7))
  t.strictSame(changes, (await follow(app, start, 10_000)).changes)
  t.equal(changes.some(({ op }) => op === 'delete') && changes.some(({ op }) => op === 'upsert'), true)
  const first = await app.inject(`/v1/changes?since=${start}&limit=7`)
  t.equal(
    (await app.inject(/<(.*)>; rel="next"/.exec(String(first.headers['link']))?.[1] ?? '')).json().data[0].version,
    changes[7]?.version,
  )
  // in the midst of a version another one takes rows away from it, and a refresher takes over
  const copy = copyOf(await walk(app, '/v1/attempts?source=store'))
  await db.pool.query(
    `update exam_results set updated_at = updated_at - interval '3 days' where user_id in ('student-1', 'student-9');
      delete from exam_results where user_id = 'student-2'`,
  )
  await catchUp(db.url)
  apply(copy, (await follow(app, first.json().next_token, 50)).changes)
  t.strictSame(sorted(copy), sorted(copyOf(await walk(app, '/v1/attempts?source=live'))))
  t.strictSame(await refusal(app, `since=${start}&limit=10001`), [400, 'invalid_parameter'])
  t.strictSame(await refusal(app, `since=${start}&source=live`), [400, 'invalid_parameter'])
})

t.test('a page costs what it gives: two indexes are walked in order, whatever the statistics say', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release()
  })
  await client.query('analyze')
  await client.query('begin isolation level repeatable read read only')
  const feed = await readFeed(readerOf(client, { store: true }), undefined)
  const position: ChangePosition = [feed.version, '00000000-0000-0000-0000-000000000000', '1', '1']
  for (const start of [{ version: '0' }, { version: feed.version }, { position }]) {
    for (const limit of [10, undefined]) {
      const { rows } = await client.query(
        onPath(copyText(selectChanges(['op', 'item_id'], start, limit)))
          .replace(/^copy \(/, 'explain (costs off) ')
          .replace(/\) to stdout.*$/, ''),
      )
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      t.match(plan, /Merge Append[^]*attempt_materialized_version_idx[^]*attempt_deleted_version_idx/)
      t.notMatch(plan, /Seq Scan|Bitmap|-> {2}Sort/)
    }
  }
  await client.query('rollback')
  t.equal((await client.query('show enable_seqscan')).rows[0].enable_seqscan, 'on', 'for that snapshot only')
})

/** A value of a page as it stands in Arrow. */
const inArrow = (name: string, value: unknown) =>
  typeof value === 'string' && name.endsWith('_at')
    ? String(BigInt(Date.parse(value.slice(0, 19) + 'Z')) * 1000n + BigInt(value.slice(20, 26)))
    : value

t.test('every format tells the same, and each stream the token to go on with', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const { next_token: start } = await ask(app)
  await db.pool.query(
    `delete from exam_results where user_id = 'student-3';
      update exam_results set updated_at = updated_at - interval '2 days' where user_id = 'student-5'`,
  )
  await catchUp(db.url)
  await db.pool.query(
    exam(
      'quoted',
      'student-1',
      '2026-03-05T00:00:00.000001Z',
      '{"question_id": 9007199254740993, "topic": "a,\\"b\\""}',
    ),
  )
  await catchUp(db.url)
  const { changes, token } = await follow(app, start, 10)
  const half = Math.floor(changes.length / 2)
  const { next_token: middle } = await ask(app, `since=${start}&limit=${half}`)
  for (const [what, query, rows, next] of [
    ['all', `since=${start}`, changes, token],
    ['the first half', `since=${start}&limit=${half}`, changes.slice(0, half), middle],
    ['the second half', `since=${middle}`, changes.slice(half), token],
    ['more than there are', `since=${start}&limit=1000000`, changes, token],
    ['nothing', `since=${token}`, [], token],
  ] as const) {
    const [ndjson, csv, arrow] = [
      await app.inject(`/v1/changes?${query}&format=ndjson`),
      await app.inject(`/v1/changes?${query}&format=csv`),
      await app.inject({ url: `/v1/changes?${query}`, headers: { accept: 'application/vnd.apache.arrow.stream' } }),
    ]
    t.strictSame(
      ndjson.body
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
      rows,
      `${what} ndjson`,
    )
    t.strictSame(
      parseCsv(csv.body),
      [
        changeColumns.map(({ name }) => name),
        ...rows.map((row) => Object.values(row).map((value) => (value === null ? '' : String(value)))),
      ],
      `${what} csv`,
    )
    const table = readByJavaScript(arrow.rawPayload)
    t.strictSame(
      table.columns,
      table.schema.map(({ name }) => rows.map((row) => inArrow(name, row[name]))),
      `${what} arrow`,
    )
    for (const answer of [ndjson, csv, arrow]) {
      t.equal(answer.headers['attempt-next-token'], next, what)
      t.equal(answer.trailers['attempt-rows'], String(rows.length))
    }
    for (const format of ['json', 'csv', 'arrow']) {
      if (format === 'json' && query.includes('1000000')) continue
      const { headers, body } = await app.inject({ method: 'HEAD', url: `/v1/changes?${query}&format=${format}` })
      t.strictSame(
        [headers['attempt-next-token'], headers['attempt-version'], headers['attempt-source'], body],
        [next, csv.headers['attempt-version'], 'store', ''],
        `${what} HEAD ${format}`,
      )
    }
  }
})

t.test('a slow transaction that commits late is told late, not lost', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  let { next_token: token } = await ask(app)
  const slow = await db.pool.connect()
  t.teardown(() => {
    slow.release(true)
  })
  await slow.query('begin')
  await slow.query(
    `insert into exam_results (session_id, user_id, result_json)
      values ('slow', 'slow', '${body('{"question_id": 8}')}')`,
  )
  for (let n = 0; n < 3; n++) {
    await db.pool.query(
      `insert into exam_results (session_id, user_id, result_json)
        values ('quick-${n}', 'quick', '${body(`{"question_id": ${n}}`)}')`,
    )
    await catchUp(db.url)
    const page = await ask(app, `since=${token}`)
    t.strictSame(
      page.data.map(({ item_id }) => item_id),
      [String(n)],
    )
    token = page.next_token
  }
  await slow.query('commit')
  await catchUp(db.url)
  const {
    data: [late, ...none],
  } = await ask(app, `since=${token}`)
  t.match(late, { op: 'upsert', item_id: '8', session_id: 'slow' })
  t.strictSame(none, [])
  t.equal(String(late?.['completed_at']) < String((await ask(app)).as_of), true)
})

t.test('a follower amid writers, refreshes, and a rebuild has what the view says in the end', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url, { poolSize: 6 })
  let seed = 42
  const random = (n: number) => Math.floor(((seed = (seed * 48271) % 2147483647) / 2147483647) * n)
  const user = () => `'student-${1 + random(14)}'`
  const at = () => `timestamptz '2026-03-01T00:00:00Z' + ${random(1_000_000)} * interval '1 second'`
  const questions = () =>
    body(
      Array.from(
        { length: 1 + random(4) },
        () =>
          `{"question_id": ${1001 + random(8)}, "is_correct": ${random(2) === 1},
            "time_spent_sec": ${random(90)}, "topic": "t${random(3)}"}`,
      ).join(),
    )
  let made = 0
  const some = () =>
    `where id in (select id from exam_results order by md5(id::text || ${random(1000)}) limit ${1 + random(4)}
      for update skip locked)`
  const write = () =>
    [
      () =>
        `insert into exam_results (session_id, user_id, result_json, updated_at)
          values ('made-${++made}', ${user()}, '${questions()}', ${at()})`,
      () => `update exam_results set result_json = '${questions()}', updated_at = ${at()} ${some()}`,
      () => `update exam_results set user_id = ${user()} ${some()}`,
      () => `delete from exam_results ${some()}`,
    ][random(4)]?.() as string

  let writing = true
  const pool = new pg.Pool({ connectionString: db.url, max: 4 })
  pool.on('error', () => undefined)
  t.teardown(() => pool.end())
  const writers = [0, 5, 40].map(async (slowness) => {
    const client = await pool.connect()
    while (writing) {
      await client.query('begin')
      for (let n = 0; n <= random(3); n++) {
        await client.query(write())
        await new Promise((done) => setTimeout(done, slowness * random(10)))
      }
      await client.query(random(5) === 0 ? 'rollback' : 'commit')
      await new Promise((done) => setTimeout(done, 5))
    }
    client.release()
  })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const refresh = () => {
    const refresher = createRefresher({
      primaryUrl: db.url,
      storeUrl: db.url,
      log,
      batch: 5,
      intervals: shortIntervals,
    })
    void refresher.run()
    return refresher
  }

  // what the follower came across
  const seen = { upsert: 0, delete: 0, expired: 0, fresh: 0, partial: 0 }
  let following = true
  t.teardown(() => {
    writing = following = false
  })
  let copy: Copy = new Map()
  let token: string | undefined
  const step = async () => {
    try {
      if (token === undefined) {
        const { next_token } = await ask(app)
        copy = new Map()
        const whole = await app.inject('/v1/attempts?source=store&format=ndjson')
        if (whole.statusCode !== 200) return true
        copy = copyOf(
          whole.body
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        )
        token = next_token
        seen.fresh++
        return true
      }
      const page = await ask(app, `since=${token}&limit=${1 + random(12)}`)
      for (const { op } of page.data) seen[op]++
      if (page.has_more) seen.partial++
      apply(copy, page.data)
      token = page.next_token
      return page.has_more
    } catch (error) {
      const { status } = error as { status?: number }
      if (status === 410) {
        seen.expired++
        token = undefined
      } else if (status !== 503) throw error
      return true
    }
  }
  const follower = (async () => {
    while (following) {
      await step()
      await new Promise((done) => setTimeout(done, 3))
    }
  })()

  let refresher = refresh()
  await until(() => seen.fresh === 1 && seen.upsert > 200 && seen.delete > 2, 'it follows')
  await refresher.stop()
  const client = await pool.connect()
  await rebuild(client)
  client.release()
  refresher = refresh()
  await until(
    () => seen.fresh === 2 && seen.upsert > 400 && seen.delete > 5 && seen.partial > 5,
    'it follows again, after the rebuild',
  )
  writing = false
  await Promise.all(writers)
  await refresher.stop()
  await catchUp(db.url)
  following = false
  await follower
  while (await step());
  t.comment(JSON.stringify(seen))
  t.equal(seen.expired, 1, 'the rebuild was noticed')
  t.equal(seen.fresh, 2)
  t.strictSame(sorted(copy), sorted(copyOf(await walk(app, '/v1/attempts?source=live&limit=5000'))))
})

t.test('keys that went are told for a time; whoever comes later is told to begin anew', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const { next_token: before } = await ask(app)
  await db.pool.query(`delete from exam_results where user_id = 'student-3'`)
  await catchUp(db.url)
  const partial = (await ask(app, `since=${before}&limit=2`)).next_token
  const { token: after } = await follow(app, before)
  const client = await db.pool.connect()
  t.teardown(() => {
    client.release()
  })
  t.equal(await removeExpired(client, 1), false)
  t.equal((await ask(app, `since=${before}&limit=2`)).has_more, true, 'young ones stay')
  await client.query(`update attempt_deleted set deleted_at = now() - interval '2 hours'`)
  t.equal(await removeExpired(client, 3), false)
  t.equal((await ask(app, `since=${before}&limit=2`)).has_more, true)
  // the refresher does it
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const refresher = createRefresher({ primaryUrl: db.url, storeUrl: db.url, log: quiet, once: true, retentionH: 1 })
  await refresher.run()
  await refresher.stop()
  t.equal((await client.query('select count(*)::int as n from attempt_deleted')).rows[0].n, 0)
  for (const token of [before, partial]) {
    for (const format of ['json', 'csv', 'arrow']) {
      const response = await app.inject(`/v1/changes?since=${token}&format=${format}`)
      t.equal(response.statusCode, 410)
      t.match(response.json(), { code: 'changes_expired', detail: /without since for a new token, take a full export/ })
    }
  }
  t.strictSame((await ask(app, `since=${after}`)).data, [])
  // more than one batch
  await client.query(
    `insert into attempt_deleted (student_id, item_id, attempt_no, version, deleted_at)
      select gen_random_uuid(), n, 1, n / 100, now() - interval '2 hours' from generate_series(1, 2500) as n`,
  )
  t.strictSame(
    [await removeExpired(client, 1), await removeExpired(client, 1), await removeExpired(client, 1)],
    [true, true, false],
  )
  t.equal((await client.query('select count(*)::int as n from attempt_deleted')).rows[0].n, 0)
})

t.test('a token of another history is refused, also where its number means something again', async (t) => {
  const [db, other] = [await filled(t), await filled(t)]
  await enabled(db)
  await enabled(other)
  const app = await startApp(t, db.url)
  const write = async (session: string) => {
    // a question of its own: nothing else is renumbered
    await db.pool.query(exam(session, 'student-1', '2026-03-05T00:00:00Z', `{"question_id": ${session.charCodeAt(0)}}`))
    await catchUp(db.url)
    return (await ask(app)).next_token
  }
  const [first, second] = [await write('a'), await write('b')]
  t.strictSame(await refusal(await startApp(t, other.url), `since=${first}`), [410, 'changes_expired'])

  // restored from a backup that was made between the two
  await db.pool.query('update attempt_store set version = version - 1')
  t.strictSame(await refusal(app, `since=${second}`), [410, 'changes_expired'], 'from the future')
  const third = await write('c')
  t.equal(
    (await db.pool.query('select count(distinct first_version)::int = count(*)::int as same from attempt_epoch'))
      .rows[0].same,
    true,
  )
  t.strictSame(await refusal(app, `since=${second}`), [410, 'changes_expired'], 'its number was given again')
  // what it took from the queue after the backup is in neither: it was filled anew, and the feed with it
  t.strictSame(await refusal(app, `since=${first}`), [410, 'changes_expired'])
  t.strictSame((await ask(app, `since=${third}`)).data, [])

  // restored again and rebuilt before any refresher came: the rebuild takes the number that the token has
  await db.pool.query('update attempt_store set version = version - 1')
  const client = await db.pool.connect()
  await rebuild(client)
  client.release()
  t.strictSame(await refusal(app, `since=${third}`), [503, 'store_unavailable'])
  await catchUp(db.url)
  for (const token of [first, third])
    t.strictSame(await refusal(app, `since=${token}`), [410, 'changes_expired'], 'from before the rebuild')
  const fourth = await write('d')
  await write('e')
  t.strictSame(
    (await ask(app, `since=${fourth}`)).data.map(({ session_id }) => session_id),
    ['e'],
  )
  // refreshers that take over all the time leave no trace unless they write
  const epochs = async () => (await db.pool.query('select count(*)::int as n from attempt_epoch')).rows[0].n
  await catchUp(db.url)
  const n = await epochs()
  for (let time = 0; time < 3; time++) await catchUp(db.url)
  t.equal(await epochs(), n)
  await db.pool.query('truncate exam_results')
  await catchUp(db.url)
  t.strictSame(await refusal(app, `since=${fourth}`), [410, 'changes_expired'], 'an emptied table is a rebuild')
})

t.test('a malformed token is a 400 that names since', async (t) => {
  const db = await filled(t)
  await enabled(db)
  const app = await startApp(t, db.url)
  const { next_token } = await ask(app)
  const epoch = '3f3b8cc5-7db4-4f69-9bc8-b23e4a46d557'
  const raw = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const token of [
    'x',
    '1',
    next_token.slice(0, -5),
    `${next_token}!`,
    `${next_token.slice(0, 9)}.${next_token.slice(9)}`,
    `${next_token}=`,
    raw(null),
    raw({}),
    raw([]),
    raw([2, epoch, '1']),
    raw([1, epoch]),
    raw([1, epoch, 1]),
    raw([1, 'me', '1']),
    raw([1, epoch, '-1']),
    raw([1, epoch, '9223372036854775808']),
    raw([1, epoch, '1', '1']),
    raw([1, epoch, '1', '1', epoch, '99999999999999999999', '1']),
    raw([1, epoch, '1', '1', epoch, '1', '2147483648']),
    raw([1, epoch, '1', '1', epoch, '1', `1'; drop table x`]),
    raw([1, epoch, '1', '1', epoch, '1', '1', '1']),
  ]) {
    for (const format of ['json', 'csv']) {
      const response = await app.inject(`/v1/changes?since=${token}&format=${format}`)
      t.match(
        response.json(),
        { status: 400, code: 'invalid_parameter', errors: [{ parameter: 'since' }] },
        Buffer.from(token, 'base64url').toString(),
      )
    }
  }
  t.strictSame(await refusal(app, 'since='), [400, 'invalid_parameter'])
  t.strictSame(await refusal(app, `since=${next_token}&since=${next_token}`), [400, 'invalid_parameter'])
  t.strictSame(await refusal(app, 'format=xml'), [406, 'not_acceptable'])
  t.strictSame(
    await refusal(app, `since=${encodeToken({ epoch, version: '1' })}`),
    [410, 'changes_expired'],
    'well formed, but not ours',
  )
})

t.test('without a whole store there is no feed', async (t) => {
  const db = await filled(t)
  const app = await startApp(t, db.url)
  for (const format of ['json', 'ndjson', 'arrow']) {
    const response = await app.inject(`/v1/changes?format=${format}`)
    t.match(response.json(), { status: 503, code: 'store_unavailable', detail: /store enable/ })
    t.equal(response.headers['retry-after'], '5')
  }
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  t.match((await app.inject('/v1/changes')).json(), { status: 503, code: 'store_unavailable', detail: /being filled/ })
  await catchUp(db.url)
  t.equal((await app.inject('/v1/changes')).statusCode, 200)
})

t.test('the feed of a store in a database of its own, and a role that may only read', async (t) => {
  const [db, apart] = [await filled(t), await createDatabase(t, { bare: true })]
  await enabled(db, apart)
  const app = await startApp(t, db.url, {}, apart.url)
  const { next_token } = await ask(app)
  await db.pool.query(exam('apart', 'student-1', '2026-03-05T00:00:00Z', '{"question_id": 55}'))
  await catchUp(db.url, apart.url)
  t.match((await ask(app, `since=${next_token}`)).data, [{ op: 'upsert', item_id: '55', session_id: 'apart' }])
  t.match((await app.inject(`/v1/changes?since=${next_token}&format=ndjson`)).body, /"item_id":"55"/)
  const role = `follower_${apart.name}`
  await apart.pool.query(
    `create role ${role} login password 'follower';
      grant select on attempt_store, attempt_epoch, attempt_materialized, attempt_deleted to ${role}`,
  )
  const url = new URL(apart.url)
  url.username = role
  url.password = 'follower'
  const restricted = await startApp(t, db.url, {}, url.href)
  t.equal((await ask(restricted, `since=${next_token}`)).data.length, 1)
  await apart.pool.query(`revoke select on attempt_epoch from ${role}`)
  t.strictSame(await refusal(restricted, `since=${next_token}`), [503, 'store_unavailable'])
  await apart.pool.query(`drop owned by ${role}; drop role ${role}`)
})

t.test(
  'a standby that has not come to the token asks for patience, not for a fresh start',
  { skip: platform() === 'win32' ? 'the folder is copied with cp' : false },
  async (t) => {
    const servers = await startReplicated(t)
    const [primary, standby] = [
      new pg.Pool({ connectionString: servers.primary, max: 2 }).on('error', () => undefined),
      new pg.Pool({ connectionString: servers.standby, max: 2 }).on('error', () => undefined),
    ]
    t.teardown(() => Promise.all([primary.end(), standby.end()]))
    for (const pool of [primary, standby]) pool.on('error', () => undefined)
    await primary.query(createExamResults)
    await migrateUp(primary)
    await buildIndexes(primary, () => undefined)
    await enableStore({ primary: primary, store: primary }, () => undefined)
    await primary.query(exam('first', 'student-1', '2026-03-05T00:00:00Z'))
    await catchUp(servers.primary)
    await servers.caughtUp()
    const [app, behind] = [await startApp(t, servers.primary), await startApp(t, servers.standby)]
    const { next_token } = await ask(behind)
    await standby.query('select pg_wal_replay_pause()')
    await primary.query(exam('second', 'student-1', '2026-03-06T00:00:00Z'))
    await catchUp(servers.primary)
    const { next_token: ahead } = await ask(app)
    t.strictSame(await refusal(behind, `since=${ahead}`), [503, 'store_unavailable'])
    await standby.query('select pg_wal_replay_resume()')
    await servers.caughtUp()
    t.strictSame((await ask(behind, `since=${ahead}`)).data, [])
    t.match((await ask(behind, `since=${next_token}`)).data, [{ session_id: 'second' }])
  },
)
