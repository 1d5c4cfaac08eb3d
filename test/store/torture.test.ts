/**
 * Writers of every kind, refreshers that are killed at any moment, servers that crash and lose commits: afterwards the
 * store is equal to the view, and so is the copy of a client that followed the changes all the while.
 * `npm test` runs it for a few seconds per arrangement, `npm run test:torture -- SECONDS [SEED]` for longer.
 */
import t, { type Test } from 'tap'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import pg from 'pg'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { enableStore } from '../../src/store/enable.js'
import { startApp, walk } from '../helpers/app.js'
import { cli as cliFile } from '../helpers/cli.js'
import { ownServer, type OwnServer } from '../helpers/server.js'
import { differentRows } from '../helpers/store.js'

const seconds = Number(process.env['TORTURE_SECONDS'] ?? 5)
const seed = Number(process.env['TORTURE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Pseudo-random numbers: Mulberry32, as in the cohort. */
function generator(state: number) {
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(uniform() * n)
  return {
    uniform,
    below,
    chance: (share: number) => uniform() < share,
    of: <T>(list: readonly T[]) => list[below(list.length)] as T,
  }
}
type Random = ReturnType<typeof generator>

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

const users = [
  ...Array.from({ length: 30 }, (_value, index) => `student-${index + 1}`),
  'ABCDEFAB-0000-4000-8000-00000000000A',
  'abcdefab-0000-4000-8000-00000000000a',
]

function statementOf(random: Random): [string, unknown[]] {
  const session = () => `session-5-${1 + random.below(250)}`
  const user = () => (random.chance(0.03) ? null : random.of(users))
  const body = () =>
    JSON.stringify({
      questions: Array.from({ length: random.below(7) }, () => ({
        question_id: random.chance(0.03) ? 'Q7' : 1001 + random.below(15),
        is_correct: random.chance(0.6),
        time_spent_sec: random.below(300) / 10,
        used_hints: random.below(2),
        topic: random.of(['algebra', 'geometry', '', 'a,"b\\']),
      })),
    })
  const at = () => new Date(Date.UTC(2026, 2, 1) + random.below(12 * 86_400_000)).toISOString()
  return random.of<() => [string, unknown[]]>([
    () => [
      'insert into exam_results (session_id, user_id, result_json) values ($1, $2, $3) on conflict do nothing',
      [session(), user(), body()],
    ],
    () => [
      `insert into exam_results (session_id, user_id, result_json, updated_at)
      select 'many-' || $1 || n, ($2::text[])[1 + n % 3], $3, $4 from generate_series(1, 9) as n
      on conflict do nothing`,
      [random.below(9), [user(), user(), user()], body(), at()],
    ],
    () => [
      `insert into exam_results (session_id, user_id, result_json, updated_at)
      values ($1, $2, $3, $4), ($1 || 'b', $5, $3, now())
      on conflict (session_id) do update set
        user_id = excluded.user_id, result_json = excluded.result_json, updated_at = now()`,
      [session(), user(), body(), at(), user()],
    ],
    () => ['update exam_results set result_json = $2, updated_at = now() where session_id = $1', [session(), body()]],
    () => ['update exam_results set updated_at = $2 where session_id = $1', [session(), at()]],
    () => ['update exam_results set user_id = $2 where session_id = $1', [session(), user()]],
    () => ['update exam_results set user_id = $2 where user_id = $1 and exam_id < 6', [user(), user()]],
    () => [`update exam_results set status = 'seen' where user_id = $1`, [user()]],
    () => ['delete from exam_results where session_id = $1', [session()]],
    () => [`delete from exam_results where user_id = $1 and session_id like 'many-%'`, [user()]],
  ])()
}

/** Errors that a crash, a kill, a lock or another writer causes; any other error fails the test. */
const expected = (error: { code?: string; message: string }) =>
  ['40001', '40P01', '55P03', '57P01', '57P02', '57P03', '23505', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(
    error.code ?? '',
  ) || /Connection terminated|not queryable|timeout expired|Client has encountered/.test(error.message)

async function torture(t: Test, source: OwnServer, store: OwnServer): Promise<void> {
  t.comment(`seed ${seed}, ${seconds} s`)
  const random = generator(seed)
  const apart = source !== store
  const pools = [source, ...(apart ? [store] : [])].map(({ url }) => {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    pool.on('error', () => undefined)
    return pool
  })
  t.teardown(() => Promise.all(pools.map((pool) => pool.end())))
  const [sourcePool, storePool] = [pools[0] as pg.Pool, pools.at(-1) as pg.Pool]
  await sourcePool.query(createExamResults)
  await migrateUp(sourcePool)
  await buildIndexes(sourcePool, () => undefined)
  const exams = cohort({
    exams: 200,
    questions: 6,
    students: 30,
    items: 15,
    days: 12,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 5,
  })
  await loadExamResults(
    sourcePool,
    [...exams].map((exam) => JSON.stringify(exam)),
  )
  await enableStore({ primary: sourcePool, store: storePool }, () => undefined)
  for (const pool of pools) await pool.query('checkpoint')

  const counts = {
    statements: 0,
    commits: 0,
    rollbacks: 0,
    slow: 0,
    truncates: 0,
    aborted: 0,
    kills: 0,
    terminated: 0,
    fast: 0,
    immediate: 0,
    versions: 0,
    rebuilds: 0,
    unacknowledged: 0,
    changes: 0,
    restarts: 0,
  }
  const unexpected: string[] = []
  const env = { ...process.env, DATABASE_URL: source.url, STORE_DATABASE_URL: apart ? store.url : '' }
  const cli = [...cliFile, 'store']
  const end = Date.now() + seconds * 1000
  // if that was too short on a busy machine, it continues until refreshers have written, the follower has read it, and
  // a server was restarted: meanwhile servers and sessions are left alone, so a leader has time to work
  const calm = () => Date.now() >= end
  const restarted = () => counts.fast + counts.immediate > 0
  const running = () =>
    Date.now() < end ||
    (Date.now() < end + 60_000 &&
      (counts.kills < 2 || counts.versions < 2 || counts.commits <= seconds || counts.changes === 0 || !restarted()))

  const over = (async () => {
    while (running()) await sleep(50)
  })()

  /** Calls `use` again and again with a connection, and with a new one whenever it fails. */
  async function connected(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
    while (running()) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        while (running()) await use(client)
      } catch (error) {
        counts.aborted++
        if (!expected(error as Error)) unexpected.push(String(error))
        await sleep(50)
      } finally {
        await client.end().catch(() => undefined)
      }
    }
  }

  async function writer(number: number): Promise<void> {
    const random = generator(seed + number)
    await connected(source.url, async (client) => {
      if (number === 1 && random.chance(0.004)) {
        // truncated, and filled again in the same transaction
        await client.query(`begin; set local lock_timeout = '1s'; truncate exam_results`)
        counts.truncates++
        for (let n = 0; n < 20; n++) await client.query(...statementOf(random))
        await client.query('commit')
        return
      }
      await client.query(random.chance(0.1) ? 'begin isolation level repeatable read' : 'begin')
      const slow = random.chance(0.15)
      if (slow) counts.slow++
      for (let n = random.below(4); n >= 0; n--) {
        await client.query('savepoint s')
        await client.query(...statementOf(random))
        counts.statements++
        if (random.chance(0.1)) await client.query('rollback to savepoint s')
        if (slow) await sleep(random.below(500))
      }
      const back = random.chance(0.15)
      await client.query(back ? 'rollback' : 'commit')
      counts[back ? 'rollbacks' : 'commits']++
      await sleep(random.below(30))
    })
  }

  /** The store's version never decreases. */
  let last = 0n
  let state = ''
  async function watcher(): Promise<void> {
    await connected(store.url, async (client) => {
      const {
        rows: [row],
      } = await client.query<{ version: string; state: string }>('select version, state from attempt_store')
      const version = BigInt(row?.version ?? 0)
      if (version < last) unexpected.push(`version ${version} after ${last}`)
      if (version > last) counts.versions++
      if (row?.state === 'emptying' && state !== 'emptying') counts.rebuilds++
      last = version
      state = row?.state ?? ''
      await sleep(20)
    })
  }

  const alive = new Set<ChildProcess>()
  async function refresher(number: number): Promise<void> {
    const random = generator(seed + 100 + number)
    while (running()) {
      const child = spawn(process.execPath, [...cli, 'refresh'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      alive.add(child)
      let said = ''
      child.stdout?.on('data', (chunk: Buffer) => {
        if (/has no record of the last batches/.test(String(chunk))) counts.unacknowledged++
      })
      child.stderr?.on('data', (chunk: Buffer) => {
        said += String(chunk)
      })
      // killed some time after it leads: starting another takes longer, which is why there are three
      const leads = new Promise<void>((done) =>
        child.stdout?.on('data', () => {
          done()
        }),
      )
      const gone = new Promise<void>((done) =>
        child.once('exit', (code) => {
          alive.delete(child)
          // 3: a server was away when it looked for the store
          if (code !== null && code !== 3) unexpected.push(`refresher: ${code} ${said}`)
          done()
        }),
      )
      await Promise.race([gone, leads, over])
      const lifeMs = random.below(random.chance(0.5) ? 500 : 2_500)
      await Promise.race([gone, over, sleep(calm() && counts.versions < 2 ? lifeMs + 5_000 : lifeMs)])
      if (child.exitCode === null) {
        child.kill('SIGKILL')
        counts.kills++
      }
      await gone
      await sleep(random.below(300))
    }
  }

  /** A follower as in docs/changes.md: a token, a full export, and every change since; 410 starts over. */
  const app = await startApp(t, source.url, { storeLagS: 3_600 }, store.url)
  const copy = new Map<string, Record<string, unknown>>()
  const keyOf = (row: Record<string, unknown>) => [row['student_id'], row['item_id'], row['attempt_no']].join()
  let token: string | undefined
  /** @returns whether there may be more changes */
  async function follow(): Promise<boolean> {
    const response = await app.inject(`/v1/changes?limit=100${token === undefined ? '' : `&since=${token}`}`)
    if (response.statusCode === 410) token = undefined
    if (response.statusCode === 410) return true
    if (response.statusCode !== 200) throw Object.assign(new Error(response.body), { status: response.statusCode })
    const { data, next_token, has_more } = response.json<{
      data: Record<string, unknown>[]
      next_token: string
      has_more: boolean
    }>()
    if (token === undefined) {
      copy.clear()
      counts.restarts++
      for (const row of await walk(app, '/v1/attempts?source=store&limit=500')) copy.set(keyOf(row), row)
    }
    for (const { op, version: _version, ...row } of data) {
      if (op === 'delete') copy.delete(keyOf(row))
      else copy.set(keyOf(row), row)
    }
    counts.changes += data.length
    token = next_token
    return has_more
  }
  async function follower(): Promise<void> {
    while (running()) {
      await follow().catch((error: unknown) => {
        // 503: the store is being filled, or a server is away; a failed export has it in its message
        if ((error as { status?: number }).status !== 503 && !/: 503 /.test((error as Error).message))
          unexpected.push(`follower: ${String(error)}`)
      })
      await sleep(50)
    }
  }

  /** Ends sessions of refreshers: as a kill, without the time that starting another process takes. */
  async function terminator(): Promise<void> {
    await connected(random.of([source, store]).url, async (client) => {
      await sleep(300 + random.below(3_000))
      if (calm()) return
      counts.terminated +=
        (
          await client.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'attempt-api refresher'`,
          )
        ).rowCount ?? 0
    })
  }

  async function crashes(): Promise<void> {
    while (running()) {
      // so that the shortest run has one as well
      await sleep(Math.min(2_500, seconds * 300) + random.below(Math.min(4_000, seconds * 400)))
      if (!running() || (calm() && restarted())) return
      const mode = random.chance(0.5) ? 'immediate' : 'fast'
      await random.of(apart ? [source, store] : [source]).restart(mode)
      counts[mode]++
    }
  }

  t.teardown(() => {
    for (const child of alive) child.kill('SIGKILL')
  })
  await Promise.all([
    ...[1, 2, 3, 4, 5].map(writer),
    watcher(),
    follower(),
    terminator(),
    ...[1, 2, 3].map(refresher),
    crashes(),
  ])
  t.comment(JSON.stringify(counts))
  t.strictSame(unexpected, [])
  t.ok(
    counts.commits > seconds && counts.kills > 1 && counts.versions > 1,
    'writers wrote, refreshers refreshed and were killed',
  )
  t.ok(restarted(), 'a server was restarted')

  const caughtUp = spawnSync(process.execPath, [...cli, 'refresh', '--once'], {
    env,
    encoding: 'utf8',
    timeout: 90_000,
  })
  t.equal(caughtUp.status, 0, caughtUp.stderr)
  t.match(
    (
      await storePool.query(
        'select state, version::text as version, differences::int as differences from attempt_store',
      )
    ).rows[0],
    { state: 'ready', differences: 0 },
    'continuous verification found nothing to repair',
  )
  t.equal((await sourcePool.query('select count(*)::int as n from attempt_queue')).rows[0].n, 0)
  t.strictSame(await differentRows(sourcePool, storePool), { rows: [], days: [] })
  while (await follow());
  t.ok(counts.changes > 0 && counts.restarts > 0, 'the follower read changes')
  const sorted = (rows: Iterable<Record<string, unknown>>) =>
    [...rows].map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort()
  t.strictSame(
    sorted(copy.values()),
    sorted(await walk(app, '/v1/attempts?source=live&limit=500')),
    'the copy of the follower is equal to the view',
  )
  const verified = spawnSync(process.execPath, [...cli, 'verify'], { env, encoding: 'utf8', timeout: 90_000 })
  t.equal(verified.status, 0, verified.stderr)
  t.match(verified.stdout, /students compared: the store matches the view\./)
}

const limit = { timeout: (seconds + 240) * 1000 }
t.test('beside exam_results', limit, async (t) => {
  const server = await ownServer(t)
  await torture(t, server, server)
})

// in a crash both servers lose their last commits, except those that a refresher commits synchronously
const forgetful = ['synchronous_commit=off', 'wal_writer_delay=10s']
t.test('in a database of its own', limit, async (t) =>
  torture(t, await ownServer(t, ...forgetful), await ownServer(t, ...forgetful)),
)
