/**
 * What a migration does, as a hash: of every statement that its `up` sends, questions included, when an imagined
 * database answers as a new one would. Not of its file: compiling, comments and formatting do not matter.
 */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { kyselyOn } from './session.js'
import type { MigrationSet } from './sets.js'

const columns = {
  exam_results: [
    ['id', 'uuid'],
    ['session_id', 'text'],
    ['user_id', 'text'],
    ['result_json', 'jsonb'],
    ['created_at', 'timestamp with time zone'],
    ['updated_at', 'timestamp with time zone'],
  ].map(([name, type]) => ({ name, type, kind: 'r' })),
  attempt: [],
}

/** What the questions of the migrations are answered with. A migration that asks something new adds it here. */
function imagined(sql: string, values: readonly unknown[]): object[] {
  if (sql.includes('pg_encoding_to_char')) return [{ encoding: 'UTF8' }]
  if (sql.includes('format_type')) return columns[values[0] as keyof typeof columns]
  if (sql.includes('as partitioned'))
    return [{ schema: 'public', source: 'exam_results', view: 'attempt', partitioned: false }]
  if (sql.includes('tgrelid')) return [{ relation: 'exam_results' }]
  if (sql.includes('as schema')) return [{ schema: 'public' }]
  return []
}

/** The hash of each migration of a set by its name: sha256, hexadecimal. */
export async function hashesOf(set: MigrationSet): Promise<Map<string, string>> {
  const hashes = new Map<string, string>()
  for (const [name, migration] of Object.entries(set.migrations)) {
    const hash = createHash('sha256')
    await migration.up(
      kyselyOn((sql, values = []) => {
        hash.update(`${JSON.stringify([sql, values])}\n`)
        const rows = imagined(sql, values)
        return Promise.resolve({ command: 'SELECT', rowCount: rows.length, rows } as unknown as pg.QueryResult)
      }),
    )
    hashes.set(name, hash.digest('hex'))
  }
  return hashes
}
