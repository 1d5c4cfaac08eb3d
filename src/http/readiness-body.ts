/** The body of /v1/irt/readiness. With many items it is a stream: at once it would be tens of megabytes, twice. */
import { Readable } from 'node:stream'
import type { IrtReadiness } from '../irt/types.js'

/** Characters of a part of the body. A body of one part is sent as a whole, with its length. */
const partLength = 256 * 1024

function* partsOf({ item_statistics: items, ...report }: IrtReadiness, asOf: string): Generator<string> {
  let part = `${JSON.stringify(report).slice(0, -1)},"item_statistics":[`
  let separator = ''
  for (const item of items) {
    part += separator + JSON.stringify(item)
    separator = ','
    if (part.length < partLength) continue
    yield part
    part = ''
  }
  yield `${part}],"as_of":${JSON.stringify(asOf)}}`
}

export function readinessBody(report: IrtReadiness, asOf: string): string | Readable {
  const parts = partsOf(report, asOf)
  const first = parts.next()
  const second = parts.next()
  if (second.done === true) return String(first.value)
  return Readable.from(
    (function* () {
      yield String(first.value)
      yield second.value
      yield* parts
    })(),
    { objectMode: false },
  )
}
