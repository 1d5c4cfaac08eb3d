/** Columns of exam_results that its owner renames or drops: the check names the column, and what follows from it. */
import t from 'tap'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import { command } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'

t.test('a view that follows a rename has the same rows: a warning names the column', async (t) => {
  const db = await createDatabase(t)
  const report = async (sql: string) => {
    const client = await db.pool.connect()
    try {
      await client.query(sql)
      const { status, checks } = await checkContract(client, attemptV1)
      // before PostgreSQL 15 every role may create in the schema public
      const bad = checks.filter(({ name, status }) => status !== 'pass' && name !== 'creators')
      return { status, bad: bad.map(({ name }) => name), source: checks.find(({ name }) => name === 'source_columns') }
    } finally {
      client.release()
    }
  }
  const rename = (from: string, to: string) => `alter table exam_results rename column ${from} to "${to}"`

  t.match(await report('select'), { status: 'pass', bad: [], source: { status: 'pass', detail: null } })
  t.match(await report(rename('user_id', 'student_ref')), {
    status: 'pass',
    // the printed definition names the new column
    bad: ['definition', 'source_columns'],
    source: {
      status: 'warn',
      expected: /^id uuid, session_id text, user_id text, /,
      actual: /^id uuid, session_id text, student_ref text, /,
      detail: /user_id of exam_results was renamed to student_ref.*same rows.*rename column student_ref to user_id/,
    },
  })
  const { stdout, status } = await command(['contract', 'verify'], { DATABASE_URL: db.url })
  t.equal(status, 0)
  t.match(stdout, /source_columns +warn +the column user_id of exam_results was renamed to student_ref/)

  // two columns of one type, and names that need quotes
  const all = [rename('session_id', 'Session'), rename('created_at', 'made'), rename('updated_at', 'time of edit')]
  t.match(await report([...all, rename('id', 'result')].join(';')), {
    status: 'pass',
    // the printed definition names the new column
    bad: ['definition', 'source_columns'],
    source: { status: 'warn', detail: /id of .* renamed to result.*session_id of .* renamed to Session/ },
  })
  const changed = await report(`create or replace view attempt as
    select id, student_id, item_id, true as correct, response_time_ms, hint_used, completed_at, started_at,
      attempt_no, session_id, topic_id
    from attempt_numbered`)
  t.equal(changed.status, 'fail', 'drift is found under the new names as well')
  t.ok(changed.bad.includes('golden:correct'))
  t.notOk(changed.bad.includes('golden:student_id'), 'and nothing else is called drift')
})

t.test('another column under the old name, and a dropped column, are drift with a cause', async (t) => {
  const db = await createDatabase(t)
  const checks = async () => {
    const client = await db.pool.connect()
    try {
      return await checkContract(client, attemptV1)
    } finally {
      client.release()
    }
  }
  await db.pool.query(`alter table exam_results rename column user_id to student_ref;
    alter table exam_results add column user_id text`)
  const swapped = await checks()
  t.equal(swapped.status, 'fail')
  t.match(
    swapped.checks.find(({ name }) => name === 'source_columns'),
    {
      status: 'warn',
      detail: /the view reads student_ref and not user_id: the column was renamed, and another column has its name now/,
    },
  )
  await db.pool.query(`alter table exam_results drop column user_id;
    alter table exam_results rename column student_ref to user_id`)
  await t.rejects(db.pool.query('alter table exam_results drop column user_id'), { code: '2BP01' })
  await t.rejects(db.pool.query('alter table exam_results alter column user_id type varchar(9)'), { code: '0A000' })
  t.equal((await checks()).status, 'pass')
  await db.pool.query('alter table exam_results drop column user_id cascade')
  t.match(await checks(), {
    status: 'fail',
    checks: [
      { name: 'view', status: 'fail' },
      { name: 'source_columns', status: 'fail', detail: /the column user_id of exam_results is missing/ },
    ],
  })
  t.match(await command(['contract', 'verify'], { DATABASE_URL: db.url }), {
    status: 1,
    stdout: /columns of exam_results were changed: see source_columns\. Rolling back the service does not help\.\n$/,
  })
})
