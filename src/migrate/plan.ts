/** What `up` would do, found by doing it in a transaction that is rolled back. */
import type pg from 'pg'
import { dependantsOf, notRecreatable } from './dependants.js'
import { indexStatement, indexStates, whyNoIndexes, type IndexName } from './indexes.js'
import { readLedger, toApply, type LedgerState } from './ledger.js'
import { viewMigrations, type MigrationSet } from './migration-sets.js'
import { apply, assertContinuable, type MigrateOptions } from './runner.js'
import { transact } from './transaction.js'

export interface PlannedLock {
  relation: string
  /** As in pg_locks. */
  mode: LockMode
}

/** Modes of table locks, the weakest first. */
const lockModes = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const
export type LockMode = (typeof lockModes)[number]

export interface Plan {
  pending: string[]
  /** Those of the pending migrations that were applied before. */
  again: string[]
  /** Nothing would change except the record of the migrations. */
  noop: boolean
  /** Everything that would be executed in the transaction, in order. */
  statements: string[]
  /** Table locks on existing relations, as PostgreSQL held them at the end of the trial. */
  locks: PlannedLock[]
  /** What depends on the view attempt now. */
  dependants: string[]
  /** Statements that would be executed outside the transaction. */
  indexes: string[]
  /** Table locks that they hold until they are done. */
  indexLocks: PlannedLock[]
  /** Why `up` would refuse to build the indexes. */
  indexesRefused: string | null
}

interface RelationState {
  oid: string
  relation: string
  /** Of a view. */
  definition: string | null
}

/** The relations as this session sees them; a relation of an uncommitted transaction is visible only in that. */
async function relationStates(
  client: pg.Pool | pg.ClientBase,
  oids: readonly string[],
): Promise<Map<string, RelationState>> {
  const { rows } = await client.query<RelationState>(
    `
    select c.oid::text as oid, c.oid::regclass::text as relation,
      case when c.relkind = 'v' then pg_get_viewdef(c.oid) end as definition
    from pg_class c
    where c.oid = any($1::oid[]) and c.relnamespace <> 'pg_toast'::regnamespace`,
    [oids],
  )
  return new Map(rows.map((row) => [row.oid, row]))
}

/** What depends on the view attempt; empty if the view does not exist. */
async function attemptDependants(pool: pg.Pool): Promise<string[]> {
  const {
    rows: [view],
  } = await pool.query<{ oid: string | null }>(`select to_regclass('attempt')::oid::text as oid`)
  if (view === undefined || view.oid === null) return []
  const client = await pool.connect()
  try {
    const views = await dependantsOf(client, [view.oid])
    return [...views.map(({ described }) => described), ...(await notRecreatable(client, view.oid, views))]
  } finally {
    client.release()
  }
}

interface HeldLock {
  oid: string
  mode: LockMode
}

/** Applies what is pending, reads the locks, and rolls back. */
function trial(
  pool: pg.Pool,
  set: MigrationSet,
  ledger: LedgerState,
  state: LedgerState,
  options: MigrateOptions,
): Promise<{ held: HeldLock[]; inside: Map<string, RelationState>; statements: string[] }> {
  return transact(pool, { waitMs: 0, report: () => undefined, trial: true }, async (session) => {
    assertContinuable(set, ledger)
    await apply(session, set, state, options)
    // the strongest of each relation covers the others; 16384: the first oid that is not PostgreSQL's own
    const { rows: held } = await session.client.query<HeldLock>(
      `
      select oid, mode
      from (
        select distinct on (relation) relation::text as oid, mode, array_position($1, mode) as strength
        from pg_locks
        where pid = pg_backend_pid() and locktype = 'relation' and granted and relation >= 16384
        order by relation, array_position($1, mode) desc
      ) as strongest
      order by strength desc, oid::oid`,
      [lockModes],
    )
    const inside = await relationStates(
      session.client,
      held.map(({ oid }) => oid),
    )
    return { held, inside, statements: session.statements }
  })
}

/**
 * Changes nothing, and waits for a table lock no longer than one try of `up`.
 * @throws what `up` would throw
 */
export async function planUp(
  pool: pg.Pool,
  set: MigrationSet = viewMigrations,
  { replace = false, again = false, checkMs = 30_000 }: MigrateOptions = {},
): Promise<Plan> {
  const ledger = await readLedger(pool, set)
  const state = toApply(ledger, again)
  const dependants = await attemptDependants(pool)
  const indexes =
    set.contract === undefined
      ? []
      : Object.entries(await indexStates(pool))
          .filter(([, indexState]) => indexState !== 'ready')
          .map(([name]) => `${indexStatement(name as IndexName)};`)
  const nothing: Plan = {
    pending: [],
    again: [],
    noop: true,
    statements: [],
    locks: [],
    dependants,
    indexes,
    indexLocks: indexes.length === 0 ? [] : [{ relation: 'exam_results', mode: 'ShareUpdateExclusiveLock' }],
    indexesRefused: indexes.length === 0 ? null : ((await whyNoIndexes(pool)) ?? null),
  }
  if (state.pending.length === 0) return nothing
  const { held, inside, statements } = await trial(pool, set, ledger, state, { replace, checkMs })
  // read after the rollback: reading a definition waits for a session that replaces it
  const outside = await relationStates(
    pool,
    held.map(({ oid }) => oid),
  )
  const ledgerRelations = [set.table, `${set.table}_hash`, `${set.table}_pkey`, `${set.table}_hash_pkey`]
  const locks = held.flatMap(({ oid, mode }) => {
    const existing = outside.get(oid)
    return existing === undefined || ledgerRelations.includes(existing.relation)
      ? []
      : [{ relation: existing.relation, mode, definition: existing.definition }]
  })
  const created = [...inside].some(([oid, { relation }]) => !outside.has(oid) && !ledgerRelations.includes(relation))
  const changed = [...outside].some(([oid, { definition }]) => inside.get(oid)?.definition !== definition)
  const tablesLocked = locks.some(({ mode, definition }) => mode !== 'AccessShareLock' && definition === null)
  return {
    ...nothing,
    pending: state.pending,
    again: state.pending.filter((name) => !ledger.pending.includes(name)),
    noop: !created && !changed && !tablesLocked,
    statements: statements.map((statement) => `${statement};`),
    locks: locks.map(({ relation, mode }) => ({ relation, mode })),
  }
}
