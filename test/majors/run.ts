/** `npm run test:majors [-- 14 15 ...]`: the view and contract tests on every supported major version of PostgreSQL. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { majorBinaries, majors } from './binaries.js'

const chosen = process.argv.length > 2 ? process.argv.slice(2) : majors
const unknown = chosen.filter((major) => !majors.includes(major))
if (unknown.length > 0) {
  console.error(`Unknown major version ${unknown.join(', ')}. Choose from ${majors.join(', ')}.`)
  process.exit(2)
}

const installed = await Promise.all(
  chosen.map((major) =>
    majorBinaries(major).then(
      () => true,
      () => false,
    ),
  ),
)
if (installed.includes(false)) {
  // not `--prefix`: npm would ignore the machine's own settings (proxy, certificates)
  spawnSync('npm', ['ci'], { cwd: 'test/majors', stdio: 'inherit', shell: process.platform === 'win32' })
  // npm counts an optional dependency that could not be fetched as a success
  const there = await Promise.all(
    chosen.map((major) =>
      majorBinaries(major).then(
        () => true,
        () => false,
      ),
    ),
  )
  if (there.includes(false)) {
    console.error('The older servers could not be installed: see the lines above.')
    process.exit(1)
  }
}

const files = ['test/view', 'test/contract'].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `${folder}/${file}`),
)
const results = chosen.map((major) => {
  console.log(`\nPostgreSQL ${major}`)
  const { status } = spawnSync(process.execPath, ['--import=tsx', 'test/run.ts', ...files], {
    stdio: 'inherit',
    env: { ...process.env, PGMAJOR: major },
  })
  return { major, passed: status === 0 }
})
console.log(
  `\n${results.map(({ major, passed }) => `PostgreSQL ${major}  ${passed ? 'passed' : 'FAILED'}`).join('\n')}`,
)
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1
