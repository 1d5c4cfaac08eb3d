/** `npm run test:majors [-- 14 15 ...]`: the view and contract tests on every supported major version of PostgreSQL. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { majors } from './binaries.js'
import { installMajors } from './install.js'

const chosen = process.argv.length > 2 ? process.argv.slice(2) : majors
const unknown = chosen.filter((major) => !majors.includes(major))
if (unknown.length > 0) {
  console.error(`Unknown major version ${unknown.join(', ')}. Choose from ${majors.join(', ')}.`)
  process.exit(2)
}

await installMajors(chosen)

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
