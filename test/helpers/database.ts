/** A database of its own for each suite, on the server that `npm test` started. */
import pg from 'pg'
import { migrateUp } from '../../src/migrate/runner.js'
import { viewMigrations } from '../../src/migrate/migration-sets.js'
import { createExamResults } from '../../src/development/exam-results.js'

export interface TestDatabase {
  url: string
  name: string
  pool: pg.Pool
  migrate(): Promise<void>
  source(): Promise<void>
}

/** A database with exam_results and the views, created by test/run.ts: a copy takes a third of a migration's time. */
const template = 'attempt_test_template'

/** The views, however long their contract check takes: a busy machine is no drift. */
export async function migrate(pool: pg.Pool): Promise<void> {
  await migrateUp(pool, viewMigrations, { checkMs: 600_000 })
}

/** @returns the URL of the database */
export async function makeTemplate(server: string): Promise<string> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  await admin.query(`create database ${template} template template0 encoding 'UTF8'`)
  await admin.end()
  const url = new URL(server)
  url.pathname = `/${template}`
  const pool = new pg.Pool({ connectionString: url.href }).on('error', () => undefined)
  await pool.query(createExamResults)
  await migrate(pool)
  await pool.end()
  return url.href
}

let made = 0

/**
 * Makes a database with exam_results and, unless `migrated: false`, the views; dropped when the test ends.
 * `bare: true` makes it empty; `locale` is appended to `create database`.
 */
export async function createDatabase(
  t: { teardown(action: () => unknown): unknown },
  { migrated = true, bare = false, locale = '' }: { migrated?: boolean; bare?: boolean; locale?: string } = {},
): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL']
  if (server === undefined)
    throw new Error('TEST_DATABASE_URL is not set: run the tests with `npm test`, which starts a PostgreSQL for them')
  const name = `attempt_test_${process.pid}_${++made}`
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  const copied = migrated && !bare && locale === ''
  await admin.query(
    copied
      ? `create database ${name} template ${template}`
      : `create database ${name} template template0 encoding 'UTF8' ${locale}`,
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 5 })
  pool.on('error', () => undefined)
  const database: TestDatabase = {
    url: url.href,
    name,
    pool,
    migrate: () => migrate(pool),
    source: async () => {
      await pool.query(createExamResults)
    },
  }
  t.teardown(async () => {
    await pool.end()
    // PostgreSQL waits 5 s for the sessions that it ends, which a busy machine may exceed
    const drop = () => admin.query(`drop database ${name} with (force)`)
    await drop().catch(drop)
    await admin.end()
  })
  if (!bare && !copied) await database.source()
  if (!bare && !copied && migrated) await database.migrate()
  return database
}
