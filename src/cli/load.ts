import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { loadExamResults } from '../development/load.js'
import { createExamResults } from '../development/exam-results.js'
import { defineCommand, UsageError } from './command.js'
import { withPool } from './database.js'
import { createProgress } from './progress.js'

/**
 * The lines of a file, read on demand: readline drops lines that come before a listener.
 * @throws Error if the file cannot be read or unpacked to its end
 */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const unpacked = file.endsWith('.gz') ? source.pipe(createGunzip()) : source
  // pipe() does not forward errors
  source.on('error', (error) => {
    unpacked.destroy(error)
  })
  let rest = ''
  for await (const text of unpacked.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield line
  }
  if (rest !== '') yield rest
}

export const load = defineCommand({
  examples: [
    ['attempt-api load exams.ndjson', 'load into the embedded PostgreSQL in .data'],
    ['attempt-api load exams.ndjson.gz', 'the same from a compressed file'],
  ],
  description: `
    Each line of FILE is one row of exam_results as a JSON object. Loads every line or none; skips sessions that exist
    already. Creates the table exam_results if it is missing, in the embedded database only.`,
  operand: 'FILE.ndjson[.gz]',
  options: {},
  exits: { 0: 'loaded', 1: 'failed; nothing was loaded', 2: 'the file cannot be read' },
  async run(_options, { operand: file = '', config }) {
    await access(file).catch((error: unknown) => {
      throw new UsageError(`cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
    })
    const settings = config()
    return withPool(settings, async (pool) => {
      if (settings.databaseUrl === undefined) await pool.query(createExamResults)
      const progress = createProgress(process.stderr)
      const { read, inserted } = await loadExamResults(pool, linesOf(file), (rows) => {
        if (process.stderr.isTTY) progress.update(`Loading ${file}: ${rows} rows`)
      })
      progress.end()
      console.log(`${read} rows read, ${inserted} inserted, ${read - inserted} existed already.`)
      return 0
    })
  },
})
