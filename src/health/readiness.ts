/** Reports whether the service can answer requests: database, migrations, privileges and the last contract check. */
import type pg from 'pg'
import { attemptV1 } from '../contract/attempt-v1.js'
import type { ContractReport } from '../contract/report.js'
import type { Config } from '../config.js'
import { atMost } from '../database/at-most.js'
import type { OutageOf } from '../database/pool.js'
import { whyUnreachable } from '../errors.js'
import { viewMigrations } from '../migrate/migration-sets.js'
import { cacheIntervals, createCachedState, type CacheIntervals } from './cached-state.js'
import type { ContractMonitor } from './contract-monitor.js'
import type { ProbeConnections } from './probe-connections.js'

export interface ServiceReadiness {
  ready: boolean
  /** What is missing and how to fix it; empty if ready. */
  reason: string
  database: 'reachable' | 'unreachable'
  /** null: the database role may not read the table of migrations. */
  migrations: { applied: string[]; pending: string[] } | null
  contract: { status: ContractReport['status'] | 'unknown'; checked_at: string | null }
}

export interface Readiness {
  /** Begins to read the state of the database in the background. */
  start(): void
  /** Never rejects. */
  get(): Promise<ServiceReadiness>
  close(): Promise<void>
}

/** Milliseconds. */
export interface ReadinessIntervals extends CacheIntervals {
  /** Limit of a read of the state. */
  stateMs: number
  /** Limit of the first probe, with its contract check. */
  firstProbeMs: number
}

export const readinessIntervals: ReadinessIntervals = { ...cacheIntervals, stateMs: 3_000, firstProbeMs: 3_500 }

/** Milliseconds that a probe waits for a new check after a result that is not `pass`. */
const patienceMs = 200
/** Milliseconds until a probe starts a new check after such a result. */
const checkAgainMs = { error: 500, fail: 2_000 }

interface DatabaseState {
  viewExists: boolean
  /** The views in `attemptV1.readViews` that the database role may not read. */
  unreadable: string[]
  applied: string[] | null
  pending: string[]
}

async function readDatabaseState(client: pg.PoolClient): Promise<DatabaseState> {
  const { rows } = await client.query<{ view: boolean; table: boolean; unreadable: string[] }>(
    // to_regclass instead of a cast: it does not fail if a relation is missing or the role may not read it
    `select
       to_regclass('attempt') is not null as view,
       coalesce(has_table_privilege(to_regclass('kysely_migration'), 'select'), false) as table,
       array(
         select name
         from unnest($1::text[]) as name
         where has_table_privilege(to_regclass(name), 'select') is not true
       ) as unreadable`,
    [attemptV1.readViews],
  )
  const { view = false, table = false, unreadable = [] } = rows[0] ?? {}
  if (!table) return { viewExists: view, unreadable, applied: null, pending: [] }
  const migrations = await client.query<{ name: string }>('select name from kysely_migration order by name')
  const applied = migrations.rows.map(({ name }) => name)
  const pending = Object.keys(viewMigrations.migrations).filter((name) => !applied.includes(name))
  return { viewExists: view, unreadable, applied, pending }
}

/** Why the service is not ready; empty if it is. */
function reasonOf(
  { viewExists, unreadable, applied, pending }: DatabaseState,
  contract: ServiceReadiness['contract']['status'],
): string {
  if (!viewExists) {
    const option = applied === null ? ' (with --again where it existed before)' : pending.length === 0 ? ' --again' : ''
    return `the view attempt is missing: run attempt-api migrate up${option}`
  }
  if (pending.length > 0) return `migrations are pending: ${pending.join(', ')}; run attempt-api migrate up`
  if (contract === 'fail') return 'the deployed view violates the contract: see /schema-contract'
  if (unreadable.length > 0)
    return (
      `the database role of the service cannot read ${unreadable.join(', ')}: grant select (docs/access.md), ` +
      'or run attempt-api migrate up --again if they are missing'
    )
  if (contract === 'unknown') return 'the contract has not been checked yet: retry'
  return contract === 'pass' ? '' : 'the contract check could not run: see /schema-contract'
}

export function createReadiness(
  connections: ProbeConnections,
  contractMonitor: ContractMonitor,
  outageOf: OutageOf,
  config: Pick<Config, 'contractTimeoutMs'>,
  intervals: ReadinessIntervals = readinessIntervals,
): Readiness {
  const database = createCachedState<DatabaseState | { failure: unknown }>(
    () =>
      connections
        .run(Math.min(config.contractTimeoutMs, intervals.stateMs), readDatabaseState)
        .catch((failure: unknown) => ({ failure })),
    (state) => !('failure' in state) && state.viewExists && state.unreadable.length === 0 && state.pending.length === 0,
    { intervals },
  )

  const contractState = (): ServiceReadiness['contract'] => {
    const last = contractMonitor.last()
    return { status: last?.report.status ?? 'unknown', checked_at: last?.at.toISOString() ?? null }
  }

  /** Runs the check if there is no result yet, or if a bad result may be out of date. */
  async function refreshContract(end: number): Promise<void> {
    const last = contractMonitor.last()
    if (last === undefined) {
      await atMost(contractMonitor.check(), end - performance.now())
      return
    }
    const { status } = last.report
    if (status === 'pass' || Date.now() - last.at.getTime() <= checkAgainMs[status]) return
    await atMost(contractMonitor.check(), patienceMs)
  }

  const unreachable = (reason: string): ServiceReadiness => ({
    ready: false,
    reason,
    database: 'unreachable',
    migrations: null,
    contract: contractState(),
  })

  return {
    start: () => {
      database.start()
    },
    async get() {
      const end = performance.now() + intervals.firstProbeMs
      const outage = outageOf('primary')
      if (outage !== undefined) return unreachable(outage)
      const state = await database.get()
      if ('failure' in state) return unreachable(whyUnreachable(state.failure))
      await refreshContract(end)
      const contract = contractState()
      const reason = reasonOf(state, contract.status)
      return {
        ready: reason === '',
        reason,
        database: 'reachable',
        migrations: state.applied === null ? null : { applied: state.applied, pending: state.pending },
        contract,
      }
    },
    close: () => database.close(),
  }
}
