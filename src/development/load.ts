/** Loads exam results into an embedded or test database. */
import type pg from 'pg'

const columns = [
  'id',
  'session_id',
  'user_id',
  'exam_id',
  'org_id',
  'status',
  'result_json',
  'score_raw',
  'score_scaled',
  'standard_error',
  'percentile',
  'created_at',
  'updated_at',
] as const
const types: Record<(typeof columns)[number], string> = {
  id: 'uuid',
  session_id: 'text',
  user_id: 'text',
  exam_id: 'integer',
  org_id: 'integer',
  status: 'text',
  result_json: 'jsonb',
  score_raw: 'numeric',
  score_scaled: 'numeric',
  standard_error: 'numeric',
  percentile: 'numeric',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
}
const fallbacks: Partial<Record<string, string>> = {
  id: 'gen_random_uuid()',
  status: "'ready'",
  created_at: 'now()',
  updated_at: 'now()',
}

/**
 * Inserts lines of JSON, each one row of exam_results, in batches within one transaction: all of them or none.
 * PostgreSQL parses the lines, so numbers keep their spelling. Skips sessions that exist already.
 * @param progress called after each batch with the rows read so far
 * @returns rows read and rows inserted
 */
export async function loadExamResults(
  pool: pg.Pool,
  lines: AsyncIterable<string> | Iterable<string>,
  progress?: (read: number) => void,
): Promise<{ read: number; inserted: number }> {
  const client = await pool.connect()
  let [read, inserted] = [0, 0]
  const list = columns.map((column) => `coalesce(r.${column}, ${fallbacks[column] ?? 'null'})`).join(', ')
  const fields = columns.map((column) => `${column} ${types[column]}`).join(', ')
  const write = async (batch: string[]) => {
    const result = await client.query(
      `insert into exam_results (${columns.join(', ')})
       select ${list}
       from unnest($1::text[]) as line
         cross join lateral jsonb_to_record(line::jsonb) as r (${fields})
       on conflict do nothing`,
      [batch],
    )
    read += batch.length
    inserted += result.rowCount ?? 0
    progress?.(read)
  }
  try {
    await client.query('begin')
    let batch: string[] = []
    for await (const line of lines) {
      if (line.trim() === '') continue
      batch.push(line)
      if (batch.length === 500) {
        await write(batch)
        batch = []
      }
    }
    if (batch.length > 0) await write(batch)
    await client.query('commit')
    await client.query('analyze exam_results')
    return { read, inserted }
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw new Error(`Nothing was loaded; failed after row ${read}: ${(error as Error).message}`, {
      cause: error,
    })
  } finally {
    client.release()
  }
}
