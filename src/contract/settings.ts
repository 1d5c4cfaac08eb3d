/** The session settings that the check runs under, within its transaction. */
import type { SqlClient } from './sql-client.js'

/** The text of pg_get_viewdef and the meaning of a definition follow these. An empty path qualifies every name. */
export const plainSettings = {
  search_path: 'pg_catalog, pg_temp',
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  bytea_output: 'hex',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
}

/** For the second run: a definition that depends on the session gives other rows. */
export const otherSettings = {
  TimeZone: 'America/New_York',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
}

/** Sets these until the transaction ends. */
export async function setLocally(client: SqlClient, values: Record<string, string>): Promise<void> {
  const names = Object.keys(values)
  await client.query(
    `select ${names.map((_, at) => `pg_catalog.set_config($${at * 2 + 1}, $${at * 2 + 2}, true)`).join(', ')}`,
    names.flatMap((name) => [name, values[name] ?? '']),
  )
}
