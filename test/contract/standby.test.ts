/** The check on a hot standby, which takes no writes, no serializable transactions and no temporary tables. */
import { platform } from 'node:os'
import pg from 'pg'
import t from 'tap'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import { migrateUp } from '../../src/migrate/runner.js'
import { createExamResults } from '../../src/development/exam-results.js'
import { startApp } from '../helpers/app.js'
import { startReplicated } from '../helpers/standby.js'
import { until } from '../helpers/until.js'

t.test(
  'passes on a hot standby, and reports drift there',
  { skip: platform() === 'win32' ? 'the folder is copied with cp' : false },
  async (t) => {
    const { primary, standby, caughtUp } = await startReplicated(t)
    const pool = new pg.Pool({ connectionString: primary })
    pool.on('error', () => undefined)
    t.teardown(() => pool.end())
    await pool.query(createExamResults)
    await migrateUp(pool)
    await caughtUp()

    const client = new pg.Client({ connectionString: standby })
    await client.connect()
    const {
      rows: [row],
    } = await client.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
    t.equal(row?.recovering, true)
    const report = await checkContract(client, attemptV1)
    await client.end()
    t.equal(report.status, 'pass', 'the check', { found: report.checks.filter((check) => check.status !== 'pass') })
    t.ok(report.migration, 'and it names the migration')

    const app = await startApp(t, standby)
    t.equal((await app.inject('/schema-contract')).statusCode, 200)
    await until(async () => (await app.inject('/health')).statusCode === 200, 'the service is ready')
    await pool.query(`
      create or replace view attempt as
      select id, student_id, item_id, correct, response_time_ms, hint_used, completed_at, started_at, attempt_no,
        session_id, lower(topic_id) as topic_id
      from attempt_numbered`)
    await caughtUp()
    t.equal((await app.inject('/schema-contract')).statusCode, 409)
  },
)
