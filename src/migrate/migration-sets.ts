/** The sets of migrations. A migration is applied because it is listed here, not because its file is in a folder. */
import type { Migration } from 'kysely'
import * as attemptViewLock from '../../migrations/20251101_0900_attempt_view_lock.js'
import * as attemptQueue from '../../migrations/20251201_0900_attempt_queue.js'
import * as attemptStore from '../../migrations/20251201_0910_attempt_store.js'
import * as attemptQueueExams from '../../migrations/20251202_0900_attempt_queue_exams.js'
import * as attemptDayStale from '../../migrations/20251202_0910_attempt_day_stale.js'
import * as attemptSessionIndex from '../../migrations/20251203_0900_attempt_session_index.js'
import * as attemptQueueProblems from '../../migrations/20261201_0900_attempt_queue_problems.js'
import * as attemptStoreLimits from '../../migrations/20261201_0910_attempt_store_limits.js'
import { attemptV1 } from '../contract/attempt-v1.js'
import { ledgerTable, type Contract } from '../contract/contract.js'

/** Migrations that are applied in one transaction. */
export interface MigrationSet {
  /** The table that lists the applied ones, in Kysely's own format. */
  table: string
  /** Whether version 1.0 listed them in a table of another name: former-ledger.ts. */
  hasFormerLedger?: boolean
  migrations: Record<string, Migration>
  /**
   * The contract that the views of this set must pass before the commit. Views that exist already (view-columns.ts) are
   * adopted.
   */
  contract?: Contract
  /**
   * The table that other sessions lock first: readers of the store, and writers whose triggers write the queue. A
   * runner that drops the other tables locks it first too. Otherwise it would hold what those sessions wait for while
   * it waits for them.
   */
  lockedFirst?: string
}

export const viewMigrations: MigrationSet = {
  table: ledgerTable,
  hasFormerLedger: true,
  migrations: { '20251101_0900_attempt_view_lock': attemptViewLock },
  contract: attemptV1,
}
/** The part of the store in the database of exam_results. Applied only if the store is enabled. */
export const queueMigrations: MigrationSet = {
  table: 'attempt_queue_migration',
  lockedFirst: 'exam_results',
  migrations: {
    '20251201_0900_attempt_queue': attemptQueue,
    '20251202_0900_attempt_queue_exams': attemptQueueExams,
    '20261201_0900_attempt_queue_problems': attemptQueueProblems,
  },
}
/** The store itself, which may be in a database of its own. */
export const storeMigrations: MigrationSet = {
  table: 'attempt_store_migration',
  lockedFirst: 'attempt_store',
  migrations: {
    '20251201_0910_attempt_store': attemptStore,
    '20251202_0910_attempt_day_stale': attemptDayStale,
    '20251203_0900_attempt_session_index': attemptSessionIndex,
    '20261201_0910_attempt_store_limits': attemptStoreLimits,
  },
}
