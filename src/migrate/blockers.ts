/** Who holds what a runner waits for, in words that name no value of a statement. */
import type pg from 'pg'
import { isOneOf, tokenize } from '../contract/tokens.js'

export interface Blocker {
  pid: number
  application: string | null
  role: string | null
  since: Date | null
  state: string | null
  query: string | null
}

/** A statement without its strings, numbers and comments: they may be a student's. What cannot be read to its end is cut. */
export function withoutValues(statement: string, most = 160): string {
  // where backslashes escape, a string ends elsewhere than the tokens say
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

/** Those who hold, or wait before it for, what the session `pid` waits for. */
async function blockersOf(pool: pg.Pool, pid: number): Promise<Blocker[]> {
  const { rows } = await pool.query<Blocker>(
    `
    select distinct b.pid, nullif(a.application_name, '') as application, a.usename::text as role, coalesce(a.xact_start, a.backend_start) as since, a.state, a.query
    from unnest(pg_blocking_pids($1)) as b (pid) left join pg_stat_activity a on a.pid = b.pid`,
    [pid],
  )
  return rows
}

/** Looks twice a second, from another session, who blocks the session `pid`: after a timeout it cannot be told any more. */
export function watchBlockers(pool: pg.Pool, pid: number): { seen(): Blocker[]; stop(): void } {
  let seen: Blocker[] = []
  let stopped = false
  let timer: NodeJS.Timeout
  const look = async () => {
    const now = await blockersOf(pool, pid).catch(() => [])
    if (stopped) return
    if (now.length > 0) seen = now
    timer = setTimeout(() => {
      void look()
    }, 500)
  }
  timer = setTimeout(() => {
    void look()
  }, 200)
  return {
    seen: () => seen,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function inWords({ pid, application, role, since, state, query }: Blocker): string {
  if (pid === 0) return 'a prepared transaction (see pg_prepared_xacts; commit or roll it back)'
  const who = `pid ${pid} (${application === null ? 'no application_name' : `application_name ${application}`}, role ${role ?? 'unknown'})`
  const ago = since === null ? 'since an unknown time' : `since ${since.toISOString()}`
  const what =
    query === null || query === '' || query === '<insufficient privilege>'
      ? 'what it runs only members of pg_read_all_stats see'
      : `${state === 'active' ? 'running' : `${state ?? 'state unknown'}, last`}: ${withoutValues(query)}`
  return `${who}, in its transaction ${ago}, ${what}`
}

/** Sentences: who is in the way and what to do about it. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'Who held it was gone before it could be seen. Try again.'
  const first = blockers.find(({ pid }) => pid !== 0)
  return (
    `In the way: ${blockers.slice(0, 3).map(inWords).join('; ')}${blockers.length > 3 ? `; and ${blockers.length - 3} more` : ''}. ` +
    `Let it end${first === undefined ? '' : `, or end it with select pg_terminate_backend(${first.pid})`}, and run the command again; --wait SECONDS waits longer.`
  )
}
