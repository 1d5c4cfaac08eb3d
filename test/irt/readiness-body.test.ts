/** The body of /v1/irt/readiness is the same JSON whether it is sent as a whole or in parts. */
import { text } from 'node:stream/consumers'
import t from 'tap'
import { readinessBody } from '../../src/http/readiness-body.js'
import type { IrtReadiness, ItemReadiness } from '../../src/irt/types.js'

const asOf = '2026-01-01T00:00:00.000000Z'

function report(items: number): IrtReadiness & { item_statistics: ItemReadiness[] } {
  const item = { n: 3, p: 1 / 3, point_biserial: null, median_time_ms: 1500 }
  return {
    responses: 3 * items,
    students: 3,
    items,
    density: 1,
    repeated_responses: 0,
    perfect_scores: 0,
    zero_scores: 0,
    components: 1,
    largest_components: [],
    problems: [],
    item_statistics: Array.from({ length: items }, (_, n) => ({ ...item, item_id: String(n), flags: ['too_few'] })),
  }
}

t.test('few items: one text', async (t) => {
  for (const items of [0, 1, 2])
    t.equal(readinessBody(report(items), asOf), JSON.stringify({ ...report(items), as_of: asOf }), `${items} items`)
})

t.test('many items: a stream of parts, so that the whole is never in memory', async (t) => {
  const many = report(20_000)
  const body = readinessBody(many, asOf)
  if (typeof body === 'string') throw new Error('the body is one text')
  let largest = 0
  body.on('data', (part: Buffer) => {
    largest = Math.max(largest, part.length)
  })
  t.equal(await text(body), JSON.stringify({ ...many, as_of: asOf }))
  t.ok(largest < 300_000, `a part of ${largest} bytes`)
})
