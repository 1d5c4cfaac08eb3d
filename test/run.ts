/**
 * `npm test`: compiles the tests, starts an embedded PostgreSQL and runs every test file, each in its own process and
 * on its own databases.
 *
 *   npm test -- test/config.test.ts test/irt/peel.test.ts
 *   npm test -- --grep=replay test/database/read-replicas.test.ts
 *
 * --grep=PATTERN runs the tests of that name, --jobs=N sets how many files run at once, --reporter=tap prints TAP,
 * --record stores how long the files took. PGMAJOR=14 ... 18 takes another server (`npm run test:majors` installs it).
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { embeddedBinaries, startEmbedded } from '../src/development/embedded.js'
import { makeTemplate } from './helpers/database.js'
import { majorBinaries } from './majors/binaries.js'
import { compile } from './runner/compile.js'
import { longestFirst, recordSeconds, testFiles } from './runner/order.js'
import { progress, summarize } from './runner/report.js'
import { asSubtest, runFile, stopFiles, type FileResult } from './runner/run-file.js'

const { values: options, positionals: given } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string' },
    // files wait for their servers about two thirds of the time
    jobs: { type: 'string', default: String(Math.min(8, 3 * availableParallelism())) },
    reporter: { type: 'string', default: 'lines' },
    record: { type: 'boolean', default: false },
  },
})
const tap = options.reporter === 'tap'
const files = longestFirst(given.length > 0 ? given : testFiles())
const began = performance.now()
const seconds = () => (performance.now() - began) / 1000

compile()
const directory = mkdtempSync(join(tmpdir(), 'attempt-test-'))
chmodSync(directory, 0o755)
const major = process.env['PGMAJOR']
let interrupted: NodeJS.Signals | undefined
// an interrupted run must not leave its PostgreSQL behind, not even one that has only begun to start
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    interrupted = signal
    stopFiles(signal)
  })

const server = await startEmbedded(directory, {
  binaries: major === undefined ? await embeddedBinaries() : await majorBinaries(major),
  // no autovacuum: it would take processors from the tests, for databases that live for seconds
  settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300', 'autovacuum=off'],
})

const results: FileResult[] = []
try {
  await makeTemplate(server.url)
  console.log(tap ? `TAP version 14\n1..${files.length}` : `Compiled, PostgreSQL started: ${seconds().toFixed(0)} s`)
  const environment = {
    ...process.env,
    TEST_DATABASE_URL: server.url,
    ...(options.grep === undefined ? {} : { TAP_GREP: options.grep }),
  }
  const waiting = [...files]
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined && interrupted === undefined; file = waiting.shift()) {
      const result = await runFile(file, environment)
      results.push(result)
      if (tap) process.stderr.write(result.errors)
      console.log(tap ? asSubtest(result, results.length) : progress(result, results.length, files.length))
    }
  }
  await Promise.all(Array.from({ length: Number(options.jobs) }, work))
} finally {
  await server.stop('immediate')
  rmSync(directory, { recursive: true, force: true })
}
const { text, passed, failed } = summarize(results, seconds(), process.env['CI'] === 'true')
console.log(tap ? text.replace(/^(?!#)/gm, '# ') : `\n${text}`)
if (options.record) recordSeconds(results)
if (interrupted !== undefined)
  console.error(`Interrupted by ${interrupted}: ${results.length} of ${files.length} files ran.`)
process.exitCode = failed === 0 && passed > 0 && interrupted === undefined ? 0 : 1
