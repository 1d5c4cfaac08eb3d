/**
 * The hash of a migration covers what it does: every statement that its `up` sends to a simulated new database, queries
 * included. Compilation, comments and formatting of the file do not change it.
 */
import { createHash } from 'node:crypto'
import { kyselyOn } from './session.js'
import type { MigrationSet } from './migration-sets.js'

const examResultsColumns = [
  ['id', 'uuid'],
  ['session_id', 'text'],
  ['user_id', 'text'],
  ['result_json', 'jsonb'],
  ['created_at', 'timestamp with time zone'],
  ['updated_at', 'timestamp with time zone'],
].map(([name, type]) => ({ name, type, kind: 'r' }))

/** The simulated answers to the queries of the migrations. A migration with another query adds its answer here. */
function simulatedRows(sql: string, values: readonly unknown[]): object[] {
  if (sql.includes('pg_encoding_to_char')) return [{ encoding: 'UTF8' }]
  if (sql.includes('format_type')) return values[0] === 'exam_results' ? examResultsColumns : []
  if (sql.includes('as partitioned'))
    return [{ schema: 'public', source: 'exam_results', view: 'attempt', partitioned: false }]
  if (sql.includes('tgrelid')) return [{ relation: 'exam_results' }]
  if (sql.includes('as schema')) return [{ schema: 'public' }]
  return []
}

/** The hash of each migration of a set by its name: SHA-256, hexadecimal. */
export async function hashesOf(set: MigrationSet): Promise<Map<string, string>> {
  const hashes = new Map<string, string>()
  for (const [name, migration] of Object.entries(set.migrations)) {
    const hash = createHash('sha256')
    await migration.up(
      kyselyOn((sql, values = []) => {
        hash.update(`${JSON.stringify([sql, values])}\n`)
        const rows = simulatedRows(sql, values)
        return Promise.resolve({ command: 'SELECT', rowCount: rows.length, rows })
      }),
    )
    hashes.set(name, hash.digest('hex'))
  }
  return hashes
}
