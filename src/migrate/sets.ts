/** What is applied together. Listed by hand: what is applied never depends on what lies in a folder. */
import type { Migration } from 'kysely'
import { attemptV1 } from '../contract/attempt-v1.js'
import type { Contract } from '../contract/contract.js'
import * as attemptViewLock from '../../migrations/20251101_0900_attempt_view_lock.js'
import * as attemptQueue from '../../migrations/20251201_0900_attempt_queue.js'
import * as attemptStore from '../../migrations/20251201_0910_attempt_store.js'
import * as attemptQueueExams from '../../migrations/20251202_0900_attempt_queue_exams.js'
import * as attemptDayStale from '../../migrations/20251202_0910_attempt_day_stale.js'
import * as attemptSessionIndex from '../../migrations/20251203_0900_attempt_session_index.js'

/** Migrations that are applied in one transaction, with the table that lists the applied ones (kysely's own format). */
export interface MigrationSet {
  table: string
  migrations: Record<string, Migration>
  /** The contract of the view that these migrations create. They adopt an existing view, and commit only what passes. */
  contract?: Contract
  /** What every reader takes first. Who takes all of it away does so too, or each could wait for what the other has. */
  readFirst?: string
}

export const viewMigrations: MigrationSet = {
  table: 'kysely_migration',
  migrations: { '20251101_0900_attempt_view_lock': attemptViewLock },
  contract: attemptV1,
}
/** The store's side where exam_results is, and the store itself: opt-in, and maybe in another database. */
export const queueMigrations: MigrationSet = {
  table: 'attempt_queue_migration',
  migrations: { '20251201_0900_attempt_queue': attemptQueue, '20251202_0900_attempt_queue_exams': attemptQueueExams },
}
export const storeMigrations: MigrationSet = {
  table: 'attempt_store_migration',
  readFirst: 'attempt_store',
  migrations: {
    '20251201_0910_attempt_store': attemptStore,
    '20251202_0910_attempt_day_stale': attemptDayStale,
    '20251203_0900_attempt_session_index': attemptSessionIndex,
  },
}
