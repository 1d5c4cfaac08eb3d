/** Runs the contract check on connections of its own: concurrent callers share one run, and the last result is kept. */
import type pg from 'pg'
import { checkContract } from '../contract/check.js'
import { contractVersion } from '../contract/columns.js'
import { found, type ContractReport } from '../contract/report.js'
import type { Config } from '../config.js'
import { atMost } from '../database/at-most.js'
import { createCachedState } from './kept-state.js'
import { pause } from '../database/pause.js'
import { createPool, dropConnections, type OutageOf } from '../database/pool.js'
import { createReservedPool } from '../database/reserved-pool.js'
import { viewMigrations } from '../migrate/sets.js'
import { databaseErrorCode, whyUnreachable } from '../errors.js'

export interface ServiceReadiness {
  ready: boolean
  /** In a sentence; empty where all is well. */
  reason: string
  database: 'reachable' | 'unreachable'
  migrations: { applied: string[]; pending: string[] } | null
  contract: { status: ContractReport['status'] | 'unknown'; checked_at: string | null }
}

export interface ContractMonitor {
  /** Runs the check now, or joins the run under way. Never rejects: what could not be checked is a report too. */
  check(): Promise<ContractReport>
  readiness(): Promise<ServiceReadiness>
  /** The last run, and how many milliseconds it took; undefined: there was none yet. */
  last(): { report: ContractReport; at: Date; ms: number } | undefined
  close(): Promise<void>
}

/** What answers are read from. The check reads the definition alone, and is content without a right on them. */
const readViews = ['attempt', 'attempt_anomaly', 'attempt_exam', 'attempt_response', 'attempt_numbered']
/** So long does a probe wait for a bad result to be looked at again. */
const patienceMs = 200
/** The first question is given up after so long, and the first probe is answered within so long, its contract check included. */
const [stateMs, probeMs] = [3_000, 3_500]
/** In which at most two checks begin: anybody may ask for one, and each has the server plan and run the view's definition many times. */
const twoChecksMs = 1_000

const notChecked = (detail: string): ContractReport => ({
  status: 'error',
  contract: contractVersion,
  migration: null,
  server_version: 'unknown',
  checks: [found('connection', 'error', 'an answer of the database', null, detail)],
})

export function createContractMonitor(
  config: Pick<Config, 'contractTimeoutMs' | 'contractIntervalS'>,
  url: string,
  outageOf: OutageOf = () => undefined,
): ContractMonitor {
  // of the session for the question, which is given up by then and must not stay on the server; the check sets its own
  const connections = createReservedPool(() =>
    createPool({ statementTimeoutMs: Math.min(config.contractTimeoutMs, stateMs) }, url, {
      max: 2,
      name: 'attempt-api contract',
      connectMs: Math.min(config.contractTimeoutMs, 5_000),
      reserved: true,
    }),
  )
  connections.start()
  let running: Promise<ContractReport> | undefined
  let last: { report: ContractReport; at: Date; ms: number } | undefined
  // when the last checks began
  let [beforeLast, began] = [-Infinity, -Infinity]
  const closing = new AbortController()

  /**
   * Runs on one connection for at most so long. A connection that is late is dropped, never returned in an unknown
   * state: it would keep its place in the pool until the network gave it up.
   */
  async function connected<T>(ms: number, action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const over = new AbortController()
    const timer = setTimeout(() => {
      over.abort(Object.assign(new Error(`no answer within ${ms} ms`), { code: '57014' }))
    }, ms)
    const work = connections.pool.connect().then(async (client) => {
      let held = true
      const release = (failure?: Error) => {
        if (held) client.release(failure)
        held = false
      }
      over.signal.addEventListener('abort', () => {
        release(over.signal.reason as Error)
      })
      try {
        over.signal.throwIfAborted()
        const result = await action(client)
        release()
        return result
      } catch (error) {
        release(error as Error)
        throw error
      }
    })
    const late = new Promise<never>((_done, fail) => {
      over.signal.addEventListener('abort', () => {
        fail(over.signal.reason as Error)
      })
    })
    return Promise.race([work, late]).finally(() => {
      clearTimeout(timer)
    })
  }

  async function run(): Promise<ContractReport> {
    const early = beforeLast + twoChecksMs - performance.now()
    if (early > 0) await pause(early, closing.signal)
    beforeLast = began
    began = performance.now()
    const end = Date.now() + config.contractTimeoutMs
    // a tenth is kept for the way back, so that what was found by then is reported
    const report = await connected(config.contractTimeoutMs, (client) =>
      checkContract(client, { timeoutMs: end - Date.now() - config.contractTimeoutMs / 10 }),
    ).catch((error: unknown) =>
      notChecked(
        databaseErrorCode(error) === 'timeout'
          ? 'no answer within CONTRACT_TIMEOUT_MS; try again'
          : `${whyUnreachable(error)}, or it refused the check; try again`,
      ),
    )
    last = { report, at: new Date(), ms: performance.now() - began }
    return report
  }

  const migrations = createCachedState(
    () =>
      connected(Math.min(config.contractTimeoutMs, stateMs), async (client) => {
        // to_regclass first: a role that may only read the views asks too
        const {
          rows: [row],
        } = await client.query<{ view: boolean; table: boolean; unread: string[] }>(
          `select to_regclass('attempt') is not null as view, coalesce(has_table_privilege(to_regclass('kysely_migration'), 'select'), false) as table,
        array(select name from unnest($1::text[]) as name where has_table_privilege(to_regclass(name), 'select') is not true) as unread`,
          [readViews],
        )
        const applied =
          row?.table === true
            ? (await client.query<{ name: string }>('select name from kysely_migration order by name')).rows.map(
                ({ name }) => name,
              )
            : null
        return {
          view: row?.view === true,
          unread: row?.unread ?? [],
          applied,
          pending:
            applied === null ? [] : Object.keys(viewMigrations.migrations).filter((name) => !applied.includes(name)),
        }
      }).catch((failure: unknown) => ({ failure })),
    (state) => !('failure' in state) && state.view && state.unread.length === 0 && state.pending.length === 0,
  )

  const check = (): Promise<ContractReport> =>
    (running ??= run().finally(() => {
      running = undefined
    }))
  const timer = setInterval(() => {
    void check()
  }, config.contractIntervalS * 1000)
  timer.unref()

  return {
    check,
    last: () => last,
    async readiness() {
      const end = performance.now() + probeMs
      const contract = {
        status: last?.report.status ?? ('unknown' as const),
        checked_at: last?.at.toISOString() ?? null,
      }
      const unreachable = (reason: string) => ({
        ready: false,
        reason,
        database: 'unreachable' as const,
        migrations: null,
        contract,
      })
      const down = outageOf('primary')
      if (down !== undefined) return unreachable(down)
      const state = await migrations.get()
      if ('failure' in state) return unreachable(whyUnreachable(state.failure))
      // a first or a bad result may be over by now: look again, soon but not at every probe
      if (
        last === undefined ||
        (last.report.status !== 'pass' &&
          Date.now() - last.at.getTime() > (last.report.status === 'error' ? 500 : 2_000))
      ) {
        await atMost(check(), last === undefined ? end - performance.now() : patienceMs)
        contract.status = last?.report.status ?? 'unknown'
        contract.checked_at = last?.at.toISOString() ?? null
      }
      const reason = !state.view
        ? `the view attempt is not there: run attempt-api migrate up${state.applied === null ? ', with --again where it was there before' : state.pending.length === 0 ? ' --again' : ''}`
        : state.pending.length > 0
          ? `migrations are pending: ${state.pending.join(', ')}`
          : contract.status === 'fail'
            ? 'the deployed view contradicts the lock: see /schema-contract'
            : state.unread.length > 0
              ? `the role of the service cannot read ${state.unread.join(', ')}: grant select (docs/access.md), or, where they are gone, attempt-api migrate up --again`
              : contract.status === 'unknown'
                ? 'the lock was not checked yet'
                : contract.status !== 'pass'
                  ? 'the lock could not be checked: see /schema-contract'
                  : ''
      return {
        ready: reason === '',
        reason,
        database: 'reachable',
        migrations: state.applied === null ? null : { applied: state.applied, pending: state.pending },
        contract,
      }
    },
    async close() {
      closing.abort()
      clearInterval(timer)
      // what a check waits for may never come
      dropConnections(connections.pool)
      await Promise.all([running, migrations.close()])
      await connections.close()
    },
  }
}
