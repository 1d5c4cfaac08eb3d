/** Applies and reverts migrations, each time in one transaction: other sessions see every change or none. */
import type pg from 'pg'
import { checkContractWithin } from '../contract/check.js'
import type { Check, ContractReport } from '../contract/report.js'
import { adopt, lockExistingViews } from './adopt.js'
import {
  dropLedger,
  prepareLedger,
  readLedger,
  recordApplied,
  recordHash,
  removeApplied,
  takeFormerLedger,
  toApply,
  type LedgerState,
} from './ledger.js'
import { viewMigrations, type MigrationSet } from './migration-sets.js'
import type { MigrationSession } from './session.js'
import { transact } from './transaction.js'
import { viewColumns } from './view-columns.js'

export interface MigrationStep {
  name: string
}

export interface MigrateOptions {
  /** Milliseconds to wait for locks that other sessions hold; default 60,000. */
  waitMs?: number
  /** Receives progress, as sentences. */
  report?: (line: string) => void
  /** Recreates a view attempt that has other columns, with its dependants and grants. */
  replace?: boolean
  /** Repeats migrations that are already applied, which repairs views that were changed without the runner. */
  again?: boolean
  /** Milliseconds for the contract check, during which queries on a view that is replaced wait; default 30,000. */
  checkMs?: number
}

/** The views that the migrations create violate the contract, or could not be checked; they were rolled back. */
export class ContractRefused extends Error {
  constructor(readonly report: ContractReport) {
    const describe = ({ name, expected, actual, detail }: Check) =>
      `${name}: ` +
      [detail, `expected ${expected ?? 'nothing'}`, `found ${actual ?? 'nothing'}`].filter(Boolean).join('; ')
    const failed = report.status === 'fail'
    const bad = report.checks.filter(({ status }) => status === (failed ? 'fail' : 'error'))
    const more = bad.length > 3 ? `. And ${bad.length - 3} more` : ''
    super(
      `The view that the migrations create ${failed ? 'violates the contract' : 'could not be checked'} ` +
        `(${bad.slice(0, 3).map(describe).join('. ')}${more}). ` +
        'It was rolled back before any other session saw it. Nothing was changed.',
    )
  }
}

/** @throws Error if this version cannot continue the history of the database; Kysely refuses the same */
export function assertContinuable(set: MigrationSet, { unknown, pending, applied }: LedgerState): void {
  if (unknown.length > 0)
    throw new Error(
      `The database has migrations that this version does not know (${unknown.join(', ')}): a newer version applied ` +
        'them. Use that version. Nothing was changed.',
    )
  const last = applied.at(-1)?.name
  const late = pending.filter((name) => last !== undefined && name < last)
  if (late.length > 0)
    throw new Error(
      `${late.join(', ')} would come before ${last}, which is applied already (see ${set.table}). ` +
        'Give the new migration a later name. Nothing was changed.',
    )
}

/** @throws Error if the owner of a view has no right on what it reads: a view reads with the rights of its owner */
async function assertOwnersMayRead({ client }: MigrationSession): Promise<void> {
  const {
    rows: [first],
  } = await client.query<{ view: string; owner: string; relation: string }>(
    `
    select distinct v.relname::text as view, pg_get_userbyid(v.relowner)::text as owner, t.relname::text as relation
    from pg_class v
    join pg_rewrite w on w.ev_class = v.oid
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
    join pg_class t on t.oid = d.refobjid and t.oid <> v.oid
    where v.oid = any(array(select to_regclass(name) from unnest($1::text[]) as name)::oid[])
      and not has_any_column_privilege(v.relowner, t.oid, 'select')`,
    [Object.keys(viewColumns)],
  )
  if (first === undefined) return
  const { owner, view, relation } = first
  throw new Error(
    `The role ${owner}, which would own the view ${view}, may not read ${relation}: no role could read the view. ` +
      `Run grant select on ${relation} to ${owner}, or migrate as another role. Nothing was changed.`,
  )
}

/** Applies what is pending, within the transaction. Used by the runner and, rolled back, by the plan. */
export async function apply(
  session: MigrationSession,
  set: MigrationSet,
  { applied, pending, hashes }: LedgerState,
  { replace = false, report = () => undefined, checkMs = 30_000 }: MigrateOptions,
): Promise<void> {
  if (set.contract !== undefined && !replace) await lockExistingViews(session)
  await prepareLedger(session.client, set)
  const adoption =
    set.contract === undefined
      ? undefined
      : await adopt(session, { replace, again: pending.some((name) => applied.some((one) => one.name === name)) })
  for (const name of pending) {
    await set.migrations[name]?.up(session.db)
    await adoption?.asRunner()
    await recordApplied(session.client, set, name)
    await recordHash(session.client, set, name, hashes.get(name) ?? '')
    await adoption?.asOwner()
  }
  for (const line of (await adoption?.finish()) ?? []) report(line)
  if (set.contract === undefined) return
  await assertOwnersMayRead(session)
  const result = await checkContractWithin(session.client, set.contract, { timeoutMs: checkMs })
  if (result.status !== 'pass') throw new ContractRefused(result)
}

/**
 * Applies what is pending, all or nothing. Several runners at the same time wait for one another, and the later ones
 * find nothing to do. Records the hashes of migrations that were applied before hashes were recorded.
 * @returns what was applied
 * @throws Error in a sentence, with nothing changed; LockTimeout if other sessions held a lock for all of `waitMs`
 */
export async function migrateUp(
  pool: pg.Pool,
  set = viewMigrations,
  options: MigrateOptions = {},
): Promise<MigrationStep[]> {
  const { report = () => undefined, waitMs = 60_000, again = false } = options
  const before = await readLedger(pool, set)
  // no lock if there is nothing to do: an up that changes nothing waits for no other session
  const nothing = toApply(before, again).pending.length === 0 && before.withoutHash.length === 0
  if (nothing && before.former === undefined) return []
  return transact(pool, { waitMs, report }, async (session) => {
    const ledger = await readLedger(session.client, set)
    if (ledger.former !== undefined) await takeFormerLedger(session.client, set, ledger.former, report)
    const state = toApply(ledger, again)
    if (state.pending.length > 0) {
      assertContinuable(set, ledger)
      await apply(session, set, state, options)
    } else if (state.withoutHash.length > 0) await prepareLedger(session.client, set)
    for (const name of state.withoutHash) await recordHash(session.client, set, name, state.hashes.get(name) ?? '')
    return state.pending.map((name) => ({ name }))
  })
}

/** @throws Error if a store exists: it is computed from the view */
async function assertNoStore({ client }: MigrationSession): Promise<void> {
  const { rows } = await client.query(`select 1 where to_regclass('attempt_queue') is not null`)
  if (rows.length > 0)
    throw new Error(
      'A store exists, and it is computed from the view. Run attempt-api store disable first. Nothing was changed.',
    )
}

/** Locks a table that exists and whose owner this role may act as; otherwise a later statement says what is missing. */
async function lockIfOwned({ client }: MigrationSession, table: string): Promise<void> {
  const { rows } = await client.query(
    `select from pg_class where oid = to_regclass($1) and pg_has_role(relowner, 'usage')`,
    [table],
  )
  if (rows.length > 0) await client.query(`lock table ${table} in access exclusive mode`)
}

/**
 * Reverts the last applied migration, or with `all` every one. Once none is left, drops the tables that list them.
 * @throws Error in a sentence, with nothing changed, if something depends on what would be dropped
 */
export async function migrateDown(
  pool: pg.Pool,
  set = viewMigrations,
  { all = false, report = () => undefined, waitMs = 60_000 }: MigrateOptions & { all?: boolean } = {},
): Promise<MigrationStep[]> {
  if ((await readLedger(pool, set)).applied.length === 0 && !all) return []
  return transact(pool, { waitMs, report }, async (session) => {
    const { applied, former } = await readLedger(session.client, set)
    if (set === viewMigrations) await assertNoStore(session)
    if (former !== undefined) await takeFormerLedger(session.client, set, former, report)
    const names = applied
      .slice(all ? 0 : -1)
      .reverse()
      .map(({ name }) => name)
    if (set.lockedFirst !== undefined && names.length > 0) await lockIfOwned(session, set.lockedFirst)
    for (const name of names) {
      const migration = Object.hasOwn(set.migrations, name) ? set.migrations[name] : undefined
      if (migration?.down === undefined)
        throw new Error(
          `This version cannot revert ${name}: a newer version applied it. Use that version. Nothing was changed.`,
        )
      await migration.down(session.db)
      await removeApplied(session.client, set, name)
    }
    if (all || names.length === applied.length) await dropLedger(session.client, set)
    return names.map((name) => ({ name }))
  })
}
