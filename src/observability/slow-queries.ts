/**
 * Statements that take long, in the log with the outline of their plan. No value is ever told: a statement's text holds
 * none, and what is explained is its generic plan, made without them (the plan with the values may have been another).
 */
import type pg from 'pg'
import type { Config } from '../config.js'
import { createPool, type ServerName } from '../database/pool.js'
import type { QueryTarget } from '../database/query-meter.js'
import type { Statement } from '../database/statement.js'

export interface SlowLog {
  warn(object: object, message: string): void
}

export interface SlowQueries {
  /** Tells of a statement that took `ms`, if that is long; its plan follows in the background. @returns whether it is long */
  statementEnd(log: SlowLog, from: QueryTarget, statement: Statement, ms: number, rows: number, error: unknown): boolean
  close(): Promise<void>
}

/** A statement is explained no more than once in so long; in between its line says `plan: null`. */
const explainEveryMs = 60_000
/** Planning is quick; a server that is not asked in vain has other things to do. */
const explainMs = 2_000
/** How many statements are remembered; those with a free choice of columns could be many. */
const mostRemembered = 1_000

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Function Name'?: string
  'CTE Name'?: string
  'Plan Rows': number
  Plans?: PlanNode[]
}

/** Node types, relations, indexes and estimated rows; no conditions. `Limit 10 (Index Scan attempt_student_idx on exam_results 12)` */
export function outline(node: PlanNode): string {
  const relation = node['Relation Name'] ?? node['Function Name'] ?? node['CTE Name']
  const what = [
    node['Node Type'],
    node['Index Name'],
    relation !== undefined && node['Index Name'] !== undefined ? `on ${relation}` : relation,
    node['Plan Rows'],
  ]
  const below = node.Plans === undefined ? '' : ` (${node.Plans.map(outline).join(', ')})`
  return what.filter((part) => part !== undefined).join(' ') + below
}

/** The generic plan of a statement, on every supported server. */
async function explain(client: pg.PoolClient, { text, values }: Statement): Promise<string | null> {
  try {
    await client.query('set plan_cache_mode = force_generic_plan')
    await client.query(`prepare attempt_explained as ${text}`)
    // of a generic plan the values decide nothing
    const {
      rows: [row],
    } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `explain (format json) execute attempt_explained${values.length === 0 ? '' : `(${values.map(() => 'null').join(', ')})`}`,
    )
    const plan = row?.['QUERY PLAN'][0]?.Plan
    return plan === undefined ? null : outline(plan)
  } finally {
    await client.query('deallocate all').catch(() => undefined)
  }
}

export function createSlowQueries(
  config: Pick<Config, 'slowQueryMs'>,
  url: string,
  storeUrl = url,
  standbyUrls: readonly string[] = [],
): SlowQueries {
  // pools connect when they are first used: most never do
  const open = (where: string) =>
    createPool({ statementTimeoutMs: explainMs }, where, {
      max: 1,
      name: 'attempt-api explain',
      connectMs: explainMs,
      queryMs: explainMs,
    })
  const pools = new Map<ServerName, pg.Pool>([['primary', open(url)]])
  if (storeUrl !== url) pools.set('store', open(storeUrl))
  standbyUrls.forEach((standby, index) => pools.set(`standby ${index + 1}`, open(standby)))
  const explained = new Map<string, number>()
  const explaining = new Set<Promise<void>>()
  let closed = false

  /** Whether it is this statement's turn. */
  function due(key: string): boolean {
    const now = Date.now()
    if (now - (explained.get(key) ?? 0) < explainEveryMs) return false
    if (explained.size >= mostRemembered) explained.clear()
    explained.set(key, now)
    return true
  }

  async function plan(from: QueryTarget, statement: Statement): Promise<string | null> {
    const client = await (pools.get(from.server) as pg.Pool).connect()
    let broken: Error | undefined
    try {
      return await explain(client, statement)
    } catch (error) {
      broken = error as Error
      throw error
    } finally {
      client.release(broken)
    }
  }

  return {
    statementEnd(log, from, statement, ms, rows, error) {
      if (ms < config.slowQueryMs || closed) return false
      const { name } = statement
      const told = {
        statement: name,
        ms: Math.round(ms),
        rows,
        server: from.server,
        source: from.store ? 'store' : 'view',
        ...(error === undefined ? {} : { sqlstate: (error as { code?: unknown }).code ?? null }),
      }
      const tell = (found: string | null) => {
        log.warn({ ...told, plan: found }, 'slow query')
      }
      if (!due(`${from.server} ${name}`)) {
        tell(null)
        return true
      }
      const work: Promise<void> = plan(from, statement)
        .catch(() => null)
        .then(tell)
        .finally(() => {
          explaining.delete(work)
        })
      explaining.add(work)
      return true
    },
    async close() {
      closed = true
      await Promise.all(explaining)
      await Promise.all([...pools.values()].map((pool) => pool.end()))
    },
  }
}
