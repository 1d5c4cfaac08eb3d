/** The commands of a store when its queue or its tables are in another database, or missing. */
import t from 'tap'
import { spawn } from 'node:child_process'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { cli, command } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'

t.test('a store without its queue, or a queue without its store, is reported as such', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  const elsewhere = await createDatabase(t, { bare: true })
  const run = (storeUrl: string, ...args: string[]) =>
    command(['store', ...args], { DATABASE_URL: db.url, STORE_DATABASE_URL: storeUrl })
  t.match(await run(elsewhere.url, 'enable'), { status: 0 })
  t.match(
    await run('', 'status'),
    { status: 0, stdout: /There is no store in this database, but exam_results has a queue/ },
    'the store is elsewhere',
  )
  t.match(await run('', 'enable'), { status: 0 })
  t.match(await run(elsewhere.url, 'status'), {
    status: 0,
    stdout: /The queue feeds another store, so this one is no longer updated/,
  })
  t.match(await run(elsewhere.url, 'disable'), { status: 0 })

  await db.pool.query('create view dependant as select * from attempt_materialized')
  t.match(await run('', 'disable'), {
    status: 1,
    stderr: /view dependant depends on table attempt_materialized\): drop the objects that depend on it first/,
  })
  t.match(await run('', 'status'), {
    status: 0,
    stdout: /There is no queue on exam_results, so nothing keeps the store up to date/,
  })
  t.match(await run('', 'verify'), { status: 1, stderr: /There is no queue on exam_results/ })
  await db.pool.query('drop view dependant')
  t.match(await run('', 'disable'), { status: 0 })
})

t.test('a command whose output is no longer read ends with 141 and no message', async (t) => {
  const child = spawn(process.execPath, [...cli, 'generate', '--exams', '5000'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stdout.once('data', () => {
    child.stdout.destroy()
  })
  t.equal(await new Promise((done) => child.once('close', done)), 141)
  t.equal(said, '')
})
