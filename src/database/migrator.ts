/** Runs the frozen migrations of `migrations/`; knows which are applied. */
import { Kysely, Migrator, PostgresDialect, type Migration, type MigrationInfo } from 'kysely'
import type pg from 'pg'
import * as attemptViewLock from '../../migrations/20251101_0900_attempt_view_lock.js'
import * as attemptQueue from '../../migrations/20251201_0900_attempt_queue.js'
import * as attemptStore from '../../migrations/20251201_0910_attempt_store.js'

/** Migrations that are applied and taken back together, with the table that lists the applied ones. */
export interface MigrationSet { table: string; migrations: Record<string, Migration> }

/** The lock. Listed by hand: what is applied never depends on what lies in a folder. */
export const lock: MigrationSet = { table: 'kysely_migration', migrations: { '20251101_0900_attempt_view_lock': attemptViewLock } }
/** The store's side where exam_results is, and the store itself: opt-in, and maybe in another database. */
export const queue: MigrationSet = { table: 'attempt_queue_migration', migrations: { '20251201_0900_attempt_queue': attemptQueue } }
export const store: MigrationSet = { table: 'attempt_store_migration', migrations: { '20251201_0910_attempt_store': attemptStore } }

export interface MigrationStep { name: string; direction: 'Up' | 'Down' }

function migrator(pool: pg.Pool, { table, migrations }: MigrationSet) {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) }, migrationTableName: table, migrationLockTableName: `${table}_lock` })
}

async function run(action: Promise<{ error?: unknown; results?: { migrationName: string; direction: 'Up' | 'Down'; status: string }[] }>): Promise<MigrationStep[]> {
  const { error, results = [] } = await action
  if (error !== undefined) throw error instanceof Error ? error : new Error('migration failed', { cause: error })
  return results.filter((result) => result.status === 'Success').map(({ migrationName, direction }) => ({ name: migrationName, direction }))
}

/** Applies what is pending, in one transaction. Harmless where nothing is. */
export const migrateUp = (pool: pg.Pool, set = lock): Promise<MigrationStep[]> => run(migrator(pool, set).migrateToLatest())

/** Takes the last applied migration back. */
export const migrateDown = (pool: pg.Pool, set = lock): Promise<MigrationStep[]> => run(migrator(pool, set).migrateDown())

/** Every migration with the moment it was applied. Reads only, so that a role without rights on tables can ask. */
export async function migrationStatus(pool: pg.Pool, set = lock): Promise<readonly MigrationInfo[]> {
  return migrator(pool, set).getMigrations()
}
