/**
 * `npm run test:torture [-- SECONDS [SEED]]`: the torture test of the store for longer than in `npm test`, SECONDS
 * (default 60) for each of its two arrangements. The seed of a run that failed repeats what its writers did.
 */
import { spawnSync } from 'node:child_process'
import { compile, compiled } from './runner/compile.js'

const [seconds = '60', seed] = process.argv.slice(2)
if (!(Number(seconds) > 0)) throw new Error(`SECONDS must be a number above 0, such as 60; got "${seconds}"`)
compile()
const { status } = spawnSync(process.execPath, ['--enable-source-maps', compiled('test/store/torture.test.ts')], {
  stdio: 'inherit',
  env: {
    ...process.env,
    TORTURE_SECONDS: seconds,
    ...(seed === undefined ? {} : { TORTURE_SEED: seed }),
    // of the whole file, seconds: two arrangements, each with time to start, catch up and verify
    TAP_TIMEOUT: String(2 * (Number(seconds) + 240)),
  },
})
process.exitCode = status ?? 1
