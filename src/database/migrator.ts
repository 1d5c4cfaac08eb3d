/** Runs the frozen migrations of `migrations/`; knows which are applied. */
import { Kysely, Migrator, PostgresDialect, type Migration, type MigrationInfo } from 'kysely'
import type pg from 'pg'
import * as attemptViewLock from '../../migrations/20251101_0900_attempt_view_lock.js'

/** Every migration by name, in order. Listed by hand: what is applied never depends on what lies in a folder. */
export const migrations: Record<string, Migration> = {
  '20251101_0900_attempt_view_lock': attemptViewLock,
}

export interface MigrationStep { name: string; direction: 'Up' | 'Down' }

function migrator(pool: pg.Pool) {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
}

async function run(action: Promise<{ error?: unknown; results?: { migrationName: string; direction: 'Up' | 'Down'; status: string }[] }>): Promise<MigrationStep[]> {
  const { error, results = [] } = await action
  if (error !== undefined) throw error instanceof Error ? error : new Error('migration failed', { cause: error })
  return results.filter((result) => result.status === 'Success').map(({ migrationName, direction }) => ({ name: migrationName, direction }))
}

/** Applies what is pending, in one transaction. Harmless where nothing is. */
export const migrateUp = (pool: pg.Pool): Promise<MigrationStep[]> => run(migrator(pool).migrateToLatest())

/** Takes the last applied migration back. */
export const migrateDown = (pool: pg.Pool): Promise<MigrationStep[]> => run(migrator(pool).migrateDown())

/** Every migration with the moment it was applied. Reads only, so that a role without rights on tables can ask. */
export async function migrationStatus(pool: pg.Pool): Promise<readonly MigrationInfo[]> {
  return migrator(pool).getMigrations()
}
