/** The pools add up to the connections that docs/limits.md documents for a replica. */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { readConfig } from '../../src/config.js'
import { startServer } from '../../src/server.js'
import { createDatabase } from '../helpers/database.js'
import { most } from '../helpers/drill.js'

t.test('the pools add up to what is documented', async (t) => {
  const db = await createDatabase(t)
  const opened: pg.PoolConfig[] = []
  const Pool = pg.Pool
  pg.Pool = class extends Pool {
    constructor(config: pg.PoolConfig = {}) {
      super(config)
      opened.push(config)
    }
  } as typeof pg.Pool
  t.teardown(() => {
    pg.Pool = Pool
  })
  const standby = db.url.replace('127.0.0.1', 'localhost')
  const server = await startServer(
    readConfig({
      DATABASE_URL: db.url,
      DATABASE_READ_URL: standby,
      PORT: '0',
      LOG_LEVEL: 'silent',
      POOL_SIZE: '3',
      STREAM_POOL_SIZE: '2',
      SHUTDOWN_GRACE_S: '1',
    }),
    db.url,
  )
  await server.close()

  const at = (url: string) => opened.filter(({ connectionString }) => connectionString === url)
  const sum = (counts: number[]) => counts.reduce((all, one) => all + one, 0)
  const document = readFileSync('docs/limits.md', 'utf8')
  const rows = [...document.matchAll(/^\| `(attempt-api[a-z ]*)` +\| (\d+|`\w+`) +\|/gm)].map(
    ([, name, count]): [string, number] => [
      name!,
      count === '`POOL_SIZE`' ? 3 : count === '`STREAM_POOL_SIZE`' ? 2 : Number(count),
    ],
  )
  t.strictSame(
    Object.fromEntries(rows),
    Object.fromEntries(at(db.url).map(({ application_name, max }) => [application_name, max])),
    'the table',
  )
  t.equal(rows.length, at(db.url).length, 'each has one pool')
  const own = sum(rows.map(([, count]) => count)) - 3 - 2
  t.match(document, `\`POOL_SIZE + STREAM_POOL_SIZE + ${own}\` per replica`, 'the sum')
  t.ok(sum(at(standby).map(({ max }) => max as number)) <= own + 3 + 2, 'a standby needs no more')
  for (const name of Object.keys(most))
    t.ok(
      rows.some(([one]) => one === name),
      `${name} of the drills`,
    )
  for (const [name, count] of rows.slice(2))
    if (name !== 'attempt-api standbys') t.equal(most[name], count, `${name} in the drills`)
  t.strictSame(
    at(db.url)
      .filter(({ idleTimeoutMillis }) => idleTimeoutMillis === 0)
      .map(({ application_name, maxLifetimeSeconds }) => [application_name, maxLifetimeSeconds])
      .sort(),
    [
      ['attempt-api contract', 0],
      ['attempt-api state', 0],
    ],
    'reserved connections are not closed for their age',
  )

  // no other document has a number of its own
  for (const file of ['docs/configuration.md', 'docs/poolers.md', 'docs/runbook.md'])
    t.match(readFileSync(file, 'utf8'), /limits\.md#connections-to-postgresql/, file)
  for (const file of ['README.md', 'docs/configuration.md', 'docs/poolers.md', 'docs/runbook.md'])
    t.notMatch(readFileSync(file, 'utf8'), /STREAM_POOL_SIZE`? ?\+ ?\d/, file)
})
