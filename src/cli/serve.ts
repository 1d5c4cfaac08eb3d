import type { Config } from '../config.js'
import { startServer, type RunningServer } from '../server.js'
import { columns, defineCommand } from './command.js'
import { startEmbeddedUnlessConfigured } from './database.js'
import { createProgress } from './progress.js'
import { handleSignals } from './signals.js'

/** Printed at the start: requests that a new user can copy. */
function tour(url: string, embeddedDirectory: string | undefined): string {
  const requests = [
    ['/v1/attempts?limit=3', 'three answered questions'],
    ['/v1/attempts?user_id=student-1', 'the answers of one student'],
    ['/v1/students?limit=3', 'students'],
    ['/v1/items?limit=3', 'items: difficulty and discrimination'],
    ['/v1/topics/daily', 'KPIs per topic and day'],
    ['/health', 'is the service ready?'],
    ['/schema-contract', 'does the view match the contract?'],
  ]
  const data =
    embeddedDirectory === undefined ? '' : ` The data stays in ${embeddedDirectory}; delete it to start over.`
  return `
attempt-api is ready at ${url}

Documentation, with a form to try every endpoint:
  ${url}/docs

Requests to copy:
${columns(requests.map(([path, purpose]) => [`  curl '${url}${path}'`, `# ${purpose}`]))}

Stop with Ctrl-C.${data}
`
}

/** Starts the service. An embedded database is prepared first. */
async function start(config: Config, url: string, embedded: boolean): Promise<RunningServer> {
  if (!embedded) return startServer(config, url)
  const progress = createProgress(process.stderr)
  const { prepareSampleDatabase } = await import('../development/sample-database.js')
  await prepareSampleDatabase(url, progress)
  progress.step('Starting the service')
  return startServer(config, url)
}

export const serve = defineCommand({
  examples: [
    ['attempt-api serve', 'on an embedded PostgreSQL with sample data, at http://127.0.0.1:3000'],
    [
      'DATABASE_URL=postgres://attempt_reader@db.example.com/exams PORT=8080 attempt-api serve',
      'on a database that attempt-api migrate up has prepared; docs/configuration.md lists every variable',
    ],
  ],
  description: `
    Serves the database in DATABASE_URL. Without it, and never in production, starts an embedded PostgreSQL in
    EMBEDDED_DIRECTORY (default: .data), applies the migrations and loads a synthetic cohort. Ctrl-C, SIGTERM and
    SIGHUP stop both: requests in progress have SHUTDOWN_GRACE_S (default: 10 seconds) to end. A second Ctrl-C stops at
    once.`,
  options: {},
  exits: { 0: 'stopped by a signal', 1: 'could not start, was stopped twice, or failed' },
  async run(_options, { config: readConfig }) {
    const config = readConfig()
    const signals = handleSignals()
    const { url, embedded } = await startEmbeddedUnlessConfigured(config)
    try {
      const starting = start(config, url, embedded !== undefined)
      const server = await Promise.race([starting, signals.received])
      if (server === undefined) {
        // the start fails when its database stops
        starting.catch(() => undefined)
        return 0
      }
      // an uncaught error leaves an unknown state: it is logged, and the process ends with 1
      process.once('uncaughtExceptionMonitor', (error) => {
        server.log.fatal({ err: error }, 'uncaught error: the process ends')
      })
      if (embedded !== undefined || process.stdout.isTTY)
        console.log(tour(server.url, embedded === undefined ? undefined : config.embeddedDirectory))
      await signals.received
      await server.close()
    } finally {
      await embedded?.stop()
      signals.release()
    }
    return 0
  },
})
