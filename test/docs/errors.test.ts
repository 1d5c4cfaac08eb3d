/** docs/errors.md explains every error code of the service, and no other. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes } from '../../src/errors.js'

const rows = readFileSync('docs/errors.md', 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, code]) => /^`\w+`$/.test(code ?? ''))
  .map(([, code = '', status, meaning, what, retry]) => ({ code: code.slice(1, -1), status, meaning, what, retry }))

t.test('every code is documented with its status', async (t) => {
  t.strictSame(
    Object.fromEntries(rows.map(({ code, status }) => [code, Number(status)])),
    Object.fromEntries(Object.entries(errorCodes).map(([code, { status }]) => [code, status])),
  )
})

t.test('every code is documented once, with its meaning, what to do and whether a retry helps', async (t) => {
  t.equal(new Set(rows.map(({ code }) => code)).size, rows.length)
  for (const { code, meaning, what, retry } of rows)
    t.ok(
      [meaning, what, retry].every((cell) => (cell ?? '').length > 1),
      code,
    )
})

t.test('a title that asks for a retry belongs to a code whose documentation says that it helps', async (t) => {
  for (const { code, retry } of rows) {
    const { title } = errorCodes[code as keyof typeof errorCodes]
    if (/; retry/.test(title)) t.match(retry, /^yes/, code)
    else t.notMatch(retry, /^yes$/, code)
  }
})
