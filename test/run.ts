/**
 * `npm test`: starts an embedded PostgreSQL and runs every suite against it, each on a database of its own.
 * PGMAJOR=14 ... 18 takes another server (npm run test:majors installs and runs them); arguments name test files.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { embeddedBinaries, startEmbedded } from '../src/development/embedded.js'
import { makeTemplate } from './helpers/database.js'
import { majorBinaries } from './majors/binaries.js'

const major = process.env['PGMAJOR']
// compiled once, and not by each file anew; what the tests of the command line run is among it
const built = 'dist-test'
if (
  spawnSync(
    process.execPath,
    [
      join('node_modules', 'typescript', 'bin', 'tsc'),
      '--outDir',
      built,
      '--incremental',
      '--tsBuildInfoFile',
      join(built, '.tsbuildinfo'),
    ],
    { stdio: 'inherit' },
  ).status !== 0
)
  throw new Error('the tests do not compile')
const tap = join('node_modules', 'tap', 'dist', 'esm', 'run.mjs')
// tap fits itself to the plugins of .taprc when it first runs, but in that run each test file would load TypeScript's compiler
const plugins = join('node_modules', '@tapjs', 'test', 'test-built', 'dist', 'esm', 'index.js')
if (
  existsSync(plugins) &&
  readFileSync(plugins, 'utf8').match(/@tapjs\/(typescript|mock)/) !== null &&
  spawnSync(process.execPath, [tap, 'build'], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0
)
  throw new Error('tap cannot be built')
const directory = mkdtempSync(join(tmpdir(), 'attempt-test-'))
chmodSync(directory, 0o755)
let tests: ChildProcess | undefined = undefined
// an interrupted run must not leave its database behind: it stops at the end of the tests, or with this process
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (tests === undefined) process.exit(1)
    tests.kill(signal)
  })
const server = await startEmbedded(directory, {
  binaries: major === undefined ? await embeddedBinaries() : await majorBinaries(major),
  settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'],
})
await makeTemplate(server.url)
const given = process.argv.slice(2)
const isTest = (name: string) => name.endsWith('.test.ts')
const files = given.some(isTest)
  ? given.filter(isTest)
  : (readdirSync('test', { recursive: true }) as string[])
      .filter((name) => isTest(name) && !name.includes('node_modules'))
      .map((name) => join('test', name))
      .sort()
tests = spawn(
  process.execPath,
  [
    tap,
    '--reporter=tap',
    ...given.filter((one) => !isTest(one)),
    ...files.map((name) => join(built, relative('.', name).replace(/ts$/, 'js'))),
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TEST_DATABASE_URL: server.url },
  },
)
const [code] = (await once(tests, 'exit')) as [number | null]
await server.stop('immediate')
rmSync(directory, { recursive: true, force: true })
process.exitCode = code ?? 1
