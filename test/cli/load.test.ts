import t from 'tap'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { cli as cliFile } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'

const load = (url: string, file: string) =>
  spawnSync(process.execPath, [...cliFile, 'load', file], {
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: url },
  })

t.test('loads every line of a file, plain or compressed, or none', async (t) => {
  const db = await createDatabase(t)
  const count = async () => Number((await db.pool.query('select count(*) as n from exam_results')).rows[0].n)
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_value, index) =>
      JSON.stringify({
        session_id: `s-${from + index}`,
        user_id: 'ü',
        result_json: { questions: [{ question_id: 1, topic: 'x'.repeat((from + index) % 50) }] },
      }),
    ).join('\n')
  const plain = join(t.testdir(), 'plain.ndjson')
  writeFileSync(plain, lines(0, 2000))
  t.match(load(db.url, plain), { status: 0, stdout: /^2000 rows read, 2000 inserted/ })
  t.equal(await count(), 2000)
  const packed = join(t.testdir(), 'packed.ndjson.gz')
  writeFileSync(packed, gzipSync(`${lines(1000, 4000)}\n`))
  t.match(load(db.url, packed), { status: 0, stdout: /^3000 rows read, 2000 inserted, 1000 existed already/ })
  t.equal(await count(), 4000)
  writeFileSync(packed, gzipSync(lines(4000, 6000)).subarray(0, -500))
  t.equal(load(db.url, packed).status, 1, 'a file that is cut off')
  writeFileSync(plain, `${lines(6000, 7000)}\n{"session_id": \n`)
  t.equal(load(db.url, plain).status, 1, 'a line that is not JSON')
  t.equal(await count(), 4000)
  t.match(load(db.url, 'nowhere.ndjson'), { status: 2, stderr: /cannot read nowhere.ndjson \(ENOENT\)/ })
})
