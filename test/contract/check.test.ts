import type pg from 'pg'
import t from 'tap'
import { attemptV1 } from '../../src/contract/attempt-v1.js'
import { checkContract } from '../../src/contract/check.js'
import type { Contract } from '../../src/contract/contract.js'
import { generatedCases } from '../../src/contract/golden/generated/index.js'
import type { SqlClient } from '../../src/contract/sql-client.js'
import { createDatabase, type TestDatabase } from '../helpers/database.js'
import { mutants, variants } from './mutants/index.js'

const generated = new Set(generatedCases([]).map(({ property }) => property))

const chainNames = ['attempt_exam', 'attempt_element', 'attempt_response', 'attempt_numbered', 'attempt']

async function chainOf(client: pg.ClientBase): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; text: string }>(
    'select name, pg_get_viewdef(name::regclass) as text from unnest($1::text[]) as name',
    [chainNames],
  )
  // PostgreSQL 14 qualifies every column and 18 none; without qualifiers the mutants find the same text on both
  return Object.fromEntries(
    rows.map(({ name, text }) => [name, text.replace(/\b(attempt_\w+|r|exam|element|field)\./g, '')]),
  )
}

/** The check begins a transaction. Within the test's, which takes the mutant back, it is a savepoint. */
const nested = (client: pg.ClientBase): SqlClient => ({
  query(text, values) {
    if (text.startsWith('begin')) return client.query('savepoint contract')
    if (text === 'rollback') return client.query('rollback to savepoint contract')
    return client.query(text, values)
  },
})

const bad = (checks: { name: string; status: string; expected: string | null; actual: string | null }[]) =>
  checks.filter((check) => check.status !== 'pass' && check.status !== 'warn')

interface Test {
  teardown(action: () => unknown): unknown
}

async function withDatabase(
  t: Test,
  action: (db: TestDatabase, client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const db = await createDatabase(t)
  const client = await db.pool.connect()
  try {
    await action(db, client)
  } finally {
    client.release(true)
  }
}

/** Enough to keep two cores busy: one connection waits for PostgreSQL while another's report is computed. */
const connections = 3

/** Runs `action` once for each item, in a transaction that is rolled back, on several databases at the same time. */
async function onEach<Item>(
  t: Test,
  items: readonly Item[],
  action: (item: Item, client: pg.ClientBase, chain: Record<string, string>) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: connections }, () =>
      withDatabase(t, async (_db, client) => {
        const chain = await chainOf(client)
        for (const item of queue) {
          await client.query('begin')
          await action(item, client, chain)
          await client.query('rollback')
        }
      }),
    ),
  )
}

/**
 * The contract with only the golden cases that must notice the mutant, which shows that these notice it, and takes a
 * fraction of the time of all cases.
 */
function casesFor(fails: string): Contract {
  const named = attemptV1.golden.filter(({ property }) => fails !== 'golden:' && `golden:${property}`.startsWith(fails))
  const written = attemptV1.golden.filter(({ property }) => !generated.has(property))
  return { ...attemptV1, golden: named.length > 0 ? named : written }
}

await t.test('every mutant is reported', async (t) => {
  t.ok(mutants.length >= 60)
  await onEach(t, mutants, async (mutant, client, chain) => {
    try {
      for (const statement of mutant.statements(chain)) await client.query(statement)
      const report = await checkContract(nested(client), casesFor(mutant.fails))
      t.equal(report.status, 'fail', mutant.name)
      t.ok(
        report.checks.some((check) => check.status === 'fail' && check.name.startsWith(mutant.fails)),
        `${mutant.name}: ${mutant.fails}`,
        { found: bad(report.checks).slice(0, 3) },
      )
    } catch (error) {
      t.fail(`${mutant.name}: ${(error as Error).message}`)
    }
  })
})

await t.test('every view of equal meaning passes', async (t) => {
  await onEach(t, variants, async (variant, client, chain) => {
    try {
      for (const statement of variant.statements(chain)) await client.query(statement)
      const report = await checkContract(nested(client), attemptV1)
      t.equal(report.status, 'pass', variant.name, { found: bad(report.checks).slice(0, 3) })
    } catch (error) {
      t.fail(`${variant.name}: ${(error as Error).message}`)
    }
  })
})

await t.test('a role without rights, in a read-only session with settings of its own, can check', async (t) =>
  withDatabase(t, async (db, client) => {
    const role = `contract_reader_${process.pid}`
    await client.query(`create role ${role}`)
    try {
      await client.query(
        `set default_transaction_read_only = on; set timezone = 'Asia/Tokyo'; set datestyle = 'German';
          set role ${role}`,
      )
      const report = await checkContract(client, attemptV1)
      t.equal(report.status, 'pass', 'without any right', { found: bad(report.checks) })
      const {
        rows: [after],
      } = await client.query(`select current_setting('timezone') as zone, current_setting('search_path') as path`)
      t.same(after, { zone: 'Asia/Tokyo', path: '"$user", public' }, 'the settings stay')
    } finally {
      await client.query('reset role; set default_transaction_read_only = off')
      await db.pool.query(`drop role ${role}`)
    }
  }),
)

await t.test('what cannot be checked is an error and never a pass', async (t) =>
  withDatabase(t, async (_db, client) => {
    const chain = await chainOf(client)
    const definition = (chain['attempt'] ?? '').replace(/;\s*$/, '')
    const wrapped = (clause: string) => `create or replace view attempt as select w.* from (${definition}) w ${clause}`
    const cases: Record<string, string[]> = {
      'another table': [
        'create table hidden (session_id text)',
        wrapped('where session_id not in (select session_id from hidden)'),
      ],
      'a function that reads a table': [
        'create table hidden (session_id text)',
        `create function visible(s text) returns boolean language sql stable as $$
          select not exists (select 1 from hidden h where h.session_id = s) $$`,
        wrapped('where visible(session_id)'),
      ],
      'a system view': [wrapped('where (select count(*) from pg_class) > 0')],
    }
    for (const [name, statements] of Object.entries(cases)) {
      await client.query('begin')
      for (const statement of statements) await client.query(statement)
      const report = await checkContract(nested(client), attemptV1)
      t.equal(report.status, 'error', name, { found: bad(report.checks) })
      await client.query('rollback')
    }
    await t.rejects(
      checkContract(client, attemptV1, { timeoutMs: 0 }),
      { code: '57014' },
      'a check without time left throws',
    )
  }),
)
