/** Runs the contract check on connections of its own: concurrent callers share one run, and the last result is kept. */
import type pg from 'pg'
import { checkContract } from './contract/check.js'
import { contractVersion } from './contract/columns.js'
import { found, type ContractReport } from './contract/report.js'
import type { Config } from './config.js'
import { createPool } from './database/reader.js'
import { lock } from './database/migrator.js'
import { databaseErrorCode } from './errors.js'

export interface Readiness {
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
  readiness(): Promise<Readiness>
  close(): Promise<void>
}

const notChecked = (detail: string): ContractReport => ({
  status: 'error', contract: contractVersion, migration: null, server_version: 'unknown',
  checks: [found('connection', 'error', 'an answer of the database', null, detail)],
})

export function createContractMonitor(config: Pick<Config, 'contractTimeoutMs' | 'contractIntervalS'>, url: string): ContractMonitor {
  const pool = createPool({ statementTimeoutMs: config.contractTimeoutMs }, url, { max: 2, name: 'attempt-api contract', connectMs: Math.min(config.contractTimeoutMs, 5_000) })
  let running: Promise<ContractReport> | undefined
  let last: { report: ContractReport; at: Date } | undefined
  let closed = false

  /**
   * Runs on one connection for at most so long. A connection that is late is dropped, never returned in an unknown
   * state: it would keep its place in the pool until the network gave it up.
   */
  async function connected<T>(ms: number, action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const over = new AbortController()
    const timer = setTimeout(() => { over.abort(Object.assign(new Error(`no answer within ${ms} ms`), { code: '57014' })) }, ms)
    const work = pool.connect().then(async (client) => {
      let held = true
      const release = (failure?: Error) => {
        if (held) client.release(failure)
        held = false
      }
      over.signal.addEventListener('abort', () => { release(over.signal.reason as Error) })
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
    const late = new Promise<never>((_done, fail) => { over.signal.addEventListener('abort', () => { fail(over.signal.reason as Error) }) })
    return Promise.race([work, late]).finally(() => { clearTimeout(timer) })
  }

  async function run(): Promise<ContractReport> {
    const end = Date.now() + config.contractTimeoutMs
    // a tenth is kept for the way back, so that what was found by then is reported
    const report = await connected(config.contractTimeoutMs, (client) =>
      checkContract(client, { timeoutMs: end - Date.now() - config.contractTimeoutMs / 10 }),
    ).catch((error: unknown) => notChecked(databaseErrorCode(error) === 'timeout'
      ? 'no answer within CONTRACT_TIMEOUT_MS; try again'
      : 'the database cannot be reached or refused the check; try again'))
    last = { report, at: new Date() }
    return report
  }

  const check = (): Promise<ContractReport> => (running ??= run().finally(() => { running = undefined }))
  const timer = setInterval(() => { if (!closed) void check() }, config.contractIntervalS * 1000)
  timer.unref()

  return {
    check,
    async readiness() {
      const state = await connected(Math.min(config.contractTimeoutMs, 3_000), async (client) => {
        // to_regclass first: a role that may only read the views asks too
        const { rows: [row] } = await client.query<{ view: boolean; table: boolean }>(
          `select to_regclass('attempt') is not null as view, coalesce(has_table_privilege(to_regclass('kysely_migration'), 'select'), false) as table`)
        const applied = row?.table === true ? (await client.query<{ name: string }>('select name from kysely_migration order by name')).rows.map(({ name }) => name) : null
        return { view: row?.view === true, applied }
      }).catch(() => undefined)
      const contract = { status: last?.report.status ?? 'unknown' as const, checked_at: last?.at.toISOString() ?? null }
      if (state === undefined) return { ready: false, reason: 'the database cannot be reached', database: 'unreachable', migrations: null, contract }
      // a first or a bad result may be over by now: look again, soon but not at every probe
      if (last === undefined || (last.report.status !== 'pass' && Date.now() - last.at.getTime() > 2_000)) {
        const report = await check()
        contract.status = report.status
        contract.checked_at = last?.at.toISOString() ?? null
      }
      const pending = state.applied === null ? [] : Object.keys(lock.migrations).filter((name) => !state.applied?.includes(name))
      const reason = !state.view ? 'the view attempt is not there: run attempt-api migrate up'
        : pending.length > 0 ? `migrations are pending: ${pending.join(', ')}`
          : contract.status === 'fail' ? 'the deployed view contradicts the lock: see /schema-contract'
            : contract.status !== 'pass' ? 'the lock could not be checked: see /schema-contract' : ''
      return { ready: reason === '', reason, database: 'reachable', migrations: state.applied === null ? null : { applied: state.applied, pending }, contract }
    },
    async close() {
      closed = true
      clearInterval(timer)
      await running
      await pool.end()
    },
  }
}
