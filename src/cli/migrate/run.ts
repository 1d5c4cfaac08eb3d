/** What the verbs of migrate share: the database, the options they have in common, and the exit codes. */
import type pg from 'pg'
import type { Config } from '../../config.js'
import { indexStates, whyNoIndexes, type IndexState } from '../../migrate/indexes.js'
import { readLedger } from '../../migrate/ledger.js'
import { LockTimeout } from '../../migrate/retry-budget.js'
import { ContractRefused } from '../../migrate/runner.js'
import { viewMigrations } from '../../migrate/migration-sets.js'
import { flag, print } from '../command.js'
import { withPool } from '../database.js'
import { isAccessDenied, isUnreachable, withExitCode } from '../failure.js'

/** For statements outside of a migration's transaction; milliseconds. */
export const answerMs = 60_000

export const noIndexes = flag('neither build nor drop the indexes on exam_results')
export const replace = flag('recreate a view attempt that has other columns, with its dependants and grants')
export const again = flag('repeat migrations that are already applied, which repairs a view that was changed')

export const retryableExits = {
  3: 'the database could not be reached, or the view could not be checked; nothing was changed: retry',
  6: 'a table or advisory lock was not available in time: retry',
} as const

/**
 * 6: a lock was not available. 3: the database was not reached, or the view was not checked. 1: refused or failed. A
 * missing privilege is a refusal that a pipeline must not retry, unless the command only reads: then the state is
 * unknown (`deniedIsUnknown`).
 */
function exitCode(error: unknown, deniedIsUnknown: boolean): number {
  if (error instanceof LockTimeout) return 6
  if (error instanceof ContractRefused) return error.report.status === 'fail' ? 1 : 3
  return isUnreachable(error) || (deniedIsUnknown && isAccessDenied(error)) ? 3 : 1
}

/** Runs `action` on the database with exam_results. @throws Error with the exit code of the command */
export async function onPrimary(
  config: Config,
  action: (pool: pg.Pool) => Promise<number>,
  { deniedIsUnknown = false } = {},
): Promise<number> {
  try {
    return await withPool(config, action, { answerMs, guarded: true })
  } catch (error) {
    throw withExitCode(exitCode(error, deniedIsUnknown), error)
  }
}

/**
 * Whether an index is not in `state` yet.
 * @throws Error before anything is changed, if building or dropping it after the transaction would be refused
 */
export async function indexesDiffer(pool: pg.Pool, state: IndexState): Promise<boolean> {
  if (Object.values(await indexStates(pool)).every((found) => found === state)) return false
  const why = await whyNoIndexes(pool)
  if (why !== undefined) throw new Error(`${why}; nothing was changed.`)
  return true
}

export async function warnOfHistory(pool: pg.Pool): Promise<void> {
  const { edited, unknown } = await readLedger(pool, viewMigrations)
  if (edited.length + unknown.length > 0)
    print(`Check ${[...edited, ...unknown].join(', ')}: attempt-api migrate status shows the reason.`)
}
