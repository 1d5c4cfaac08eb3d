import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { loadExamResults } from '../development/load.js'
import { createExamResults } from '../development/exam-results.js'
import { parse, UsageError, withPool, type Command } from './command.js'

/**
 * The lines of a file, read when they are asked for: readline gives its lines to nobody while nobody listens yet.
 * @throws where the file cannot be read or unpacked to its end
 */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file)
  const unpacked = file.endsWith('.gz') ? source.pipe(createGunzip()) : source
  // a pipe passes on no errors
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

export const load: Command = {
  summary: 'exam results from a file into an embedded or test database',
  help: `attempt-api load FILE.ndjson[.gz]

Each line is one row of exam_results as JSON. All of them are loaded or none; a session that is there already is
skipped. Makes the table where it is missing in the embedded database only.`,
  async run(args, config) {
    const {
      positionals: [file, ...rest],
    } = parse(args, {})
    if (file === undefined || rest.length > 0) throw new UsageError('load takes one file')
    await access(file).catch(() => {
      throw new UsageError(`${file} cannot be read`)
    })
    const settings = config()
    return withPool(settings, async (pool) => {
      if (settings.databaseUrl === undefined) await pool.query(createExamResults)
      const progress = (read: number) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${read} rows`)
      }
      const { read, inserted } = await loadExamResults(pool, linesOf(file), progress)
      console.log(`${read} rows read, ${inserted} inserted, ${read - inserted} were there already.`)
      return 0
    })
  },
}
