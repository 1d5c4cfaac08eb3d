import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { lockTimeoutMs } from '../../src/migrate/retry-budget.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations } from '../../src/migrate/migration-sets.js'
import { withoutValues } from '../../src/migrate/blockers.js'
import { cli } from '../helpers/cli.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { lateness } from '../helpers/lateness.js'
import { migrateCommand } from '../helpers/migrate.js'
import { sleep, until } from '../helpers/until.js'

// each has a database of its own, and mostly waits for locks
t.jobs = 3

interface Teardown {
  teardown(action: () => unknown): unknown
}

/** The views exist, and their migration is pending: it replaces them, which needs that no session reads them. */
async function toBeReplaced(db: TestDatabase): Promise<void> {
  await db.migrate()
  await db.pool.query('delete from attempt_view_migration')
}

async function session(t: Teardown, url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name })
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** Runs a statement repeatedly, on a session of its own. `stop` returns the longest time that it took, in ms. */
async function busy(
  t: Teardown,
  url: string,
  statement: string,
): Promise<{ times(): number; longest(): number; stop(): Promise<number> }> {
  const client = await session(t, url, 'busy')
  let [longest, times, over] = [0, 0, false]
  const running = (async () => {
    for (; !over; times++) {
      const began = Date.now()
      await client.query(statement)
      longest = Math.max(longest, Date.now() - began)
      await sleep(20)
    }
  })()
  return {
    times: () => times,
    longest: () => longest,
    async stop() {
      over = true
      await running
      return longest
    },
  }
}

const write = `
  insert into exam_results (session_id, user_id, result_json)
  values (gen_random_uuid(), 'busy', '{"questions": []}')`

t.test('a long reader of the view delays the migration, and neither readers nor writers', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await toBeReplaced(db)
  await db.pool.query('create table unlocked (like exam_results including defaults)')
  const reader = await session(t, db.url, 'analysts')
  const late = lateness(t)
  // its statements wait for no lock: they take what this machine takes
  const control = await busy(t, db.url, write.replace('exam_results', 'unlocked'))
  /** What a statement may take that waits for one try of the migration: its lock timeout, and some time of its own. */
  const bound = () => lockTimeoutMs + 2_000 + 2 * control.longest() + late()
  const began = Date.now()
  await reader.query('begin')
  await reader.query('select count(*) from attempt')
  const [reads, writes] = [await busy(t, db.url, 'select count(*) from attempt'), await busy(t, db.url, write)]
  const lines: string[] = []
  let done = false
  const migrating = migrateUp(db.pool, viewMigrations, {
    report: (line) => {
      lines.push(line)
    },
    waitMs: 300_000,
  }).then((steps) => {
    done = true
    return steps
  })
  const migrationWaits = async () =>
    (
      await db.pool.query(`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like 'alter view%'`)
    ).rowCount === 1
  for (const time of ['first', 'second', 'third']) {
    await until(migrationWaits, `the migration waits for its table lock for the ${time} time`)
    // what queues behind it would get on only when the long reader ends
    const [read, written] = [reads.times(), writes.times()]
    await until(() => reads.times() > read + 1 && writes.times() > written + 1, 'readers and writers get on')
    await until(async () => !(await migrationWaits()), 'the migration gives way')
  }
  // without the limit the longest wait would be that of the long reader, far above the bound
  await until(() => Date.now() - began > Math.max(12_000, 3 * bound()), 'the long reader has read for long')
  t.equal(done, false, 'not applied while the long reader reads')
  const held = Date.now() - began
  await reader.query('commit')
  t.equal((await migrating).length, 1)
  const [read, written] = [await reads.stop(), await writes.stop()]
  await control.stop()
  const [most, longest] = [bound(), `the longest read took ${read} ms, the longest write ${written} ms`]
  t.ok(held > 2 * most, `the long reader read for ${held} ms`)
  t.ok(read < most && written < most, `${longest}, of ${Math.round(most)} ms`)
  t.equal(lines.length, 1, 'reported once')
  t.match(lines[0], /A table is in use\. Retrying.*application_name analysts/)
})

t.test('after --wait the command names the sessions that block it, without values, and exits 6', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await toBeReplaced(db)
  const reader = await session(t, db.url, 'analysts')
  const {
    rows: [own],
  } = await reader.query<{ pid: number }>('select pg_backend_pid() as pid')
  await reader.query('begin')
  await reader.query(`select * from attempt where session_id = 'alice''s' and item_id = 4711`)
  const up = await migrateCommand(db.url, 'up', '--no-indexes', '--wait', '1')
  t.equal(up.code, 6, up.said)
  t.match(
    up.said,
    new RegExp(
      `Blocked by pid ${own?.pid} \\(application_name analysts, role postgres\\), in a transaction since \\d{4}-.*` +
        'idle in transaction, last statement: select \\* from attempt where session_id = \\? and item_id = \\?\\. ' +
        `Wait until it ends, or end it with select pg_terminate_backend\\(${own?.pid}\\), and retry`,
    ),
  )
  t.match(up.said, /Nothing was changed/)
  t.notMatch(up.said, /alice|4711/)
  const began = Date.now()
  const plan = await migrateCommand(db.url, 'plan')
  t.equal(plan.code, 6, plan.said)
  t.ok(Date.now() - began < 15_000, 'a plan tries once')
  const down = await migrateCommand(db.url, 'down', '--wait', '0')
  t.equal(down.code, 0, 'nothing is recorded as applied')
  await reader.query('commit')
  t.equal((await migrateCommand(db.url, 'up', '--no-indexes')).code, 0)
  await reader.query('begin; select count(*) from attempt')
  t.equal((await migrateCommand(db.url, 'down', '--wait', '0')).code, 6, 'down waits no longer either')
})

t.test('no value of a statement is shown, however it is written or cut off', async (t) => {
  for (const [statement, shown] of [
    [
      `select * from a where b = 'alice' and c in (1, 2.5, $1) -- alice`,
      'select * from a where b = ? and c in (?, ?, $?)',
    ],
    [`select E'al\\'ice' from a`, 'select ...'],
    [`select 'unterminated alice`, 'select ...'],
    ['select $x$ alice', 'select ...'],
    ['select $x$alice$x$, 1 /* alice', 'select ?, ? ...'],
    ['select "alice', 'select ...'],
  ] as const)
    t.equal(withoutValues(statement), shown)
})

t.test('of twenty runners one applies, the others find nothing to do; one that is killed leaves nothing', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  // a runner that is killed while it waits, holding the advisory lock
  const holder = await session(t, db.url, 'holder')
  await holder.query('begin; lock table exam_results in access exclusive mode')
  const environment = { ...process.env, DATABASE_URL: db.url, CONTRACT_TIMEOUT_MS: '60000' }
  const killed = spawn(process.execPath, [...cli, 'migrate', 'up', '--no-indexes'], { env: environment })
  await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'close')
  await holder.query('commit')
  const processes = Array.from({ length: 5 }, async () => {
    const child = spawn(process.execPath, [...cli, 'migrate', 'up', '--no-indexes', '--wait', '120'], {
      env: environment,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += String(chunk)
      })
    const [code] = (await once(child, 'close')) as [number]
    t.equal(code, 0, said)
    t.match(said, /^(applied 2025|Nothing to apply)/)
    return said.startsWith('applied')
  })
  const pools = Array.from({ length: 15 }, () =>
    new pg.Pool({ connectionString: db.url, max: 2 }).on('error', () => undefined),
  )
  for (const pool of pools) pool.on('error', () => undefined)
  t.teardown(() => Promise.all(pools.map((pool) => pool.end())))
  const inside = pools.map(async (pool) => (await migrateUp(pool, viewMigrations, { waitMs: 120_000 })).length === 1)
  const applied = await Promise.all([...processes, ...inside])
  t.equal(applied.length, 20)
  t.equal(applied.filter(Boolean).length, 1)
  t.equal((await db.pool.query('select count(*)::int as n from attempt_view_migration')).rows[0].n, 1)
})

t.test('a runner whose transaction began before another runner applied finds nothing to do afterwards', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  const [first, second] = [0, 1].map(() =>
    new pg.Pool({ connectionString: db.url, max: 2 }).on('error', () => undefined),
  ) as [pg.Pool, pg.Pool]
  for (const pool of [first, second]) pool.on('error', () => undefined)
  t.teardown(() => Promise.all([first.end(), second.end()]))
  const holder = await session(t, db.url, 'holder')
  await holder.query('select pg_advisory_lock(3853314791062309107)')
  let [tries, applied] = [0, 0]
  second.on('connect', (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown
    Object.assign(client, {
      query: async (...given: unknown[]) => {
        // after one refusal its session has read the catalog, and has cached that there is no table
        if (/pg_try_advisory/.test(String(given[0])) && ++tries === 2) {
          await holder.query('select pg_advisory_unlock_all()')
          applied = (await migrateUp(first, viewMigrations)).length
        }
        return query(...given)
      },
    })
  })
  t.same(await migrateUp(second, viewMigrations), [])
  t.equal(applied, 1)
})

t.test(
  'index builds wait for older transactions while readers and writers continue, and a failed build is repeated',
  async (t) => {
    const db = await createDatabase(t)
    const old = await session(t, db.url, 'backfill')
    await old.query('begin')
    await old.query(write)
    const writes = await busy(t, db.url, write)
    const gaveUp = await migrateCommand(db.url, 'up', '--wait', '4')
    t.equal(gaveUp.code, 6, gaveUp.said)
    t.match(gaveUp.said, /older transactions did not end.*application_name backfill/)
    t.match((await migrateCommand(db.url, 'status')).said, /attempt_student_idx is invalid/)
    t.equal((await migrateCommand(db.url, 'status')).code, 4)
    const building = migrateCommand(db.url, 'up')
    const buildWaits = async () =>
      (
        await db.pool.query(`
          select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'
            and query ~ '^(create|drop) index concurrently'`)
      ).rowCount === 1
    await until(buildWaits, 'the build waits')
    const before = writes.times()
    await until(() => writes.times() > before + 5, 'writers get on')
    t.ok(await buildWaits(), 'while the build waits')
    await old.query('commit')
    const built = await building
    t.equal(built.code, 0, built.said)
    t.match(built.said, /left it invalid; dropping it/)
    await writes.stop()
    t.equal((await migrateCommand(db.url, 'status')).code, 0)
  },
)
