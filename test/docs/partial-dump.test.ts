/** docs/store.md, "A dump of exam_results alone": its commands restore the table, without the triggers of the store. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { createSmallStore } from '../helpers/small-store.js'

const [, section = ''] = readFileSync('docs/store.md', 'utf8').split('### A dump of `exam_results` alone')
const [shell = '', create = '', drop = ''] = [...section.matchAll(/```(?:sh|sql)\n([\s\S]*?)```/g)].map(
  ([, text = '']) => text,
)

/** What a restored table has. */
const shape = async ({ pool }: TestDatabase) =>
  (
    await pool.query(`select
      (select count(*)::integer from exam_results) as rows,
      (select count(*)::integer from pg_index where indrelid = 'exam_results'::regclass) as indexes,
      (select count(*)::integer from pg_trigger where tgrelid = 'exam_results'::regclass) as triggers`)
  ).rows[0]

const major = Number(process.env['PGMAJOR'] ?? 18)
const installed = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? ''
const isNewEnough = Number(/ (\d+)/.exec(installed)?.[1]) >= major
const skip = isNewEnough && spawnSync('bash', ['--version']).status === 0 ? false : 'no bash, or no pg_dump this new'

t.test('the custom format, and a list without the triggers', { skip }, async (t) => {
  const { db } = await createSmallStore(t)
  const target = await createDatabase(t, { bare: true })
  const folder = mkdtempSync(join(tmpdir(), 'attempt-dump-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const ended = spawnSync('bash', ['-euo', 'pipefail', '-c', shell], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: db.url, TARGET_URL: target.url },
  })
  t.equal(ended.status, 0, ended.stderr)
  t.strictSame(await shape(target), { rows: 24, indexes: 7, triggers: 0 })
  await target.pool.query(`insert into exam_results (session_id, user_id, result_json) values ('new', 'u', '{}')`)
})

t.test('a dump as SQL, and functions that do nothing', async (t) => {
  const { db } = await createSmallStore(t)
  const target = await createDatabase(t, { migrated: false })
  const { rows } = await db.pool.query<{ sql: string }>(
    `select pg_get_triggerdef(oid) || '; alter table exam_results enable always trigger ' || tgname as sql
    from pg_trigger where tgrelid = 'exam_results'::regclass`,
  )
  const triggers = rows.map(({ sql }) => sql).join('; ')
  await t.rejects(target.pool.query(triggers), { code: '42883' })
  await target.pool.query(create)
  await target.pool.query(triggers)
  t.match(await shape(target), { triggers: 5 })
  await target.pool.query(drop)
  t.match(await shape(target), { triggers: 0 })
})
