/** Which sessions block a runner, in sentences that contain no value of a statement. */
import type pg from 'pg'
import { isOneOf, tokenize } from '../contract/tokens.js'

export interface Blocker {
  /** 0: a prepared transaction. */
  pid: number
  application: string | null
  role: string | null
  since: Date | null
  state: string | null
  query: string | null
}

/**
 * A statement without its strings, numbers and comments, which may be data of a student.
 * @param most characters; a longer text, or one that cannot be read to its end, ends in ` ...`
 */
export function withoutValues(statement: string, most = 160): string {
  // if backslashes escape quotes, a string may end later than its token
  if (statement.includes("\\'")) return `${/^\s*\w*/.exec(statement)?.[0].trim()} ...`
  const tokens = tokenize(statement)
  let text = ''
  let end = 0
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1]
    // a quote, a tag or a comment that the end of the text cuts off
    if (
      token.kind === 'symbol' &&
      (token.text === "'" ||
        token.text === '"' ||
        (token.text === '$' && next?.kind !== 'number') ||
        (token.text === '/' && isOneOf(next, '*')))
    ) {
      text += ' ...'
      break
    }
    if (token.start > end) text += ' '
    text += token.kind === 'string' || token.kind === 'number' ? '?' : statement.slice(token.start, token.end)
    end = token.end
  }
  return text.length > most ? `${text.slice(0, most).trimEnd()} ...` : text.trim()
}

/** The sessions that hold what the session `pid` waits for, or wait for it in front of `pid`. */
async function blockersOf(pool: pg.Pool, pid: number): Promise<Blocker[]> {
  const { rows } = await pool.query<Blocker>(
    `
    select distinct b.pid, nullif(a.application_name, '') as application, a.usename::text as role,
      coalesce(a.xact_start, a.backend_start) as since, a.state, a.query
    from unnest(pg_blocking_pids($1)) as b (pid)
    left join pg_stat_activity a on a.pid = b.pid`,
    [pid],
  )
  return rows
}

/**
 * Queries twice per second, in another session, which sessions block the session `pid`. After a lock timeout PostgreSQL
 * no longer has this information.
 */
export function watchBlockers(pool: pg.Pool, pid: number): { latest(): Blocker[]; stop(): void } {
  let latest: Blocker[] = []
  let stopped = false
  let timer: NodeJS.Timeout
  const poll = async () => {
    const blockers = await blockersOf(pool, pid).catch(() => [])
    if (stopped) return
    if (blockers.length > 0) latest = blockers
    timer = setTimeout(() => {
      void poll()
    }, 500)
  }
  timer = setTimeout(() => {
    void poll()
  }, 200)
  return {
    latest: () => latest,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function describeBlocker({ pid, application, role, since, state, query }: Blocker): string {
  if (pid === 0) return 'a prepared transaction (see pg_prepared_xacts; commit it or roll it back)'
  const name = application === null ? 'no application_name' : `application_name ${application}`
  const session = `pid ${pid} (${name}, role ${role ?? 'unknown'})`
  const transaction = since === null ? 'in a transaction' : `in a transaction since ${since.toISOString()}`
  if (query === null || query === '' || query === '<insufficient privilege>')
    return `${session}, ${transaction}; only members of pg_read_all_stats can see its statement`
  const statement = withoutValues(query)
  return state === 'active'
    ? `${session}, ${transaction}, running: ${statement}`
    : `${session}, ${transaction}, ${state ?? 'in an unknown state'}, last statement: ${statement}`
}

/** Sentences: which sessions block, and what to do about them. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'The session that held it ended before it was identified. Retry.'
  const listed = blockers.slice(0, 3).map(describeBlocker).join('; ')
  const more = blockers.length > 3 ? `; and ${blockers.length - 3} more` : ''
  const first = blockers.find(({ pid }) => pid !== 0)
  const terminate = first === undefined ? '' : `, or end it with select pg_terminate_backend(${first.pid})`
  return `Blocked by ${listed}${more}. Wait until it ends${terminate}, and retry; --wait SECONDS waits longer.`
}
