import pg from 'pg'
import { cohort } from '../development/cohort.js'
import { startEmbedded } from '../development/embedded.js'
import { buildIndexes } from '../migrate/indexes.js'
import { loadExamResults } from '../development/load.js'
import { migrateUp } from '../migrate/runner.js'
import { createExamResults } from '../development/exam-results.js'
import { startServer } from '../server.js'
import { enableStore } from '../store/enable.js'
import { parse, table, UsageError, type Command } from './command.js'

/** The embedded database with the table, the views, the indexes, the store and, where it is empty, a cohort. */
async function prepare(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  try {
    await pool.query(createExamResults)
    await migrateUp(pool)
    const { rows } = await pool.query('select 1 from exam_results limit 1')
    if (rows.length === 0) {
      const exams = cohort({
        exams: 2000,
        questions: 20,
        students: 200,
        items: 300,
        days: 30,
        end: new Date(),
        seed: 1,
      })
      const lines = function* () {
        for (const exam of exams) yield JSON.stringify(exam)
      }
      const { inserted } = await loadExamResults(pool, lines())
      console.log(`Loaded a synthetic cohort: ${inserted} exams of 20 questions.`)
    }
    await buildIndexes(pool, () => undefined)
    await enableStore({ primary: pool, store: pool }, () => undefined)
  } finally {
    await pool.end()
  }
}

const tour = (url: string) =>
  table([
    ['try', 'for'],
    [`${url}/docs`, 'every endpoint, to click'],
    [`${url}/v1/attempts?limit=3`, 'answered questions'],
    [`${url}/v1/attempts?user_id=student-1`, 'one student'],
    [`${url}/v1/topics/daily`, 'topic KPIs of the last days'],
    [`${url}/v1/students?limit=3`, 'students'],
    [`${url}/v1/items?limit=3`, 'items'],
    [`${url}/schema-contract`, 'does the view keep the lock?'],
    [`${url}/health`, 'is the service ready?'],
  ])

/** What a terminal and npm both send at Ctrl-C is one signal. */
const oneSignalMs = 1_000

/** Resolves at the first signal to stop. A second one, of somebody who does not want to wait, ends the process with 1. */
function signalled(): Promise<void> {
  let first: number | undefined
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        first ??= Date.now()
        // an embedded database is stopped by its own listener
        if (Date.now() - first > oneSignalMs) process.exit(1)
        stop()
      })
    }
  })
}

export const serve: Command = {
  summary: 'the service; without DATABASE_URL on an embedded PostgreSQL with sample data',
  help: `attempt-api serve

Serves DATABASE_URL. Without it (never in production) an embedded PostgreSQL is started in EMBEDDED_DIRECTORY,
migrated and given a synthetic cohort. Ctrl-C ends both: requests in flight may end within SHUTDOWN_GRACE_S. A second
Ctrl-C ends at once.`,
  async run(args, readConfig) {
    const { positionals } = parse(args, {})
    if (positionals.length > 0) throw new UsageError('serve takes no arguments')
    const config = readConfig()
    const stop = signalled()
    const embedded = config.databaseUrl === undefined ? await startEmbedded(config.embeddedDirectory) : undefined
    try {
      const databaseUrl = config.databaseUrl ?? (embedded as { url: string }).url
      if (embedded !== undefined) await prepare(databaseUrl)
      const server = await startServer(config, databaseUrl)
      // what nobody caught leaves the process in a state that nobody knows: it is told in the log and ends, exit 1
      process.once('uncaughtExceptionMonitor', (error) => {
        server.log.fatal({ err: error }, 'a mistake of the service: the process ends')
      })
      if (embedded !== undefined || process.stdout.isTTY) console.log(`\n${tour(server.url)}\n`)
      await stop
      await server.close()
    } finally {
      await embedded?.stop()
    }
    return 0
  },
}
