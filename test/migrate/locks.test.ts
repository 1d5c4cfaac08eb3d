import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations } from '../../src/migrate/sets.js'
import { withoutValues } from '../../src/migrate/blockers.js'
import { cli } from '../helpers/cli.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { migrateCommand } from '../helpers/migrate.js'
import { sleep } from '../helpers/until.js'

interface Teardown {
  teardown(action: () => unknown): unknown
}

/** The views are there, and their migration is to be applied again: it replaces them, which nobody may read beside. */
async function toBeReplaced(db: TestDatabase): Promise<void> {
  await db.migrate()
  await db.pool.query('delete from kysely_migration')
}

async function session(t: Teardown, url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name })
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** Runs a statement again and again. @returns a function that stops it and tells the longest wait, ms; `times`: how often so far */
async function busy(
  t: Teardown,
  url: string,
  statement: string,
): Promise<(() => Promise<{ longest: number; times: number }>) & { times(): number }> {
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
  return Object.assign(
    async () => {
      over = true
      await running
      return { longest, times }
    },
    { times: () => times },
  )
}

const write = `insert into exam_results (session_id, user_id, result_json) values (gen_random_uuid(), 'busy', '{"questions": []}')`

t.test('a long reader of the view makes the migration wait, and neither readers nor writers', async (t) => {
  const db = await createDatabase(t, { migrated: false })
  await toBeReplaced(db)
  const reader = await session(t, db.url, 'analysts')
  await reader.query('begin')
  await reader.query('select count(*) from attempt')
  const [reads, writes] = [await busy(t, db.url, 'select count(*) from attempt'), await busy(t, db.url, write)]
  const lines: string[] = []
  let done = false
  const migrating = migrateUp(db.pool, viewMigrations, {
    say: (line) => {
      lines.push(line)
    },
  }).then((steps) => {
    done = true
    return steps
  })
  await sleep(12_000)
  t.equal(done, false, 'not while somebody reads')
  await reader.query('commit')
  t.equal((await migrating).length, 1)
  const [read, written] = [await reads(), await writes()]
  t.comment(
    `${read.times} reads, the longest ${read.longest} ms; ${written.times} writes, the longest ${written.longest} ms`,
  )
  // 2 s and what a busy machine adds; without the limit it would be the 12 s of the reader
  t.ok(read.longest < 8_000 && written.longest < 8_000, `${read.longest} and ${written.longest} ms`)
  t.equal(lines.length, 1, 'told once')
  t.match(lines[0], /A table is in use; trying again.*application_name analysts/)
})

t.test('where the patience is over, the command says who is in the way, without values, and exits 6', async (t) => {
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
      `In the way: pid ${own?.pid} \\(application_name analysts, role postgres\\), in its transaction since \\d{4}-.*idle in transaction, last: select \\* from attempt where session_id = \\? and item_id = \\?\\. Let it end, or end it with select pg_terminate_backend\\(${own?.pid}\\)`,
    ),
  )
  t.match(up.said, /nothing was changed/)
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

t.test('no value of a statement is said, however it is written or cut off', async (t) => {
  for (const [statement, said] of [
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
    t.equal(withoutValues(statement), said)
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
  const pools = Array.from({ length: 15 }, () => new pg.Pool({ connectionString: db.url, max: 2 }))
  for (const pool of pools) pool.on('error', () => undefined)
  t.teardown(() => Promise.all(pools.map((pool) => pool.end())))
  const inside = pools.map(async (pool) => (await migrateUp(pool, viewMigrations, { waitMs: 120_000 })).length === 1)
  const applied = await Promise.all([...processes, ...inside])
  t.equal(applied.length, 20)
  t.equal(applied.filter(Boolean).length, 1)
  t.equal((await db.pool.query('select count(*)::int as n from kysely_migration')).rows[0].n, 1)
})

t.test(
  'a runner whose transaction began before another applied, and who is let in after it, finds nothing to do',
  async (t) => {
    const db = await createDatabase(t, { migrated: false })
    const [first, second] = [0, 1].map(() => new pg.Pool({ connectionString: db.url, max: 2 })) as [pg.Pool, pg.Pool]
    for (const pool of [first, second]) pool.on('error', () => undefined)
    t.teardown(() => Promise.all([first.end(), second.end()]))
    const holder = await session(t, db.url, 'holder')
    await holder.query('select pg_advisory_lock(3853314791062309107)')
    let [asked, applied] = [0, 0]
    second.on('connect', (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => unknown
      Object.assign(client, {
        query: async (...given: unknown[]) => {
          // once refused, its session has read of the catalog what it needs to ask, and remembers that there is no table
          if (/pg_try_advisory/.test(String(given[0])) && ++asked === 2) {
            await holder.query('select pg_advisory_unlock_all()')
            applied = (await migrateUp(first, viewMigrations)).length
          }
          return query(...given)
        },
      })
    })
    t.same(await migrateUp(second, viewMigrations), [])
    t.equal(applied, 1)
  },
)

t.test(
  'indexes wait for older transactions while readers and writers go on, and a build that gave up is done again',
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
    const waits = async () =>
      (
        await db.pool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ~ '^(create|drop) index concurrently'`,
        )
      ).rowCount === 1
    const holds = async (what: () => boolean | Promise<boolean>) => {
      for (const end = Date.now() + 60_000; !(await what()) && Date.now() < end;) await sleep(20)
    }
    await holds(waits)
    const before = writes.times()
    await holds(() => writes.times() > before + 5)
    t.ok(writes.times() > before + 5 && (await waits()), 'writers go on while the build waits')
    await old.query('commit')
    const built = await building
    t.equal(built.code, 0, built.said)
    t.match(built.said, /left it invalid; dropping it/)
    await writes()
    t.equal((await migrateCommand(db.url, 'status')).code, 0)
  },
)
