/** What `up` would do, found out by doing it in a transaction that is rolled back. */
import type pg from 'pg'
import { indexStatement, indexStates, whyNoIndexes, type IndexName } from './indexes.js'
import { dependantsOf, unmovable } from './dependants.js'
import { readLedger, toApply } from './ledger.js'
import { apply, continuable, type MigrateOptions } from './runner.js'
import { transact } from './session.js'
import { viewMigrations, type MigrationSet } from './sets.js'

export interface PlannedLock {
  relation: string
  mode: string
}

export interface Plan {
  pending: string[]
  /** Of what is pending: applied before. */
  again: string[]
  /** Whether nothing would be left different but the record of the migrations. */
  noop: boolean
  /** Everything that would be executed in the transaction, in its order. */
  statements: string[]
  /** Locks on what is there already, as PostgreSQL held them at the end of the trial. */
  locks: PlannedLock[]
  /** What depends on the view attempt now. */
  dependants: string[]
  /** Outside the transaction. */
  indexes: string[]
  /** What building them holds, until it is done. */
  indexLocks: PlannedLock[]
  /** Why `up` would refuse to build them. */
  indexesRefused: string | null
}

interface Seen {
  oid: string
  relation: string
  definition: string | null
}

/** The relations as whoever asks sees them; those of an uncommitted transaction are seen by itself alone. */
async function relations(client: pg.Pool | pg.ClientBase, oids: readonly string[]): Promise<Map<string, Seen>> {
  const { rows } = await client.query<Seen>(
    `select c.oid::text as oid, c.oid::regclass::text as relation, case when c.relkind = 'v' then pg_get_viewdef(c.oid) end as definition from pg_class c where c.oid = any($1::oid[]) and c.relnamespace <> 'pg_toast'::regnamespace`,
    [oids],
  )
  return new Map(rows.map((row) => [row.oid, row]))
}

/** Changes nothing, and waits for a lock no longer than one try of `up`. @throws what `up` would throw */
export async function planUp(
  pool: pg.Pool,
  set: MigrationSet = viewMigrations,
  { replace = false, again = false, checkMs = 30_000 }: MigrateOptions = {},
): Promise<Plan> {
  const found = await readLedger(pool, set)
  const state = toApply(found, again)
  const {
    rows: [view],
  } = await pool.query<{ oid: string | null }>(`select to_regclass('attempt')::oid::text as oid`)
  const client = await pool.connect()
  let dependants: string[] = []
  try {
    if (view !== undefined && view.oid !== null) {
      const views = await dependantsOf(client, [view.oid])
      // the anomalies and the like are the lock's own and read other helpers, not the view
      dependants = [...views.map(({ described }) => described), ...(await unmovable(client, view.oid, views))]
    }
  } finally {
    client.release()
  }
  const indexes =
    set.contract === undefined
      ? []
      : Object.entries(await indexStates(pool))
          .filter(([, found]) => found !== 'ready')
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
  const trial = await transact(pool, { waitMs: 0, say: () => undefined, trial: true }, async (session) => {
    continuable(set, found)
    await apply(session, set, state, { replace, checkMs })
    const { rows: held } = await session.client.query<PlannedLock & { oid: string }>(
      `select relation::text as oid, mode from pg_locks
      where pid = pg_backend_pid() and locktype = 'relation' and granted and relation >= 16384 order by array_position($1, mode), relation`,
      [Object.keys(means).reverse()],
    )
    return {
      held,
      inside: await relations(
        session.client,
        held.map(({ oid }) => oid),
      ),
      statements: session.statements,
    }
  })
  // asked when it is rolled back: to read a definition is to wait for whoever replaces it
  const outside = await relations(
    pool,
    trial.held.map(({ oid }) => oid),
  )
  const ledger = [set.table, `${set.table}_hash`, `${set.table}_pkey`, `${set.table}_hash_pkey`]
  // the strongest of each: the others are in it
  const strongest = new Map(
    trial.held.map((one) => [one.oid, one]).reverse() as [string, (typeof trial.held)[number]][],
  )
  const locks = [...strongest.values()].reverse().flatMap(({ oid, mode }) => {
    const relation = outside.get(oid)?.relation
    return relation === undefined || ledger.includes(relation)
      ? []
      : [{ relation, mode, definition: outside.get(oid)?.definition }]
  })
  const made = [...trial.inside].some(([oid, { relation }]) => !outside.has(oid) && !ledger.includes(relation))
  const changed = [...outside].some(([oid, { definition }]) => trial.inside.get(oid)?.definition !== definition)
  const tables = locks.some(({ mode, definition }) => mode !== 'AccessShareLock' && definition === null)
  return {
    ...nothing,
    pending: state.pending,
    again: state.pending.filter((name) => !found.pending.includes(name)),
    noop: !made && !changed && !tables,
    statements: trial.statements.map((statement) => `${statement};`),
    locks: locks.map(({ relation, mode }) => ({ relation, mode })),
  }
}

/** What each lock means to others, the weakest first. */
const means: Record<string, string> = {
  AccessShareLock: "in nobody's way",
  RowShareLock: 'readers and writers go on',
  RowExclusiveLock: 'readers and writers go on',
  ShareUpdateExclusiveLock: 'readers and writers go on',
  ShareLock: 'writers wait until the commit, readers do not',
  ShareRowExclusiveLock: 'writers wait until the commit, readers do not',
  ExclusiveLock: 'writers wait until the commit, readers do not',
  AccessExclusiveLock: 'readers and writers wait until the commit',
}

/** The plan as sentences and SQL, for a terminal. */
export function describePlan(plan: Plan): string {
  const lines =
    plan.pending.length === 0
      ? ['Nothing to apply: every migration is there.']
      : [
          `${plan.again.length > 0 ? 'To apply again' : 'Pending'}: ${plan.pending.join(', ')}.`,
          plan.noop
            ? 'The views are as the migrations make them: only the record would be made.'
            : 'The trial passed the contract check and was rolled back.',
          '',
          '-- in one transaction',
          '',
          plan.statements.join('\n\n'),
          '',
          'Locks on what is there already, from the trial:',
          ...(plan.locks.length === 0
            ? ['  none']
            : plan.locks.map(({ relation, mode }) =>
                `  ${relation.padEnd(28)} ${mode.padEnd(25)} ${means[mode] ?? ''}`.trimEnd(),
              )),
          'Each try waits at most 2 s for locks, all together, and then lets others go first.',
        ]
  lines.push(
    plan.dependants.length === 0
      ? 'Nothing depends on a view attempt.'
      : `Depending on the view attempt: ${plan.dependants.join(', ')}.`,
  )
  if (plan.indexes.length > 0)
    lines.push(
      '',
      '-- outside a transaction; decline with --no-indexes',
      ...plan.indexes,
      ...plan.indexLocks.map(
        ({ relation, mode }) =>
          `-- ${relation}: ${mode}, ${means[mode]}; each build waits until transactions that began before it have ended`,
      ),
    )
  if (plan.indexesRefused !== null) lines.push(`-- migrate up would be refused: ${plan.indexesRefused}`)
  return lines.join('\n')
}
