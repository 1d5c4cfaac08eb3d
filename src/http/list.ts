/** A list as a route declares it, and its answer: one page of JSON, or everything as a stream. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Reader } from '../database/reader.js'
import { RowBudget } from '../database/row-budget.js'
import { invalid } from '../errors.js'
import type { Column } from '../formats/encoder.js'
import { listFormats } from '../formats/media-types.js'
import type { EtagScope } from '../queries/etag-version.js'
import type { KeyForm } from '../queries/keyset.js'
import { collectRows, type PageRequest, type StatementSequence } from '../queries/paging.js'
import type { Services } from '../services.js'
import type { AnswerSource } from '../store/sources.js'
import { jsonAnswer, sendAnswer, type Answer } from './answer.js'
import { answerFrom, type RequestedSource } from './answer-source.js'
import { notModified, readHeaders, type Identity } from './conditional.js'
import { decodeCursor, encodeCursor, fingerprint } from './cursor.js'
import { cutPage, nextLink, pageBody, pageSize } from './page.js'
import { encoders, negotiate, type StreamFormat } from './representations.js'
import { isSmallRow, smallestGroupHeaders, withoutSmallRows, type SuppressingEncoder } from './small-groups.js'
import { streamAnswer } from './stream.js'

export interface List {
  /** A cursor is bound to this name and to the filters. */
  name: string
  columns: readonly Column[]
  /** The form of each value in a cursor's key. */
  keyPatterns: readonly KeyForm[]
  select(reader: Reader, page: PageRequest): StatementSequence
  /** The whole list is one statement, which needs no transaction to see one snapshot. */
  oneStatement?: boolean
  /** Members of a page beside its rows. */
  extra?: Record<string, string>
  /** The rows that decide whether an answer from the store is still the same. */
  etagScope?: EtagScope
  /** The store does not have this list. */
  liveOnly?: boolean
}

/** The parameters of every list, beside its filters. */
export interface ListParameters {
  limit?: number
  cursor?: string
  format?: string
  source?: RequestedSource
}

/**
 * Answers a request for a list.
 * @throws ApiError
 */
export async function sendList(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  query: ListParameters,
  list: List,
): Promise<FastifyReply> {
  const format = negotiate(request, listFormats, query.format)
  const { smallestGroup } = request
  const identity = {
    scope: list.etagScope,
    // callers with other rights get other rows
    request: [list.name, format, query, list.extra, ...(smallestGroup === undefined ? [] : [smallestGroup])],
  }
  // before the conditional check: an invalid request is an error, even if its ETag matches
  const read =
    format === 'json'
      ? pageAnswer(services, request, list, requestedPage(query, list), identity)
      : wholeAnswer(services, request, list, query, format, identity)
  const answer = await answerFrom(services, request, list.liveOnly === true ? 'live' : query.source, async (source) => {
    const unchanged = await notModified(request, source, identity, { format })
    if (unchanged !== undefined) return unchanged
    request.meter.format = format
    return read(source)
  })
  return sendAnswer(reply, { ...answer, headers: { ...answer.headers, ...smallestGroupHeaders(smallestGroup) } })
}

type Read = (source: AnswerSource) => Promise<Answer>

type RequestedPage = ReturnType<typeof requestedPage>

/** @throws ApiError invalid_parameter, invalid_cursor */
function requestedPage(
  { limit, cursor, source: _source, ...filters }: ListParameters,
  { name, extra, keyPatterns }: List,
) {
  const size = pageSize(limit)
  const print = fingerprint(name, { ...filters, ...extra })
  return { size, print, after: cursor === undefined ? undefined : decodeCursor(print, cursor, keyPatterns) }
}

function pageAnswer(
  { limits: { pageBytes: bytes } }: Services,
  request: FastifyRequest,
  { columns, select, oneStatement = false, extra }: List,
  { size, print, after }: RequestedPage,
  identity: Identity,
): Read {
  const { smallestGroup } = request
  const isSmall = smallestGroup && isSmallRow(columns, smallestGroup)
  return async (source) => {
    const { kind, database } = source
    const budget = new RowBudget(bytes)
    // one row more than the page shows whether there is a next one
    const read = async (reader: Reader) => ({
      ...(await readHeaders(reader, source, identity)),
      rows: await collectRows(reader, select(reader, { limit: size + 1, after, withKey: true }), budget),
    })
    // from the store two statements at least: its state is read with its rows
    const { asOf, headers, rows } =
      oneStatement && kind === 'live' ? await read(database) : await database.snapshot(read)
    const page = cutPage(columns, rows, { size, bytes, budget, isSmall })
    request.meter.rows = page.rows
    const next = page.last === undefined ? null : encodeCursor(print, page.last.slice(columns.length))
    return jsonAnswer(
      { ...headers, ...(next === null ? {} : { link: nextLink(request.url, 'cursor', next) }) },
      pageBody(page, {
        next_cursor: next,
        as_of: asOf,
        ...extra,
        ...(isSmall === undefined ? {} : { suppressed: page.suppressed }),
      }),
    )
  }
}

function wholeAnswer(
  services: Services,
  request: FastifyRequest,
  { columns, select }: List,
  { limit, cursor }: ListParameters,
  format: StreamFormat,
  identity: Identity,
): Read {
  if (cursor !== undefined)
    throw invalid('cursor', 'must not be given with NDJSON, CSV or Arrow, which return the whole result. Leave it out')
  const { smallestGroup } = request
  return async (source) => {
    const counts: { of?: SuppressingEncoder } = {}
    const answer = await streamAnswer(services, request, source, {
      format,
      prepare: async (reader) => ({
        ...(await readHeaders(reader, source, identity)),
        content: (snapshot) => {
          const encoder = encoders[format](columns)
          if (smallestGroup !== undefined) counts.of = withoutSmallRows(encoder, columns, smallestGroup)
          return { statements: select(snapshot, { limit, withKey: false }), encoder: counts.of ?? encoder }
        },
      }),
    })
    const { of } = counts
    return of === undefined ? answer : { ...answer, suppressed: () => of.suppressed }
  }
}
