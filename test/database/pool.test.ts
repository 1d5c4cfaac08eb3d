import t from 'tap'
import { createPool } from '../../src/database/pool.js'
import { createDatabase } from '../helpers/database.js'

t.test('the options of a URL apply, and ours override them', async (t) => {
  const db = await createDatabase(t, { bare: true })
  await db.pool.query('create schema "Exam Data"')
  const path = '%22Exam%5C%20Data%22'
  for (const [query, expected] of [
    ['', '"$user", public'],
    [`?options=-c%20search_path%3D${path}`, '"Exam Data"'],
    ['?options=', '"$user", public'],
    [
      `?application_name=x&options=-csearch_path=${path}%20-c%20TimeZone%3DAsia/Seoul%20-c%20jit=on&keepalives=1`,
      '"Exam Data"',
    ],
    ['?options=-c search_path=pg_catalog', 'pg_catalog'],
  ] as const) {
    const pool = createPool({ statementTimeoutMs: 10_000 }, `${db.url}${query}`, {
      max: 1,
      name: 'test',
      pathUse: 'keep',
    })
    t.teardown(() => pool.end())
    const { rows } = await pool.query(
      `select current_setting('search_path') as path, current_setting('TimeZone') as zone,
        current_setting('jit') as jit, current_setting('transaction_read_only') as read_only`,
    )
    t.strictSame(rows, [{ path: expected, zone: 'UTC', jit: 'off', read_only: 'on' }], query)
  }
})
