/** What every list has in common: the representation asked for, the page with its cursor, the stream with its trailer. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { Services } from '../services.js'
import { contractVersion } from '../contract/attempt-v1.js'
import { decodeCursor, encodeCursor, fingerprint } from './cursor.js'
import type { Reader } from '../database/reader.js'
import type { Streams } from '../database/streams.js'
import { ApiError, databaseErrorCode, invalid } from '../errors.js'
import { arrowEncoder } from '../formats/arrow.js'
import { compressed, contentEncoding } from './compression.js'
import { csvEncoder } from '../formats/csv.js'
import type { Column, Encoder, Row } from '../formats/encoder.js'
import { jsonRows } from '../formats/json.js'
import { mediaTypes, type Format } from '../formats/media-types.js'
import { ndjsonEncoder } from '../formats/ndjson.js'
import { readEtagVersion, type EtagScope, type EtagVersion } from '../queries/etag-version.js'
import type { KeyForm } from '../queries/keyset.js'
import { collectRows, type PageRequest, type StatementSequence } from '../queries/paging.js'
import { parameters as p } from '../schemas/parameters.js'
import { pageSchema } from '../schemas/responses.js'
import type { AnswerSource } from '../store/sources.js'
import { readReadyStore, StoreNotReady, type ReadyStore } from '../store/state.js'
import { etagOf, matchesEtag } from './etag.js'

export const encoders: Record<Exclude<Format, 'json'>, (columns: readonly Column[]) => Encoder> = {
  ndjson: ndjsonEncoder,
  csv: csvEncoder,
  arrow: (columns) => arrowEncoder(columns, { contract: 'attempt', contract_version: contractVersion }),
}

/**
 * The representation of an answer: `format` wins over `Accept`.
 * @param offered in the order of preference where the request has none
 * @throws ApiError not_acceptable
 */
export function negotiate<F extends Format>(
  offered: readonly F[],
  accept: string | undefined,
  format: string | undefined,
): F {
  const refuse = (asked: string) =>
    new ApiError(
      'not_acceptable',
      `${asked} is not available here; ask for ${offered.map((name) => mediaTypes[name]).join(' or ')}, or leave Accept and format out`,
    )
  if (format !== undefined) {
    const named = offered.find((name) => name === format)
    if (named === undefined) throw refuse(`format=${format}`)
    return named
  }
  if (accept === undefined || accept.trim() === '') return offered[0] as F
  // the most specific range that names a type decides its weight (RFC 9110, 12.5.1)
  const ranges = accept.split(',').map((part) => {
    const [range = '', ...options] = part
      .trim()
      .toLowerCase()
      .split(';')
      .map((piece) => piece.trim())
    const weight = options.find((option) => option.startsWith('q='))
    return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
  })
  const weightOf = (type: string) =>
    [type, `${type.split('/')[0] ?? ''}/*`, '*/*']
      .map((range) => ranges.find((asked) => asked.range === range)?.weight)
      .find((weight) => weight !== undefined) ?? 0
  const best = offered
    .map((name) => ({ name, weight: weightOf(mediaTypes[name]) }))
    .sort((a, b) => b.weight - a.weight)[0]
  if (best === undefined || !(best.weight > 0)) throw refuse(`Accept: ${accept.slice(0, 100)}`)
  return best.name
}

export const defaultLimit = 1000
export const largestPage = 10_000

/** The parameters that every list takes. */
export const paging = {
  limit: Type.Optional(p.limit),
  cursor: Type.Optional(p.cursor),
  format: Type.Optional(p.format),
}
export const source = { source: Type.Optional(p.source) }

/** The answer of a list in every representation, for its route's schema. */
export const listResponse = ($id: string, row: TSchema, extra: Record<string, TSchema> = {}): Record<string, unknown> =>
  representations(pageSchema($id, row, extra))

/** The same with any page of JSON. */
export function representations(page: TSchema): Record<string, unknown> {
  const stream = (description: string) => ({ schema: { type: 'string', description } })
  return {
    description:
      'One page as JSON, or the whole result as a stream: from one snapshot, in the same order, the number of rows in the trailer `Attempt-Rows`. A stream that fails half-way is cut off, never ended.',
    content: {
      [mediaTypes.json]: { schema: page },
      [mediaTypes.ndjson]: stream('one row a line, as in `data`'),
      [mediaTypes.csv]: stream('RFC 4180 with a header; null is empty, an empty text is ""'),
      [mediaTypes.arrow]: {
        schema: {
          type: 'string',
          contentEncoding: 'binary',
          description: 'Arrow IPC stream: int64, int32, float64, bool, timestamp[us, UTC], date32, utf8',
        },
      },
    },
  }
}

/** For the routes that tell by its tag whether an answer is still the same. */
export const unchangedResponse = {
  304: {
    description:
      'The answer is still the one of If-None-Match. Answers from the store carry a tag, which changes when a row of the days that they cover does.',
  },
}

/** A list as a route declares it. */
export interface List {
  /** What a cursor is bound to, with the filters. */
  name: string
  columns: readonly Column[]
  /** What each value of a cursor's key looks like. */
  keyPatterns: readonly KeyForm[]
  select(reader: Reader, ask: PageRequest): StatementSequence
  /** All of it is one statement, which needs no transaction to see the same rows. */
  oneStatement?: boolean
  /** Members of a page beside its rows. */
  extra?: Record<string, string>
  /** What decides whether the answer is still the same, for conditional pulls from the store. */
  etagScope?: EtagScope
  /** The store has nothing of it. */
  liveOnly?: boolean
}

interface ListRequest {
  limit?: number
  cursor?: string
  format?: string
  source?: 'live' | 'store'
}

/** Where the answer comes from, told in its headers. `primary` leaves the standbys out. */
export async function chooseSource(
  { sources }: Services,
  reply: FastifyReply,
  asked: 'live' | 'store' | undefined,
  primary = false,
): Promise<AnswerSource> {
  const { deadline, meter } = reply.request
  const source = await deadline.race(sources.choose(asked, primary))
  reply.removeHeader('attempt-version').removeHeader('etag')
  reply.header('attempt-source', source.kind).header('attempt-as-of', source.asOf)
  if (source.version !== null) reply.header('attempt-version', source.version)
  meter.source = source
  return { ...source, database: source.database.within(deadline, meter) }
}

/**
 * Answers from the source that is best taken. Where the store is not whole any more when it is read, a source is chosen
 * anew. Where a standby fails before the first byte (it went away, is busy, or
 * cancelled the statement because it stood in the way of replay), the whole answer is taken from the primary instead.
 */
export async function answerFrom<T>(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: 'live' | 'store' | undefined,
  answer: (source: AnswerSource) => Promise<T>,
): Promise<T> {
  const source = await chooseSource(services, reply, asked)
  try {
    return await answer(source)
  } catch (error) {
    if (error instanceof StoreNotReady && !reply.sent) {
      services.sources.invalidate()
      return answer(await chooseSource(services, reply, asked, true))
    }
    if (!source.standby) throw error
    const code = databaseErrorCode(error)
    if (reply.sent || code === undefined || code === 'timeout') throw error
    request.log.warn({ err: error, server: source.database.server }, 'a standby failed; asking the primary')
    // a cancelled statement and a full pool say nothing against the standby; nor does a view that is not there yet
    if (code === 'database_unavailable' && !/^40/.test((error as { code?: string }).code ?? ''))
      services.sources.reportFailure(source)
    return answer(await chooseSource(services, reply, asked, true))
  }
}

const versionHeaders = (reply: FastifyReply, { version, asOf }: ReadyStore) =>
  reply.header('attempt-version', version).header('attempt-as-of', asOf)

const varyOf = (format: Format) => (format === 'json' ? 'Accept' : 'Accept, Accept-Encoding')

/**
 * Whether the client has the answer already, in one statement; then the reply is 304 and only to be sent.
 * @param certain whether the answer is no problem for sure, or `*` is no condition
 */
export async function notModified(
  request: FastifyRequest,
  reply: FastifyReply,
  source: AnswerSource,
  covers: EtagScope | undefined,
  what: unknown,
  { format = 'json', certain = () => true }: { format?: Format; certain?(covered: EtagVersion): boolean } = {},
): Promise<boolean> {
  const asked = request.headers['if-none-match']
  if (source.kind !== 'store' || covers === undefined || asked === undefined) return false
  const { state, covered } = await readEtagVersion(source.database, covers)
  const tag = etagOf(covered, covers, what)
  if (!matchesEtag(asked, tag, certain(covered))) return false
  versionHeaders(reply, state).header('etag', tag).header('vary', varyOf(format)).status(304)
  return true
}

/**
 * Sets what the headers say of an answer from the store, as the snapshot has it in which its rows are read.
 * @returns as_of
 * @throws StoreNotWhole
 */
export async function setStoreHeaders(
  reader: Reader,
  reply: FastifyReply,
  source: AnswerSource,
  covers: EtagScope | undefined,
  what: unknown,
): Promise<string> {
  if (source.kind === 'live') return source.asOf
  if (covers === undefined) {
    const { state } = await readReadyStore(reader)
    versionHeaders(reply, state)
    return state.asOf
  }
  const { state, covered } = await readEtagVersion(reader, covers)
  versionHeaders(reply, state).header('etag', etagOf(covered, covers, what))
  return state.asOf
}

/** Answers with one page, or with everything as a stream. */
export async function sendList(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  list: List,
): Promise<FastifyReply> {
  const query = request.query as ListRequest
  const format = negotiate(Object.keys(mediaTypes) as Format[], request.headers.accept, query.format)
  // before a 304 could be told
  const page = format === 'json' ? pageOf(query, list) : undefined
  if (page === undefined && query.cursor !== undefined)
    throw invalid('cursor', 'belongs to the pages of application/json; a stream gives the whole result')
  return answerFrom(services, request, reply, list.liveOnly === true ? 'live' : query.source, async (source) => {
    const what = [list.name, format, query, list.extra]
    if (await notModified(request, reply, source, list.etagScope, what, { format })) return reply.send()
    request.meter.format = format
    const tell = (reader: Reader) => setStoreHeaders(reader, reply, source, list.etagScope, what)
    if (format === 'json') return sendPage(source, request, reply, list, page as Page, tell)
    return sendStream(
      services,
      source,
      request,
      reply,
      mediaTypes[format],
      (reader) => ({
        statements: list.select(reader, { limit: query.limit, withKey: false }),
        encoder: encoders[format](list.columns),
      }),
      tell,
    )
  })
}

type Page = ReturnType<typeof pageOf>

/** Which page is asked for. @throws ApiError invalid_parameter, invalid_cursor */
function pageOf(
  { limit = defaultLimit, cursor, source: _source, ...filters }: ListRequest,
  { name, extra, keyPatterns }: List,
) {
  if (limit > largestPage)
    throw invalid(
      'limit',
      `is at most ${largestPage} for a page of JSON; application/x-ndjson, text/csv and Arrow give any number of rows`,
    )
  const print = fingerprint(name, { ...filters, ...extra })
  return { limit, print, after: cursor === undefined ? undefined : decodeCursor(print, cursor, keyPatterns) }
}

/** A full page gives a cursor of its last row; one row more than the page tells whether there is a next one. */
async function sendPage(
  { kind, database }: AnswerSource,
  request: FastifyRequest,
  reply: FastifyReply,
  list: List,
  { limit, print, after }: Page,
  tell: (reader: Reader) => Promise<string>,
): Promise<FastifyReply> {
  const read = async (reader: Reader) => ({
    asOf: await tell(reader),
    rows: await collectRows(reader, list.select(reader, { limit: limit + 1, after, withKey: true })),
  })
  // of the store two statements at least: its state is read with its rows
  const { asOf, rows } =
    list.oneStatement === true && kind === 'live' ? await read(database) : await database.snapshot(read)
  const more = rows.length > limit
  const page = more ? rows.slice(0, limit) : rows
  request.meter.rows = page.length
  const next = more ? encodeCursor(print, (page.at(-1) as Row).slice(list.columns.length)) : null
  if (next !== null) {
    const url = new URL(request.url, 'http://service')
    url.searchParams.set('cursor', next)
    reply.header('link', `<${url.pathname}${url.search}>; rel="next"`)
  }
  const members = Object.entries(list.extra ?? {})
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('')
  return reply
    .header('vary', 'Accept')
    .type('application/json; charset=utf-8')
    .send(
      `{"data":[${jsonRows(list.columns, page)}],"next_cursor":${JSON.stringify(next)},"as_of":"${asOf}"${members}}`,
    )
}

/**
 * Streams a whole result. Its end is a promise: the connection is cut wherever something fails, and HTTP/1.0, where an
 * end cannot be told from a cut, is refused.
 * @param tell sets headers, in the snapshot of the rows and before any of them
 */
export async function sendStream(
  { streams }: Services,
  { database }: Pick<AnswerSource, 'database'>,
  request: FastifyRequest,
  reply: FastifyReply,
  mediaType: string,
  prepare: Parameters<Streams['open']>[0],
  tell: (reader: Reader) => Promise<unknown> = () => Promise.resolve(),
): Promise<FastifyReply> {
  if (request.raw.httpVersion === '1.0')
    throw new ApiError(
      'http_version_not_supported',
      'Over HTTP/1.0 a broken stream looks like a whole one: use HTTP/1.1 (in nginx: proxy_http_version 1.1)',
    )
  const encoding = contentEncoding(request.headers['accept-encoding'])
  reply
    .header('vary', varyOf('csv'))
    .type(mediaType === mediaTypes.csv ? `${mediaType}; charset=utf-8; header=present` : mediaType)
  if (request.method === 'HEAD') {
    await tell(database)
    return reply.send()
  }
  const { deadline } = request
  deadline.extendTo(request.streamMs)
  const rows = await streams.open(
    async (snapshot, stopped) => {
      await tell(snapshot)
      return prepare(snapshot, stopped)
    },
    deadline.signal,
    database,
  )
  request.meter.streams(rows)
  // only now: a problem that comes before the first byte is not compressed
  if (encoding !== undefined) reply.header('content-encoding', encoding)
  reply.trailer('Attempt-Rows', (_reply, _payload, done) => {
    done(null, String(rows.rows))
  })
  return reply.send(encoding === undefined ? rows : compressed(rows, encoding))
}
