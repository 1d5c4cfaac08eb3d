/** `npm run test:majors [14 15 ...]`: the view and contract tests on every supported major, each on its own server. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { majors } from './binaries.js'

const chosen = process.argv.length > 2 ? process.argv.slice(2) : majors
if (chosen.some((major) => major !== '18') && !existsSync('test/majors/node_modules')) {
  const installed = spawnSync('npm', ['install', '--prefix', 'test/majors'], { stdio: 'inherit' })
  if (installed.status !== 0) throw new Error('The older servers could not be installed: see the lines above.')
}
const results = chosen.map((major) => {
  console.log(`\nPostgreSQL ${major}`)
  const run = spawnSync(process.execPath, ['--import', 'tsx', 'test/run.ts', 'test/law', 'test/contract'], { stdio: 'inherit', env: { ...process.env, PGMAJOR: major } })
  return { major, passed: run.status === 0 }
})
console.log(`\n${results.map(({ major, passed }) => `PostgreSQL ${major}  ${passed ? 'passed' : 'FAILED'}`).join('\n')}`)
if (results.some(({ passed }) => !passed)) process.exitCode = 1
