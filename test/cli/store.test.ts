import t from 'tap'
import { spawn } from 'node:child_process'
import { cohort } from '../../src/development/cohort.js'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { loadExamResults } from '../../src/development/load.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { cli as cliFile, command, type Ended } from '../helpers/cli.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { differentRows } from '../helpers/store.js'

const environment = (url: string, storeUrl = '') => ({
  ...process.env,
  DATABASE_URL: url,
  STORE_DATABASE_URL: storeUrl,
})
const cli = (db: Pick<TestDatabase, 'url'>, ...args: string[]): Promise<Ended> =>
  command(['store', ...args], environment(db.url))
/** As a process of its own, for signals and for work beside it. */
const spawned = (db: TestDatabase, ...args: string[]) =>
  spawn(process.execPath, [...cliFile, 'store', ...args], { env: environment(db.url) })

const queueMigrations = [
  '20251201_0900_attempt_queue',
  '20251202_0900_attempt_queue_exams',
  '20261201_0900_attempt_queue_problems',
]
const storeMigrations = [
  '20251201_0910_attempt_store',
  '20251202_0910_attempt_day_stale',
  '20251203_0900_attempt_session_index',
  '20261201_0910_attempt_store_limits',
]

async function filled(t: { teardown(action: () => unknown): unknown }): Promise<TestDatabase> {
  const db = await createDatabase(t)
  const exams = cohort({
    exams: 60,
    questions: 5,
    students: 10,
    items: 15,
    days: 5,
    end: new Date('2026-03-12T00:00:00Z'),
    seed: 5,
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

t.test('from enable to disable', async (t) => {
  const db = await filled(t)
  t.match(await cli(db, 'status'), { status: 0, stdout: /There is no store/ })
  for (const verb of ['refresh', 'verify', 'rebuild'])
    t.match(
      await cli(db, verb),
      { status: 1, stderr: /There is no store\. Create one with attempt-api store enable/ },
      verb,
    )
  t.match(await cli(db, 'enable'), {
    status: 0,
    stdout: [...queueMigrations, ...storeMigrations].map((name) => `applied ${name}`).join('\n'),
  })
  t.match(await cli(db, 'enable'), { status: 0, stdout: /already enabled/ })
  t.match(await cli(db, 'status'), { status: 0, stdout: /being filled: 0 rows/ })
  t.match(await cli(db, 'verify'), { status: 1, stderr: /being filled and cannot be compared yet/ })
  await db.pool.query(`update exam_results set status = 'x' where user_id = 'student-3'`)
  t.match((await cli(db, 'status')).stdout, /The queue has 6 rows/)
  t.match(await cli(db, 'refresh', '--once'), { status: 0, stdout: /filling the store.*share 1/s })
  t.match(await cli(db, 'status'), {
    status: 0,
    stdout: /ready, at version \d+, \d+(\.\d)? s behind.\nThe queue is empty.\nVerification has found no difference./,
  })
  t.strictSame(await differentRows(db.pool, db.pool), { rows: [], days: [] })
  t.match(await cli(db, 'verify'), { status: 0, stdout: /^10 students compared: the store matches the view.\n$/ })

  await db.pool.query(`update attempt_materialized set correct = not correct where student_id = $1`, [
    studentOfUser('student-3'),
  ])
  const found = await cli(db, 'verify')
  t.equal(found.status, 1)
  t.match(found.stderr, new RegExp(`1 of 10 students differ: ${studentOfUser('student-3')} \\(\\d+ rows\\)`))
  t.match(await cli(db, 'verify', '--share', '0.000000001'), { status: 0, stdout: /^0 students compared/ })
  await db.pool.query(`update attempt_topic_day set attempts = attempts + 1 where date = '2026-03-09'`)
  t.match((await cli(db, 'verify')).stderr, /KPIs of \d days.*2026-03-09/)

  await db.pool.query('alter table exam_results disable trigger all; alter table exam_results enable trigger all')
  t.match(await cli(db, 'status'), {
    status: 0,
    stdout: new RegExp(
      'attempt_queue_insert on exam_results is enabled for ordinary sessions only.*' +
        'Run attempt-api store enable: it restores',
    ),
  })
  t.match(await cli(db, 'verify', '--share', '0.000000001'), {
    status: 1,
    stderr: /attempt_queue_insert on exam_results/,
  })
  t.match(await cli(db, 'enable'), {
    status: 0,
    stdout: /^The triggers on exam_results were changed and have been restored; the store will be filled again\.\n$/,
  })
  t.match((await cli(db, 'status')).stdout, /being filled/)
  t.equal((await cli(db, 'refresh', '--once')).status, 0)
  t.match(await cli(db, 'verify'), { status: 0, stdout: /^10 students/, stderr: '' })

  await db.pool.query("update exam_results set status = 'y'")
  t.match(await cli(db, 'verify'), {
    status: 3,
    stdout: /10 students are queued/,
    stderr: /Every student is queued, so none was compared/,
  })
  t.match(await cli(db, 'rebuild'), { status: 0, stdout: /empties the store and fills it again/ })
  t.match((await cli(db, 'status')).stdout, /being filled/)
  t.equal((await cli(db, 'refresh', '--once')).status, 0)
  t.match(await cli(db, 'verify'), { status: 0, stdout: /^10 students/ })
  t.match(await cli(db, 'disable'), {
    status: 0,
    stdout: [...queueMigrations.toReversed(), ...storeMigrations.toReversed()]
      .map((name) => `reverted ${name}`)
      .join('\n'),
  })
  t.equal(
    (
      await db.pool.query(
        `select count(*)::int as n
         from pg_class
         where relname like 'attempt_queue%'
            or relname like 'attempt_store%'
            or relname in ('attempt_materialized', 'attempt_deleted', 'attempt_day', 'attempt_topic_day')`,
      )
    ).rows[0].n,
    0,
  )
  t.match(await cli(db, 'disable'), { status: 0 }, 'harmless twice')
})

t.test('refuses a database without what the store needs, and unknown arguments', async (t) => {
  const bare = await createDatabase(t, { migrated: false })
  t.match(await cli(bare, 'enable'), {
    status: 1,
    stderr: /^attempt-api: There is no view attempt.*migrate up first\.\n$/,
  })
  await bare.migrate()
  t.match(await cli(bare, 'enable'), {
    status: 1,
    stderr: /^attempt-api: The store needs the index attempt_student_idx.*\n$/,
  })
  t.equal((await bare.pool.query(`select to_regclass('attempt_queue') is null as nothing`)).rows[0].nothing, true)
  t.match(await cli(bare, 'upgrade'), { status: 0, stdout: /There is no store: nothing/ })
  for (const args of [
    [],
    ['sideways'],
    ['enable', 'twice'],
    ['verify', '--share', '0'],
    ['verify', '--share', 'half'],
    ['verify', '--share', '1.1'],
    ['refresh', '--forever'],
  ])
    t.match(await cli(bare, ...args), { status: 2, stderr: /^attempt-api: .+\n$/ }, args.join(' '))
  const nowhere = new URL(bare.url)
  nowhere.port = '1'
  for (const verb of ['enable', 'upgrade', 'disable', 'status', 'verify', 'rebuild', 'refresh'])
    t.match(
      await cli({ ...bare, url: nowhere.href }, verb),
      { status: 3, stderr: /^attempt-api: the database refuses connections.* in DATABASE_URL.*\n$/ },
      verb,
    )
  t.match(await cli(bare, '--help'), { status: 0, stdout: /attempt-api store enable/ })
})

t.test('with a store in another database, 3 names the database that cannot be reached', async (t) => {
  const [db, elsewhere] = [await filled(t), await createDatabase(t, { bare: true })]
  const nowhere = new URL(db.url)
  nowhere.port = '1'
  const run = async (url: string, storeUrl: string, ...args: string[]) => {
    const { status, stdout, stderr } = await command(['store', ...args], environment(url, storeUrl))
    return { code: status, said: stdout + stderr }
  }
  t.match(await run(db.url, elsewhere.url, 'enable'), { code: 0 })
  t.match(await run(db.url, elsewhere.url, 'refresh', '--once'), { code: 0 })
  t.match(await run(db.url, elsewhere.url, 'upgrade'), { code: 0, said: /The store is up to date/ })
  t.match(await run(db.url, '', 'upgrade'), {
    code: 1,
    said: /feeds a store in another database\. Set STORE_DATABASE_URL/,
  })
  for (const [url, storeUrl, away] of [
    [nowhere.href, elsewhere.url, 'DATABASE_URL'],
    [db.url, nowhere.href, 'STORE_DATABASE_URL'],
  ] as const) {
    await Promise.all(
      ['enable', 'upgrade', 'disable', 'status', 'verify', 'refresh'].map(async (verb) => {
        t.match(
          await run(url, storeUrl, verb),
          { code: 3, said: new RegExp(`check the host and port in ${away}, `) },
          `${verb} without ${away}`,
        )
      }),
    )
  }
  t.match(await run(db.url, nowhere.href, 'rebuild'), { code: 3, said: /STORE_DATABASE_URL/ })
})

t.test('a missing privilege is a refusal (1), and leaves the state unknown (3) for verbs that only read', async (t) => {
  const db = await filled(t)
  const [url, role] = [new URL(db.url), `weak_${db.name}`]
  await db.pool.query(`revoke create on schema public from public; create role ${role} login password 'of-nobody'`)
  t.teardown(() => db.pool.query(`drop owned by ${role}; drop role ${role}`))
  url.username = role
  url.password = 'of-nobody'
  t.match(await cli({ ...db, url: url.href }, 'enable'), {
    status: 1,
    stderr: /permission denied for .*: use a database role with this privilege/,
  })
  t.equal((await cli(db, 'enable')).status, 0)
  t.equal((await cli(db, 'refresh', '--once')).status, 0)
  for (const verb of ['disable', 'rebuild'])
    t.match(await cli({ ...db, url: url.href }, verb), { status: 1, stderr: /permission denied/ }, verb)
  for (const verb of ['status', 'verify'])
    t.match(await cli({ ...db, url: url.href }, verb), { status: 3, stderr: /permission denied/ }, verb)
  url.password = 'another'
  t.match(await cli({ ...db, url: url.href }, 'enable'), { status: 1, stderr: /refuses the password/ })
})

t.test('refresh --once that is stopped before the store has caught up reports it and ends with 1', async (t) => {
  const db = await filled(t)
  t.equal((await cli(db, 'enable')).status, 0)
  const holder = await db.pool.connect()
  await holder.query('begin; lock table attempt_materialized in access exclusive mode')
  const child = spawned(db, 'refresh', '--once')
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += String(chunk)
    })
  const gone = new Promise<number | null>((done) => child.once('close', done))
  for (const end = Date.now() + 60_000; !said.includes('refreshing the store') && Date.now() < end;)
    await new Promise((again) => setTimeout(again, 20))
  child.kill('SIGTERM')
  await new Promise((done) => setTimeout(done, 500))
  await holder.query('rollback')
  holder.release()
  t.equal(await gone, 1, said)
  t.match(said, /stopped before the store had caught up/)
})

/**
 * Runs a command while `meanwhile` runs and a session writes every few milliseconds.
 * @returns the longest time that a write took, in milliseconds
 */
async function besideWriters(
  db: TestDatabase,
  verb: string,
  meanwhile: (said: () => string) => Promise<void>,
): Promise<{ code: number | null; said: string; longest: number; writes: number }> {
  const child = spawned(db, verb)
  let [said, longest, writes, over] = ['', 0, 0, false]
  child.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said += String(chunk)
  })
  const gone = new Promise<number | null>((done) => child.once('close', done))
  const writer = (async () => {
    while (!over) {
      const began = Date.now()
      await db.pool.query(
        `insert into exam_results (session_id, user_id, result_json)
         values (gen_random_uuid(), 'busy', '{"questions": []}')`,
      )
      longest = Math.max(longest, Date.now() - began)
      writes++
      await new Promise((again) => setTimeout(again, 20))
    }
  })()
  await meanwhile(() => said)
  const code = await gone
  over = true
  await writer
  return { code, said, longest, writes }
}

t.test(
  'enable and disable beside long transactions let no write wait longer than one attempt for a lock',
  async (t) => {
    const db = await filled(t)
    const [writer, reader] = [await db.pool.connect(), await db.pool.connect()]
    /** Until it let others go first, and on into another try of 2 s. */
    const gaveWay = async (said: () => string) => {
      for (const end = Date.now() + 60_000; !said().includes('A table is in use. Retrying') && Date.now() < end;)
        await new Promise((again) => setTimeout(again, 20))
      t.match(said(), /A table is in use\. Retrying/)
      await new Promise((done) => setTimeout(done, 4_000))
    }
    await writer.query(`begin; update exam_results set status = 'long' where user_id = 'student-1'`)
    await reader.query('begin; select count(*) from exam_results')
    const enabled = await besideWriters(db, 'enable', async (said) => {
      await gaveWay(said)
      t.equal(
        (await db.pool.query(`select to_regclass('attempt_queue') is null as nothing`)).rows[0].nothing,
        true,
        'not while somebody writes',
      )
      await writer.query('commit')
    })
    t.equal(enabled.code, 0, enabled.said)
    // 2 s, and what a busy machine adds
    t.ok(enabled.longest < 6_000, `a writer waited ${enabled.longest} ms of ${enabled.writes} writes`)
    t.comment(`enable: ${enabled.writes} writes, the longest ${enabled.longest} ms`)
    await reader.query('commit')
    t.equal((await cli(db, 'refresh', '--once')).status, 0)
    t.strictSame(await differentRows(db.pool, db.pool), { rows: [], days: [] }, 'the long transaction is in it')
    await reader.query('begin; select count(*) from exam_results')
    const disabled = await besideWriters(db, 'disable', async (said) => {
      await gaveWay(said)
      await reader.query('commit')
    })
    t.equal(disabled.code, 0, disabled.said)
    t.ok(disabled.longest < 6_000, `a writer waited ${disabled.longest} ms of ${disabled.writes} writes`)
    t.comment(`disable: ${disabled.writes} writes, the longest ${disabled.longest} ms`)
    writer.release()
    reader.release()
  },
)
