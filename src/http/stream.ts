/** Whole results as streams, with the number of rows as a trailer. */
import type { FastifyRequest } from 'fastify'
import type { Reader } from '../database/reader.js'
import type { Statement } from '../database/statement.js'
import type { Snapshot, StreamContent } from '../database/streams.js'
import { ApiError } from '../errors.js'
import type { Services } from '../services.js'
import type { AnswerSource } from '../store/sources.js'
import type { Answer, Headers } from './answer.js'
import { clientOf } from './client.js'
import { compressed, contentEncoding } from './compression.js'
import { contentTypes, varyOf, type StreamFormat } from './representations.js'

/** What was read for the headers, and what follows: both in the snapshot of the rows. */
export interface PreparedStream {
  headers: Headers
  /** Decides which rows are sent and how they are encoded; `stopped` aborts when nothing waits for them any more. */
  content(snapshot: Snapshot, stopped: AbortSignal): StreamContent | Promise<StreamContent>
}

export interface StreamPlan {
  format: StreamFormat
  /** A HEAD request does nothing else. */
  prepare(reader: Reader): Promise<PreparedStream>
}

/**
 * A stream from its first bytes on. If it fails later, the connection is aborted. HTTP/1.0 is refused, because its
 * clients cannot distinguish an aborted answer from a complete one.
 * @throws ApiError http_version_not_supported, too_many_streams, too_many_client_streams, too_busy, timeout; what the
 * plan throws
 */
export async function streamAnswer(
  { streams }: Services,
  request: FastifyRequest,
  { kind, database }: Pick<AnswerSource, 'kind' | 'database'>,
  { format, prepare }: StreamPlan,
): Promise<Answer> {
  if (request.raw.httpVersion === '1.0')
    throw new ApiError(
      'http_version_not_supported',
      'Streams need HTTP/1.1 or later, because a broken stream looks complete over HTTP/1.0. ' +
        'In nginx: proxy_http_version 1.1',
    )
  const encoding = contentEncoding(request)
  const fixed = {
    vary: varyOf(format),
    'content-type': contentTypes[format],
    ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
  }
  if (request.method === 'HEAD') {
    const { headers } = kind === 'store' ? await database.snapshot(prepare) : await prepare(database)
    return { headers: { ...headers, ...fixed } }
  }
  const { deadline, meter } = request
  deadline.extendTo(request.streamMs)
  const { headers, rows } = await streams.open(
    async (snapshot, stopped) => {
      const prepared = await prepare(snapshot)
      const content = await prepared.content(snapshot, stopped)
      return { ...content, headers: { ...prepared.headers, ...content.headers } }
    },
    deadline.signal,
    database,
    clientOf(request),
  )
  meter.streams(rows)
  return {
    headers: { ...headers, ...fixed },
    body: encoding === undefined ? rows : compressed(rows, encoding),
    rows: () => rows.rows,
  }
}

/** A sequence of one statement. */
export async function* single(statement: Statement): StreamContent['statements'] {
  yield await Promise.resolve(statement)
}
