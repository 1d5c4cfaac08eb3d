/** The Python example against published difficulties. The one in R was run by hand: CI has no R. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { loadKeyFile } from '../../src/access/api-keys.js'
import { loadExamResults } from '../../src/development/load.js'
import { startApp } from '../helpers/app.js'
import { parseCsv } from '../helpers/csv.js'
import { createDatabase } from '../helpers/database.js'
import { keyFile } from '../helpers/keys.js'

const folder = '../shared/data'
const example = resolve('docs/examples/rasch.py')
const absent =
  spawnSync('python3', ['-c', 'from collections import Counter; Counter().total()']).status !== 0
    ? 'there is no python3 of 3.10 or newer'
    : existsSync(folder)
      ? false
      : 'the folder ../shared/data with the real response data is not there'

const run = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile('python3', [example, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr })
    })
  })

t.test('the example in Python', { skip: absent }, async (t) => {
  const db = await createDatabase(t)
  await loadExamResults(
    db.pool,
    gunzipSync(readFileSync(`${folder}/verbagg.exam_results.ndjson.gz`))
      .toString('utf8')
      .split('\n'),
  )
  const app = await startApp(t, db.url)
  const service = await app.listen({ host: '127.0.0.1', port: 0 })

  t.test('recovers the published difficulties', async (t) => {
    const [header = [], ...rows] = parseCsv(
      readFileSync(`${folder}/verbagg.rasch.csv`, 'utf8').replaceAll(/\r?\n/g, '\r\n'),
    )
    const column = (row: string[], name: string) => row[header.indexOf(name)] as string
    const { code, stdout, stderr } = await run(service)
    t.equal(code, 0, stderr)
    const fitted = new Map(
      stdout
        .split('\n')
        .slice(1, -1)
        .map((line) => line.trim().split(/ +/))
        .map(([item, , , difficulty]) => [item, Number(difficulty)]),
    )
    t.equal(fitted.size, 24)
    // conditional and marginal: the published columns themselves are 0.0603 apart (item 21)
    for (const [name, tolerance] of [
      ['glmer_difficulty_c', 0.001],
      ['glmer_laplace_difficulty_c', 0.001],
      ['erm_difficulty_c', 0.061],
    ] as const) {
      const largest = Math.max(
        ...rows.map((row) => Math.abs(Number(column(row, name)) - (fitted.get(column(row, 'item_id')) ?? NaN))),
      )
      t.ok(largest < tolerance, `${name} within ${tolerance}: ${largest}`)
    }
  })

  t.test('stops at what its estimator cannot take, and at what the service refuses', async (t) => {
    const nothing = await run(service, 'min_per_item=400')
    t.equal(nothing.code, 1)
    t.match(nothing.stderr, /refuses: No responses are left/)
    t.equal(nothing.stdout, '')
    const unknown = await run(service, 'min_per=400')
    t.equal(unknown.code, 1)
    t.match(unknown.stderr, /400 Unknown parameter `min_per`\. This endpoint accepts: since, until, /)
  })

  t.test('sends the key that it is given', async (t) => {
    const { file, keys } = keyFile(t, { research: ['attempts:read'] })
    const closed = await startApp(t, db.url, {}, db.url, [], {
      access: { keys: await loadKeyFile(file), open: new Set() },
    })
    const asks = await closed.listen({ host: '127.0.0.1', port: 0 })
    t.match(await run(asks), { code: 1, stderr: /401 This endpoint needs an API key/ })
    process.env['ATTEMPT_API_KEY'] = keys.research
    const { code, stderr } = await run(asks)
    delete process.env['ATTEMPT_API_KEY']
    t.equal(code, 0, stderr)
  })

  t.test('fits nothing of a transfer that breaks, or that brings less than announced', async (t) => {
    let short = false
    const proxy = http.createServer((request, response) => {
      http.get(service + (request.url as string), (answer) => {
        const parts: Buffer[] = []
        answer
          .on('data', (part: Buffer) => parts.push(part))
          .on('end', () => {
            const whole = Buffer.concat(parts)
            if (request.url?.startsWith('/v1/irt/readiness') === true) return response.end(whole)
            const half = whole.subarray(0, whole.indexOf('\r\n', whole.length / 2) + 2)
            if (short) return response.end(half)
            return response.write(half, () => {
              response.destroy()
            })
          })
      })
    })
    t.teardown(() => proxy.close())
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const broken = await run(url)
    t.equal(broken.code, 1)
    t.match(broken.stderr, /IncompleteRead/)
    t.equal(broken.stdout, '')
    short = true
    const less = await run(url)
    t.equal(less.code, 1)
    t.match(less.stderr, /received \d+ responses, 7584 were announced/)
    t.equal(less.stdout, '')
  })
})
