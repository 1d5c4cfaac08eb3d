import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { loadExamResults } from '../database/load.js'
import { createExamResults } from '../database/source.js'
import { parse, UsageError, withPool, type Command } from './command.js'

export const load: Command = {
  summary: 'exam results from a file into an embedded or test database',
  help: `attempt-api load FILE.ndjson[.gz]

Each line is one row of exam_results as JSON. All of them are loaded or none; a session that is there already is
skipped. Makes the table where it is missing in the embedded database only.`,
  async run(args, config) {
    const { positionals: [file, ...rest] } = parse(args, {})
    if (file === undefined || rest.length > 0) throw new UsageError('load takes one file')
    await access(file).catch(() => { throw new UsageError(`${file} cannot be read`) })
    const settings = config()
    return withPool(settings, async (pool) => {
      if (settings.databaseUrl === undefined) await pool.query(createExamResults)
      const source = createReadStream(file)
      const lines = createInterface({ input: file.endsWith('.gz') ? source.pipe(createGunzip()) : source, crlfDelay: Infinity })
      const progress = (read: number) => { if (process.stderr.isTTY) process.stderr.write(`\r${read} rows`) }
      const { read, inserted } = await loadExamResults(pool, lines, progress)
      console.log(`${read} rows read, ${inserted} inserted, ${read - inserted} were there already.`)
      return 0
    })
  },
}
