/** The documented pipelines that keep a copy in step, as they stand in docs/: they end with what the view says. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { rebuild } from '../../src/store/fill.js'
import { startApp } from '../helpers/app.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { catchUp, enabled } from '../helpers/store.js'

const there = (command: string) => spawnSync(command, ['--version']).status === 0
const follower = resolve('docs/examples/follow.py')
const documented = readFileSync('docs/changes.md', 'utf8')

const run = (command: string, args: string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) =>
  new Promise<{ code: unknown; said: string }>((done) => {
    execFile(command, args, { ...options, timeout: 60_000 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : error.code, said: stdout + stderr })
    })
  })

t.jobs = 2

type Test = { teardown(action: () => unknown): unknown }

async function place(t: Test) {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  const write = (count: number, seed: string) =>
    db.pool.query(`insert into exam_results (session_id, user_id, result_json)
    select '${seed}-' || n, 'user-' || n % 3, jsonb_build_object('questions', jsonb_build_array(
      jsonb_build_object('question_id', n % 5, 'is_correct', n % 2 = 0, 'topic', 'a,"b"')
    ))
    from generate_series(1, ${count}) as n`)
  await write(40, 'first')
  await enabled(db)
  const change = async () => {
    await write(15, `more-${Math.random()}`)
    await db.pool.query(
      `delete from exam_results where id in (select id from exam_results order by md5(id::text) limit 4)`,
    )
    await db.pool.query(
      `update exam_results set user_id = 'user-2' where id in (select id from exam_results order by id limit 2)`,
    )
    await catchUp(db.url)
  }
  const app = await startApp(t, db.url, { storeLagS: 3_600 })
  const service = await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = mkdtempSync(join(tmpdir(), 'attempt-follower-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return { db, change, service, folder }
}

const columns = 'student_id, item_id, attempt_no, correct, session_id, topic_id'
const viewed = async (db: TestDatabase) =>
  (await db.pool.query(`select ${columns} from attempt`)).rows
    .map((row: Record<string, unknown>) => Object.values(row).map(String).join('|'))
    .sort()

t.test('follow.py', { skip: there('python3') ? false : 'there is no python3' }, async (t) => {
  const { db, change, service, folder } = await place(t)
  const copied = () => {
    const { stdout } = spawnSync(
      'python3',
      [
        '-c',
        `import sqlite3
for row in sqlite3.connect('copy.db').execute('select ${columns} from attempt'):
    print('|'.join(str(bool(value)).lower() if at == 3 else str(value) for at, value in enumerate(row)))`,
      ],
      { cwd: folder, encoding: 'utf8' },
    )
    return stdout.trim().split('\n').sort()
  }
  for (const step of ['begins', 'goes on', 'goes on again', 'begins anew after a rebuild']) {
    if (step.includes('rebuild')) {
      const client = await db.pool.connect()
      await rebuild(client)
      client.release()
    }
    if (step !== 'begins') await change()
    const { code, said } = await run('python3', [follower, service, 'copy.db'], { cwd: folder })
    t.equal(code, 0, said)
    t.strictSame(copied(), await viewed(db), step)
  }

  t.test('takes an export again that is older than its token, and goes on after a service that was away', async (t) => {
    let [exports, away] = [0, 1]
    const between = http.createServer((request, response) => {
      if (away-- > 0) {
        response.destroy()
        return
      }
      void fetch(`${service}${request.url}`).then(async (answer) => {
        const headers = Object.fromEntries(answer.headers)
        // as from a standby that is behind
        if (request.url?.startsWith('/v1/attempts') === true && ++exports === 1) headers['attempt-version'] = '1'
        delete headers['transfer-encoding']
        response.writeHead(answer.status, headers)
        response.end(exports === 1 ? '' : Buffer.from(await answer.arrayBuffer()))
      })
    })
    await new Promise<void>((done) => {
      between.listen(0, '127.0.0.1', done)
    })
    t.teardown(() => between.close())
    rmSync(join(folder, 'copy.db'))
    const { code, said } = await run(
      'python3',
      [follower, `http://127.0.0.1:${(between.address() as AddressInfo).port}`, 'copy.db'],
      { cwd: folder },
    )
    t.equal(code, 0, said)
    t.equal(exports, 2)
    t.match(said, /RemoteDisconnected|ConnectionResetError/)
    t.strictSame(copied(), await viewed(db))
  })
})

t.test(
  'curl and psql',
  { skip: there('curl') && there('psql') && there('bash') ? false : 'there is no curl, psql or bash' },
  async (t) => {
    const { db, change, service, folder } = await place(t)
    const warehouse = await createDatabase(t, { bare: true })
    for (const name of ['setup.sql', 'begin.sh', 'step.sh']) {
      const text = new RegExp(`${name.replace('.', '\\.')}\`[^\`]*\`\`\`(?:sql|sh)\\n([^\`]+)\`\`\``).exec(
        documented,
      )?.[1]
      t.type(text, 'string', `${name} is there`)
      writeFileSync(join(folder, name), text ?? '')
    }
    const env = { ...process.env, API: service, COPY: warehouse.url }
    const copied = async () =>
      (await warehouse.pool.query(`select ${columns} from attempt_copy`)).rows
        .map((row: Record<string, unknown>) => Object.values(row).map(String).join('|'))
        .sort()
    t.match(await run('psql', [warehouse.url, '-X', '-q', '-f', 'setup.sql'], { cwd: folder, env }), { code: 0 })
    t.match(await run('bash', ['begin.sh'], { cwd: folder, env }), { code: 0 })
    t.strictSame(await copied(), await viewed(db))
    for (let turn = 0; turn < 2; turn++) {
      await change()
      t.match(await run('bash', ['step.sh'], { cwd: folder, env }), { code: 0 })
      t.strictSame(await copied(), await viewed(db))
    }
    const client = await db.pool.connect()
    await rebuild(client)
    client.release()
    await catchUp(db.url)
    t.match(await run('bash', ['step.sh'], { cwd: folder, env }), { code: 22, said: /changes_expired/ })
    t.match(await run('bash', ['begin.sh'], { cwd: folder, env }), { code: 0 })
    t.strictSame(await copied(), await viewed(db))
  },
)
