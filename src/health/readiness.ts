/** Reports whether the service can answer requests: database, migrations, privileges and the last contract check. */
import type pg from 'pg'
import { attemptV1 } from '../contract/attempt-v1.js'
import type { ContractReport } from '../contract/report.js'
import type { Config } from '../config.js'
import { describeCreator, readCreators, type Creator } from '../contract/creators.js'
import { atMost } from '../database/at-most.js'
import type { OutageOf } from '../database/pool.js'
import { quoteIdentifier, refusalOf } from '../database/refusals.js'
import { locate } from '../database/owners.js'
import { leavePath } from '../database/trust.js'
import { whyUnreachable } from '../errors.js'
import { readFormerLedger } from '../migrate/former-ledger.js'
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

export interface ReadinessLog {
  info(object: object, message: string): void
  warn(object: object, message: string): void
}

export interface Readiness {
  /** Begins to read the state of the database in the background, and logs each change of the reason. */
  start(log: ReadinessLog): void
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
  role: string
  /** Whether the search_path leads to exam_results, the path, and the schemas that have a table of this name. */
  source: { found: boolean; path: string; schemas: string[] }
  viewExists: boolean
  /** Why a view may not be used, although it exists: who owns it. */
  untrusted: string | undefined
  /** The views in `attemptV1.readViews` that the database role may not read. */
  unreadable: string[]
  applied: string[] | null
  pending: string[]
  /** Roles that could create what the service would take for its own; read once, for the log. */
  creators: Creator[]
}

/** Runs nothing of the search_path: no function, operator or view of a role that is not trusted. */
async function readDatabaseState(client: pg.PoolClient, withCreators: boolean): Promise<DatabaseState> {
  await client.query('begin read only')
  try {
    return await readOutsideOfPath(client, withCreators)
  } finally {
    await client.query('rollback')
  }
}

async function readOutsideOfPath(client: pg.PoolClient, withCreators: boolean): Promise<DatabaseState> {
  const { path, setting } = await leavePath(client, true)
  const located = await locate(client, path, true)
  const found = new Map(located.filter(({ reason }) => reason === null).map(({ name, relation }) => [name, relation]))
  const { readViews, view } = attemptV1
  const ledger = found.get(viewMigrations.table)
  const { rows } = await client.query<{
    /** null if it does not exist */
    table: boolean | null
    readable: string[]
    role: string
    source: boolean
    schemas: string[]
  }>(
    // to_regclass instead of a cast: it does not fail if a relation is missing or the role may not read it
    `select
       has_table_privilege(to_regclass($3::text), 'select') as table,
       array(
         select name
         from unnest($1::text[], $2::text[]) as one (name, relation)
         where has_table_privilege(to_regclass(relation), 'select')
       ) as readable,
       current_user::text as role,
       exists (
         select from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relname = 'exam_results' and n.nspname = any($4::text[])
       ) as source,
       array(
         select n.nspname::text
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relname = 'exam_results' and c.relkind in ('r', 'p')
       ) as schemas`,
    [readViews, readViews.map((name) => found.get(name) ?? null), ledger ?? null, path],
  )
  const { table = null, readable = [], role = '', source = false, schemas = [] } = rows[0] ?? {}
  const state = {
    viewExists: located.some(({ name }) => name === view),
    untrusted: located.find(({ name, reason }) => readViews.includes(name) && reason !== null)?.reason ?? undefined,
    unreadable: readViews.filter((name) => !readable.includes(name)),
    role,
    source: { found: source, path: setting, schemas },
    creators: withCreators ? await readCreators(client, path, view) : [],
  }
  const records =
    ledger === undefined || table === null
      ? (await readFormerLedger(client, viewMigrations, path))?.records
      : table
        ? (await client.query<{ name: string }>(`select name from ${ledger} order by name`)).rows
        : undefined
  if (records === undefined) return { ...state, applied: null, pending: [] }
  const applied = records.map(({ name }) => name)
  const pending = Object.keys(viewMigrations.migrations).filter((name) => !applied.includes(name))
  return { ...state, applied, pending }
}

/** Why the service is not ready; empty if it is. */
function reasonOf(
  { viewExists, untrusted, unreadable, applied, pending }: DatabaseState,
  contract: ServiceReadiness['contract']['status'],
): string {
  if (!viewExists) {
    const option = applied === null ? ' (with --again where it existed before)' : pending.length === 0 ? ' --again' : ''
    return `the view attempt is missing: run attempt-api migrate up${option}`
  }
  if (untrusted !== undefined)
    return 'a view belongs to a role that is not trusted; the log of the service names both (docs/access.md, roles)'
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

/** For the log: the same reason, with the role and the statement or the setting that mends it. */
function reasonForLog(state: DatabaseState, contract: ServiceReadiness['contract']['status']): string {
  const { viewExists, untrusted, unreadable, role, source } = state
  if (!viewExists && !source.found)
    return source.schemas.length === 0
      ? 'the database has no table exam_results: DATABASE_URL must name the database of the exam platform'
      : `no schema of the search_path (${source.path}) has exam_results; the database has it in ` +
          `${source.schemas.join(', ')}: append ?options=-c%20search_path%3D${source.schemas[0] ?? ''} to DATABASE_URL`
  if (untrusted !== undefined)
    return `${untrusted}, and was not read: drop it, or change its owner (docs/access.md, roles)`
  const reason = reasonOf(state, contract)
  return viewExists && unreadable.length > 0 && reason.startsWith('the database role')
    ? `the role ${JSON.stringify(role)} cannot read ${unreadable.join(', ')}: run ` +
        `\`grant select on ${unreadable.join(', ')} to ${quoteIdentifier(role)};\` as their owner ` +
        '(docs/access.md, roles)'
    : reason
}

export function createReadiness(
  connections: ProbeConnections,
  contractMonitor: ContractMonitor,
  outageOf: OutageOf,
  config: Pick<Config, 'contractTimeoutMs'>,
  intervals: ReadinessIntervals = readinessIntervals,
): Readiness {
  let log: ReadinessLog | undefined
  let logged: string | undefined
  let checkedCreators = false

  function logChange(state: DatabaseState | { failure: unknown }): void {
    if ('failure' in state) {
      // the heartbeat logs an outage
      if (refusalOf(state.failure) !== undefined) log?.warn({ err: state.failure }, 'the database refuses the service')
      return
    }
    if (!checkedCreators)
      for (const { finding, remedy } of state.creators.map(describeCreator))
        log?.warn(
          {},
          `In the database, ${finding}, which the service could take for its own: run \`${remedy}\` ` +
            '(docs/access.md, roles).',
        )
    checkedCreators = true
    const contract = contractMonitor.last()?.report.status
    const reason = reasonForLog(state, contract ?? 'pass')
    // ready only after a check
    if (reason === logged || (reason === '' && contract === undefined)) return
    if (reason !== '') log?.warn({}, `The service is not ready: ${reason}.`)
    else if (logged !== undefined) log?.info({}, 'The service is ready.')
    logged = reason
  }

  const database = createCachedState<DatabaseState | { failure: unknown }>(
    async () => {
      const state = await connections
        .run(Math.min(config.contractTimeoutMs, intervals.stateMs), (client) =>
          readDatabaseState(client, !checkedCreators),
        )
        .catch((failure: unknown) => ({ failure }))
      logChange(state)
      return state
    },
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
    start(to) {
      log = to
      database.start()
    },
    async get() {
      const end = performance.now() + intervals.firstProbeMs
      const outage = outageOf('primary')
      if (outage !== undefined) return unreachable(outage.reason)
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
