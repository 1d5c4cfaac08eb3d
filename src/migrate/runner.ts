/** Applies and takes back migrations, each time in one transaction that nobody else sees before it is whole. */
import type pg from 'pg'
import { checkContractWithin } from '../contract/check.js'
import type { Check, ContractReport } from '../contract/report.js'
import { adopt, holdViews } from './adopt.js'
import {
  dropLedger,
  forget,
  prepareLedger,
  readLedger,
  recordApplied,
  recordHash,
  toApply,
  type LedgerState,
} from './ledger.js'
import { transact, type MigrationSession } from './session.js'
import { viewMigrations, type MigrationSet } from './sets.js'

export interface MigrationStep {
  name: string
  direction: 'Up' | 'Down'
}

export interface MigrateOptions {
  /** Milliseconds to wait for locks that others hold; 60,000 if not given. */
  waitMs?: number
  /** Told, in sentences, what somebody at a terminal should know meanwhile. */
  say?: (line: string) => void
  /** Recreates a view attempt that has other columns, with its dependants and grants. */
  replace?: boolean
  /** Applies what is applied already once more, which mends views that somebody changed past the runner. */
  again?: boolean
  /** Milliseconds for the contract check, during which nobody reads a view that is being replaced; 30,000 if not given. */
  checkMs?: number
}

/** What was made contradicts the lock, or could not be checked; it was rolled back. */
export class ContractRefused extends Error {
  constructor(readonly report: ContractReport) {
    const said = ({ name, expected, actual, detail }: Check) =>
      `${name}: ${[detail, `expected ${expected ?? 'nothing'}`, `found ${actual ?? 'nothing'}`].filter(Boolean).join('; ')}`
    const bad = report.checks.filter(({ status }) => status === (report.status === 'fail' ? 'fail' : 'error'))
    super(
      `The view that the migrations make ${report.status === 'fail' ? 'contradicts the lock' : 'could not be checked'} (${bad.slice(0, 3).map(said).join('. ')}${bad.length > 3 ? `. And ${bad.length - 3} more` : ''}). It was rolled back before anybody saw it; nothing was changed.`,
    )
  }
}

/** Refuses what kysely refuses as well: a history that this version cannot continue. */
export function continuable(set: MigrationSet, { unknown, pending, applied }: LedgerState): void {
  if (unknown.length > 0)
    throw new Error(
      `The database has migrations that this version does not know (${unknown.join(', ')}): a newer version was here. Use that version; nothing was changed.`,
    )
  const last = applied.at(-1)?.name
  const late = pending.filter((name) => last !== undefined && name < last)
  if (late.length > 0)
    throw new Error(
      `${late.join(', ')} would come before ${last}, which is applied already (see ${set.table}). A new migration needs a later name; nothing was changed.`,
    )
}

/** What the views' owners need: a view reads with the rights of its owner, whoever asks. */
async function ownersMayRead({ client }: MigrationSession): Promise<void> {
  const { rows } = await client.query<{ view: string; owner: string; relation: string }>(`
    select distinct v.relname::text as view, pg_get_userbyid(v.relowner)::text as owner, t.relname::text as relation
    from pg_class v join pg_rewrite w on w.ev_class = v.oid join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
    join pg_class t on t.oid = d.refobjid and t.oid <> v.oid
    where v.oid = any(array(select to_regclass(name) from unnest(array['attempt', 'attempt_numbered', 'attempt_response', 'attempt_element', 'attempt_exam', 'attempt_anomaly']) as name)::oid[])
      and not has_any_column_privilege(v.relowner, t.oid, 'select')`)
  const [first] = rows
  if (first !== undefined)
    throw new Error(
      `The role ${first.owner}, to whom the view ${first.view} would belong, may not read ${first.relation}, and so nobody could read the view. Grant it (grant select on ${first.relation} to ${first.owner}) or migrate as another role; nothing was changed.`,
    )
}

/** Applies what is pending, within the transaction; used by the runner and, rolled back, by the plan. */
export async function apply(
  session: MigrationSession,
  set: MigrationSet,
  { applied, pending, hashes }: LedgerState,
  { replace = false, say = () => undefined, checkMs = 30_000 }: MigrateOptions,
): Promise<ContractReport | undefined> {
  if (set.contract !== undefined && !replace) await holdViews(session)
  await prepareLedger(session.client, set)
  const adoption =
    set.contract !== undefined
      ? await adopt(session, { replace, again: pending.some((name) => applied.some((one) => one.name === name)) })
      : undefined
  for (const name of pending) {
    await set.migrations[name]?.up(session.db)
    await adoption?.asRunner()
    await recordApplied(session.client, set, name)
    await recordHash(session.client, set, name, hashes.get(name) ?? '')
    await adoption?.asOwner()
  }
  for (const line of (await adoption?.finish()) ?? []) say(line)
  if (set.contract === undefined) return undefined
  await ownersMayRead(session)
  const report = await checkContractWithin(session.client, set.contract, { timeoutMs: checkMs })
  if (report.status !== 'pass') throw new ContractRefused(report)
  return report
}

/**
 * Applies what is pending, all or nothing. Runners beside each other wait for one another, and the later ones find
 * nothing to do. Gives migrations that were applied before hashes were kept theirs.
 * @returns what was applied
 * @throws Error in a sentence, with nothing changed; LockedOut where others held a lock for all of `waitMs`
 */
export async function migrateUp(
  pool: pg.Pool,
  set = viewMigrations,
  options: MigrateOptions = {},
): Promise<MigrationStep[]> {
  const { say = () => undefined, waitMs = 60_000, again = false } = options
  const before = await readLedger(pool, set)
  // without a lock where there is nothing to do: an up that changes nothing waits for nobody
  if (toApply(before, again).pending.length === 0 && before.unhashed.length === 0) return []
  return transact(pool, { waitMs, say }, async (session) => {
    const found = await readLedger(session.client, set)
    const state = toApply(found, again)
    if (state.pending.length > 0) {
      continuable(set, found)
      await apply(session, set, state, options)
    } else if (state.unhashed.length > 0) await prepareLedger(session.client, set)
    for (const name of state.unhashed) await recordHash(session.client, set, name, state.hashes.get(name) ?? '')
    return state.pending.map((name) => ({ name, direction: 'Up' as const }))
  })
}

/**
 * Takes the last applied migration back, or with `all` every one, and with it the tables that list them.
 * @throws Error in a sentence, with nothing changed, where others depend on what would go
 */
export async function migrateDown(
  pool: pg.Pool,
  set = viewMigrations,
  { all = false, say = () => undefined, waitMs = 60_000 }: MigrateOptions & { all?: boolean } = {},
): Promise<MigrationStep[]> {
  if ((await readLedger(pool, set)).applied.length === 0 && !all) return []
  return transact(pool, { waitMs, say }, async (session) => {
    const { applied } = await readLedger(session.client, set)
    if (
      set === viewMigrations &&
      (await session.client.query(`select 1 where to_regclass('attempt_queue') is not null`)).rows.length > 0
    ) {
      throw new Error(
        'There is a store, which is kept from the view: attempt-api store disable first; nothing was changed.',
      )
    }
    const back = applied
      .slice(all ? 0 : -1)
      .reverse()
      .map(({ name }) => name)
    if (set.readFirst !== undefined && back.length > 0)
      await session.client.query(`lock table ${set.readFirst} in access exclusive mode`)
    for (const name of back) {
      const migration = Object.hasOwn(set.migrations, name) ? set.migrations[name] : undefined
      if (migration?.down === undefined)
        throw new Error(
          `This version does not know how to take back ${name}: a newer version was here. Use that version; nothing was changed.`,
        )
      await migration.down(session.db)
      await forget(session.client, set, name)
    }
    if (all) await dropLedger(session.client, set)
    return back.map((name) => ({ name, direction: 'Down' as const }))
  })
}
