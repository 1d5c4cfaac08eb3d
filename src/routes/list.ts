/** What every list has in common: the representation asked for, the page, its cursor and its link. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { encodeCursor } from '../database/cursor.js'
import type { Row } from '../database/reader.js'
import { ApiError } from '../errors.js'
import type { Column } from '../formats/encoder.js'
import { jsonRows } from '../formats/json.js'

/** The representations that there are, by the name that `format` takes. The streamed ones join here. */
export const representations: Record<string, string> = { json: 'application/json' }

/**
 * The representation of an answer: `format` wins over `Accept`.
 * @throws ApiError not_acceptable
 */
export function negotiate(accept: string | undefined, format: string | undefined): string {
  const offered = Object.values(representations)
  const refuse = (asked: string) => new ApiError('not_acceptable', `${asked} is not available here; ask for ${offered.join(' or ')}, or leave Accept and format out`)
  if (format !== undefined) {
    const type = Object.hasOwn(representations, format) ? representations[format] : undefined
    if (type === undefined) throw refuse(`format=${format}`)
    return type
  }
  if (accept === undefined || accept.trim() === '') return offered[0] as string
  // the most specific range that names a type decides its weight (RFC 9110, 12.5.1)
  const ranges = accept.split(',').map((part) => {
    const [range = '', ...options] = part.trim().toLowerCase().split(';').map((piece) => piece.trim())
    const weight = options.find((option) => option.startsWith('q='))
    return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
  })
  const weightOf = (type: string) => [type, `${type.split('/')[0] ?? ''}/*`, '*/*']
    .map((range) => ranges.find((asked) => asked.range === range)?.weight).find((weight) => weight !== undefined) ?? 0
  const best = offered.map((type) => ({ type, weight: weightOf(type) })).sort((a, b) => b.weight - a.weight)[0]
  if (best === undefined || !(best.weight > 0)) throw refuse(`Accept: ${accept.slice(0, 100)}`)
  return best.type
}

/** The moment from which an answer is read, written as the timestamps in it. */
export const now = (): string => new Date().toISOString().replace('Z', '000Z')

/** A full page gives a cursor of its last row; `rows` holds at most one more than the page. */
export function sendPage(
  request: FastifyRequest, reply: FastifyReply,
  { columns, rows, limit, print, asOf, extra = {} }: { columns: readonly Column[]; rows: Row[]; limit: number; print: string; asOf: string; extra?: Record<string, unknown> },
): FastifyReply {
  const more = rows.length > limit
  const page = more ? rows.slice(0, limit) : rows
  const cursor = more ? encodeCursor(print, (page.at(-1) as Row).slice(columns.length)) : null
  if (cursor !== null) {
    const next = new URL(request.url, 'http://service')
    next.searchParams.set('cursor', cursor)
    reply.header('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  const members = Object.entries(extra).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join('')
  return reply.header('vary', 'Accept').type('application/json; charset=utf-8')
    .send(`{"data":[${jsonRows(columns, page)}],"next_cursor":${JSON.stringify(cursor)},"as_of":"${asOf}"${members}}`)
}
