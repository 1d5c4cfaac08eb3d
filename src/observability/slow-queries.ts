/**
 * Logs slow statements with the outline of their plan, and never a value: the text of a statement contains none, and
 * the logged plan is the generic plan. The slow execution may have used another plan.
 */
import type pg from 'pg'
import type { Config } from '../config.js'
import { withLocations } from '../database/locations.js'
import { createPool, createPools, endPool } from '../database/pool.js'
import type { QueryTarget } from '../database/query-meter.js'
import type { Statement } from '../database/statement.js'

export interface SlowLog {
  warn(object: object, message: string): void
}

export interface SlowQueries {
  /**
   * If a statement took SLOW_QUERY_MS or longer, reads its plan in the background and logs it.
   * @returns whether it is slow
   */
  statementEnd(log: SlowLog, from: QueryTarget, statement: Statement, ms: number, rows: number, error: unknown): boolean
  close(): Promise<void>
}

/** A statement is explained once in this time, per server; other log lines have `plan: null`. Milliseconds. */
const explainEveryMs = 60_000
/** Time limit of an explanation, milliseconds. Planning is quick: a server that needs longer is busy. */
const explainMs = 2_000
/** Maximum number of statements whose last explanation is remembered: the parameter `fields` creates many. */
const rememberedStatements = 1_000

interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Function Name'?: string
  'CTE Name'?: string
  'Plan Rows': number
  Plans?: PlanNode[]
}

/**
 * Node types, relations, indexes and estimated rows, without conditions:
 * `Limit 10 (Index Scan attempt_student_idx on exam_results 12)`
 */
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

/** The outline of a statement's generic plan; works on every supported PostgreSQL version. */
async function explain(client: pg.PoolClient, { text, values }: Statement): Promise<string | null> {
  try {
    await client.query('set plan_cache_mode = force_generic_plan')
    await client.query(`prepare attempt_explained as ${await withLocations(client, text)}`)
    // the values do not matter to a generic plan
    const parameters = values.length === 0 ? '' : `(${values.map(() => 'null').join(', ')})`
    const {
      rows: [row],
    } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `explain (format json) execute attempt_explained${parameters}`,
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
  // a pool opens its connection at the first slow statement; most never do
  const createExplainPool = (where: string) =>
    createPool({ statementTimeoutMs: explainMs }, where, {
      max: 1,
      name: 'attempt-api explain',
      pathUse: 'leave',
      connectMs: explainMs,
      queryMs: explainMs,
    })
  const pools = createPools(url, storeUrl, standbyUrls, createExplainPool)
  const explained = new Map<string, number>()
  const explaining = new Set<Promise<void>>()
  let closed = false

  /** Whether the last explanation of the statement is old enough for a new one. */
  function isDue(key: string): boolean {
    const now = Date.now()
    if (now - (explained.get(key) ?? 0) < explainEveryMs) return false
    if (explained.size >= rememberedStatements) explained.clear()
    explained.set(key, now)
    return true
  }

  async function planOf({ server }: QueryTarget, statement: Statement): Promise<string | null> {
    const client = await pools.get(server)?.connect()
    if (client === undefined) return null
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
      const source = from.store ? 'store' : 'view'
      const fields = {
        statement: name,
        ms: Math.round(ms),
        rows,
        server: from.server,
        source,
        ...(error === undefined ? {} : { sqlstate: (error as { code?: unknown }).code ?? null }),
      }
      const write = (plan: string | null) => {
        log.warn({ ...fields, plan }, `slow query: ${fields.ms} ms, ${rows} rows from the ${source} on ${from.server}`)
      }
      if (!isDue(`${from.server} ${name}`)) {
        write(null)
        return true
      }
      const work: Promise<void> = planOf(from, statement)
        .catch(() => null)
        .then(write)
        .finally(() => {
          explaining.delete(work)
        })
      explaining.add(work)
      return true
    },
    async close() {
      closed = true
      await Promise.all(explaining)
      await Promise.all([...pools.values()].map(endPool))
    },
  }
}
