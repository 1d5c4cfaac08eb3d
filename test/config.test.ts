import t from 'tap'
import { readFileSync } from 'node:fs'
import { readConfig } from '../src/config.js'

t.test('every variable is in the table of the README, and nothing else is', async (t) => {
  const read = readFileSync(new URL('../src/config.ts', import.meta.url), 'utf8')
  const variables = [...new Set([...read.matchAll(/env\['([A-Z_]+)'\]|integer\('([A-Z_]+)'/g)].map(([, plain, number]) => plain ?? number))].sort()
  const table = [...readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name).sort()
  t.strictSame(table, variables)
  t.equal(variables.length > 10, true)
})

t.test('every problem of the configuration is told at once', async (t) => {
  t.throws(() => readConfig({ PORT: 'x', LOG_LEVEL: 'loud', STREAM_POOL_SIZE: '0', STORE_REFRESH: 'maybe', NODE_ENV: 'production', STORE_DATABASE_URL: 'mysql://x' }),
    /(?=.*PORT)(?=.*LOG_LEVEL)(?=.*STREAM_POOL_SIZE)(?=.*STORE_REFRESH)(?=.*DATABASE_URL is not set)(?=.*STORE_DATABASE_URL)/)
  t.equal(Object.isFrozen(readConfig({})), true)
})
