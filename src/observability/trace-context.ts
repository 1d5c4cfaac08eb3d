/** W3C Trace Context: the trace that a request belongs to, as its caller sends it. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string
  /** 16 hexadecimal digits: our span, a child of the caller's span. */
  spanId: string
  parentId: string
  /** Two hexadecimal digits; 01: sampled. */
  flags: string
  /** `tracestate` as received, to be passed on; undefined if it is missing or too long. */
  state: string | undefined
}

const traces = new WeakMap<IncomingMessage, TraceContext>()
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The trace of a request, the same one at every call; undefined without a well-formed `traceparent`. */
export function traceOf(request: IncomingMessage): TraceContext | undefined {
  const parent = request.headers['traceparent']
  if (typeof parent !== 'string') return undefined
  const cached = traces.get(request)
  if (cached !== undefined) return cached
  const [, version, traceId = '', parentId = '', flags = '', more] = form.exec(parent) ?? []
  // a later version may have more members; version 00 may not
  if (
    version === undefined ||
    version === 'ff' ||
    (version === '00' && more !== undefined) ||
    /^0+$/.test(traceId) ||
    /^0+$/.test(parentId)
  )
    return undefined
  const state = request.headers['tracestate']
  const trace = {
    traceId,
    parentId,
    flags,
    spanId: randomBytes(8).toString('hex'),
    state: typeof state === 'string' && state.length <= 512 ? state : undefined,
  }
  traces.set(request, trace)
  return trace
}

/** The header `traceparent` of our span: for statements, and for the answer as `traceresponse`. */
export const traceparent = ({ traceId, spanId, flags }: TraceContext): string => `00-${traceId}-${spanId}-${flags}`

/** An SQL comment in the format of sqlcommenter. Values are escaped, so that none can end the comment. */
export function sqlComment(tags: Record<string, string | undefined>): string {
  const written = Object.entries(tags)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, value]) =>
        `${name}='${encodeURIComponent(value as string)
          .replace(/'/g, '%27')
          .replace(/\*/g, '%2A')}'`,
    )
  return written.length === 0 ? '' : ` /*${written.join(',')}*/`
}
