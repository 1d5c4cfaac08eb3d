import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { cohort } from '../../src/database/cohort.js'
import { buildIndexes } from '../../src/database/indexes.js'
import { loadExamResults } from '../../src/database/load.js'
import { studentOfUser } from '../../src/queries/student-id.js'
import { cli as cliFile } from '../helpers/cli.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { differentRows } from '../helpers/store.js'

const command = [...cliFile, 'store']
const environment = (url: string, storeUrl = '') => ({ ...process.env, DATABASE_URL: url, STORE_DATABASE_URL: storeUrl })
const cli = (db: TestDatabase, ...args: string[]) => spawnSync(process.execPath, [...command, ...args], { encoding: 'utf8', env: environment(db.url), timeout: 60_000 })

async function filled(t: { teardown(action: () => unknown): unknown }): Promise<TestDatabase> {
  const db = await createDatabase(t)
  const exams = cohort({ exams: 60, questions: 5, students: 10, items: 15, days: 5, end: new Date('2026-03-12T00:00:00Z'), seed: 5 })
  await loadExamResults(db.pool, (function* () { for (const exam of exams) yield JSON.stringify(exam) })())
  await buildIndexes(db.pool, () => undefined)
  return db
}

t.test('from enable to disable', async (t) => {
  const db = await filled(t)
  t.match(cli(db, 'status'), { status: 0, stdout: /There is no store/ })
  for (const verb of ['refresh', 'verify', 'rebuild']) t.match(cli(db, verb), { status: 1, stderr: /There is no store: attempt-api store enable makes one/ }, verb)
  t.match(cli(db, 'enable'), { status: 0, stdout: /applied 20251201_0900_attempt_queue\napplied 20251201_0910_attempt_store/ })
  t.match(cli(db, 'enable'), { status: 0, stdout: /enabled already/ })
  t.match(cli(db, 'status'), { status: 0, stdout: /being filled: 0 rows/ })
  t.match(cli(db, 'verify'), { status: 1, stderr: /being filled: nothing can be compared/ })
  await db.pool.query(`update exam_results set status = 'x' where user_id = 'student-3'`)
  t.match(cli(db, 'status').stdout, /1 rows wait in the queue/)
  t.match(cli(db, 'refresh', '--once'), { status: 0, stdout: /filling the store.*share 1/s })
  t.match(cli(db, 'status'), { status: 0, stdout: /whole, at version \d+, \d+(\.\d)? s behind.\nNobody waits in the queue.\nVerification has found no difference./ })
  t.strictSame(await differentRows(db.pool, db.pool), { rows: [], days: [] })
  t.match(cli(db, 'verify'), { status: 0, stdout: /^10 students compared: the store is what the view says.\n$/ })

  await db.pool.query(`update attempt_materialized set correct = not correct where student_id = $1`, [studentOfUser('student-3')])
  const found = cli(db, 'verify')
  t.equal(found.status, 1)
  t.match(found.stderr, new RegExp(`1 of 10 students differ: ${studentOfUser('student-3')} \\(\\d+ rows\\)`))
  t.match(cli(db, 'verify', '--share', '0.000000001'), { status: 0, stdout: /^0 students compared/ })
  await db.pool.query(`update attempt_topic_day set attempts = attempts + 1 where date = '2026-03-09'`)
  t.match(cli(db, 'verify').stderr, /KPIs of \d days.*2026-03-09/)

  t.match(cli(db, 'rebuild'), { status: 0, stdout: /empties it and fills it anew/ })
  t.match(cli(db, 'status').stdout, /being filled/)
  t.equal(cli(db, 'refresh', '--once').status, 0)
  t.match(cli(db, 'verify'), { status: 0, stdout: /^10 students/ })
  t.match(cli(db, 'disable'), { status: 0, stdout: /took back 20251201_0900_attempt_queue\ntook back 20251201_0910_attempt_store/ })
  t.equal((await db.pool.query(`select count(*)::int as n from pg_class where relname like 'attempt_queue%' or relname like 'attempt_store%' or relname in ('attempt_materialized', 'attempt_deleted', 'attempt_day', 'attempt_topic_day')`)).rows[0].n, 0)
  t.match(cli(db, 'disable'), { status: 0 }, 'harmless twice')
})

t.test('refuses what it cannot work on, and arguments it does not know', async (t) => {
  const bare = await createDatabase(t, { migrated: false })
  t.match(cli(bare, 'enable'), { status: 1, stderr: /^attempt-api: There is no view attempt.*migrate up first\.\n$/ })
  await bare.migrate()
  t.match(cli(bare, 'enable'), { status: 1, stderr: /^attempt-api: The store needs the index attempt_student_idx.*\n$/ })
  t.equal((await bare.pool.query(`select to_regclass('attempt_queue') is null as nothing`)).rows[0].nothing, true)
  for (const args of [[], ['sideways'], ['enable', 'twice'], ['verify', '--share', '0'], ['verify', '--share', 'half'], ['verify', '--share', '1.1'], ['refresh', '--forever']]) t.match(cli(bare, ...args), { status: 2, stderr: /^attempt-api: .+\n$/ }, args.join(' '))
  t.match(cli(bare, '--help'), { status: 0, stdout: /attempt-api store enable/ })
})

/** Runs a command while `meanwhile` goes on; others write every few milliseconds. @returns the longest that one of them waited, ms */
async function besideWriters(db: TestDatabase, verb: string, meanwhile: () => Promise<void>): Promise<{ code: number | null; said: string; longest: number; writes: number }> {
  const child = spawn(process.execPath, [...command, verb], { env: environment(db.url) })
  let [said, longest, writes, over] = ['', 0, 0, false]
  child.stdout.on('data', (chunk: Buffer) => { said += String(chunk) })
  child.stderr.on('data', (chunk: Buffer) => { said += String(chunk) })
  const gone = new Promise<number | null>((done) => child.once('exit', done))
  const writer = (async () => {
    while (!over) {
      const began = Date.now()
      await db.pool.query(`insert into exam_results (session_id, user_id, result_json) values (gen_random_uuid(), 'busy', '{"questions": []}')`)
      longest = Math.max(longest, Date.now() - began)
      writes++
      await new Promise((again) => setTimeout(again, 20))
    }
  })()
  await meanwhile()
  const code = await gone
  over = true
  await writer
  return { code, said, longest, writes }
}

t.test('enabling and disabling beside long transactions keep no writer waiting for longer than a lock may be waited for', async (t) => {
  const db = await filled(t)
  const [writer, reader] = [await db.pool.connect(), await db.pool.connect()]
  const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))
  await writer.query(`begin; update exam_results set status = 'long' where user_id = 'student-1'`)
  await reader.query('begin; select count(*) from exam_results')
  const enabled = await besideWriters(db, 'enable', async () => {
    await sleep(9_000)
    t.equal((await db.pool.query(`select to_regclass('attempt_queue') is null as nothing`)).rows[0].nothing, true, 'not while somebody writes')
    await writer.query('commit')
  })
  t.equal(enabled.code, 0, enabled.said)
  t.match(enabled.said, /A table is in use; trying again/)
  t.ok(enabled.longest < 3_000, `a writer waited ${enabled.longest} ms of ${enabled.writes} writes`)
  t.comment(`enable: ${enabled.writes} writes, the longest ${enabled.longest} ms`)
  await reader.query('commit')
  t.equal(cli(db, 'refresh', '--once').status, 0)
  t.strictSame(await differentRows(db.pool, db.pool), { rows: [], days: [] }, 'the long transaction is in it')
  await reader.query('begin; select count(*) from exam_results')
  const disabled = await besideWriters(db, 'disable', async () => {
    await sleep(6_000)
    await reader.query('commit')
  })
  t.equal(disabled.code, 0, disabled.said)
  t.ok(disabled.longest < 3_000, `a writer waited ${disabled.longest} ms of ${disabled.writes} writes`)
  t.comment(`disable: ${disabled.writes} writes, the longest ${disabled.longest} ms`)
  writer.release()
  reader.release()
})
