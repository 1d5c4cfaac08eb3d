/** `npm run test:node24`: the fast part of the tests on the Node that the Docker image runs on. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { resolve } from 'node:path'
import { testFiles } from '../runner/order.js'

/** Tests of what depends on Node rather than on PostgreSQL: numbers, dates, streams, HTTP, the command line. */
const fast = [
  /^test\/(config|services|limits\/requests|health\/cached-state)\.test/,
  /^test\/(formats|irt)\//,
  /^test\/access\/(api-keys|jwt)\.test/,
  /^test\/api\/(aggregates|operations)\.test/,
  /^test\/database\/(pool|reserved-pool|statement|pooler)\.test/,
  /^test\/cli\/(load|migrate)\.test/,
]

function binary(): string | undefined {
  try {
    return createRequire(resolve('test/node24/package.json')).resolve(`node-${platform()}-${arch()}/bin/node`)
  } catch {
    return undefined
  }
}

// not `--prefix`: npm would ignore the machine's own settings (proxy, certificates)
if (binary() === undefined) spawnSync('npm', ['ci'], { cwd: 'test/node24', stdio: 'inherit' })
const node = binary()
if (node === undefined) {
  console.error(`test/node24/package.json names no Node 24 for ${platform()}-${arch()}, or it could not be installed.`)
  process.exit(1)
}
console.log(`Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()}`)
const files = testFiles().filter((file) => fast.some((pattern) => pattern.test(file)))
const { status } = spawnSync(node, ['--import=tsx', 'test/run.ts', ...process.argv.slice(2), ...files], {
  stdio: 'inherit',
})
process.exitCode = status ?? 1
