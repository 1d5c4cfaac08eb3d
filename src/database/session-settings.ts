/**
 * The settings that sessions of this service and of its commands depend on. Startup parameters have precedence over
 * settings of the database and of the role, so nothing that an operator sets there changes an answer or ends a session.
 * Left to the operator: search_path, memory, planner costs and what is logged.
 */
import type pg from 'pg'
import { queryWithin } from './pg-internals.js'

/** Answers depend on these, so they are checked on each connection: a pooler may drop startup parameters silently. */
const answerSettings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  timezone_abbreviations: 'Default',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  array_nulls: 'on',
  quote_all_identifiers: 'off',
  // as by default: policies on exam_results filter rows, which the contract check reports
  row_security: 'on',
  default_transaction_deferrable: 'off',
  plan_cache_mode: 'auto',
  exit_on_error: 'off',
  jit: 'off',
  // the planner estimates a Gather over a set-returning function as cheaper than it is, and then scans the whole table
  max_parallel_workers_per_gather: '0',
} as const

/** Limits of this process replace those of the server: a slow reader is idle in a transaction, and so is a stream. */
const limits = {
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
} as const

const connection = {
  tcp_user_timeout: '0',
  // a session ends within 25 s after the network to its client has failed, and releases its locks and its snapshot
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
} as const

/** The startup parameter `options`. */
export const sessionOptions = (readOnly: boolean, more: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    ...answerSettings,
    ...limits,
    ...connection,
    default_transaction_read_only: readOnly ? 'on' : 'off',
    ...more,
  })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')

/**
 * Appends our options to those of the URL (for example a search_path), because the driver would use only the latter. If
 * a setting occurs twice, PostgreSQL uses the last value.
 */
export const withOptions = (url: string, ours: string): string =>
  url.replace(/[?&]options=[^&#]*/g, (theirs) => `${theirs}%20${ours.replaceAll(' ', '%20')}`)

/**
 * Set on the open connection, where they differ: some servers do not know the first two, the third has a space, and a
 * pooler in session mode may have dropped the limits.
 */
const afterwards = {
  transaction_timeout: '0',
  restrict_nonsystem_relation_kind: '',
  default_transaction_isolation: 'read committed',
  ...limits,
}

/** Sets what cannot be a startup parameter. */
export async function finishSettings(client: pg.ClientBase, answerMs: number): Promise<void> {
  await queryWithin(
    client,
    answerMs,
    // on a search_path that may not be checked yet
    `select pg_catalog.set_config(name, value, false)
    from unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) as wanted (name, value)
    where pg_catalog.current_setting(name, true) operator(pg_catalog.<>) value`,
    [Object.keys(afterwards), Object.values(afterwards)],
  )
}

/**
 * Checks the settings, once per connection. A pooler may drop them without an error; timestamps of answers would then
 * be in the server's time zone.
 * @throws Error that `whyUnreachable` recognizes, with the settings that differ
 */
export async function checkSettings(client: pg.ClientBase, readOnly: boolean, answerMs: number): Promise<void> {
  await finishSettings(client, answerMs)
  const wanted = { ...answerSettings, default_transaction_read_only: readOnly ? 'on' : 'off' }
  const { rows } = await queryWithin<{ lost: string[] }>(
    client,
    answerMs,
    `select array(
      select name || ' = ' || value
      from unnest($1::text[], $2::text[]) as wanted (name, value)
      where case name
        when 'DateStyle' then current_setting(name) not like 'ISO%'
        when 'extra_float_digits' then current_setting(name)::int < 1
        else current_setting(name) <> value
      end
    ) as lost`,
    [Object.keys(wanted), Object.values(wanted)],
  )
  const lost = rows[0]?.lost ?? []
  if (lost.length === 0) return
  throw Object.assign(
    new Error(
      `a startup parameter was lost (${lost.join(', ')}): a pooler in front of the database does not pass on ` +
        'the settings of the session (docs/poolers.md)',
    ),
    { code: '08P01' },
  )
}
