/** The representations on offer, and which one a request gets: `format` takes precedence over `Accept`. */
import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { contractVersion } from '../contract/attempt-v1.js'
import { ApiError, quoted } from '../errors.js'
import { arrowEncoder } from '../formats/arrow.js'
import { csvEncoder } from '../formats/csv.js'
import type { Column, Encoder } from '../formats/encoder.js'
import { mediaTypes, type Format } from '../formats/media-types.js'
import { ndjsonEncoder } from '../formats/ndjson.js'
import { alternatives } from '../schemas/expected-form.js'

/** The formats of streams. */
export type StreamFormat = Exclude<Format, 'json'>

export const encoders: Record<StreamFormat, (columns: readonly Column[]) => Encoder> = {
  ndjson: ndjsonEncoder,
  csv: csvEncoder,
  arrow: (columns) => arrowEncoder(columns, { contract: 'attempt', contract_version: contractVersion }),
}

/** The Content-Type of a format. */
export const contentTypes: Record<Format, string> = {
  json: `${mediaTypes.json}; charset=utf-8`,
  ndjson: mediaTypes.ndjson,
  csv: `${mediaTypes.csv}; charset=utf-8; header=present`,
  arrow: mediaTypes.arrow,
}

/** Vary of an answer in this format: only streams are compressed. */
export const varyOf = (format: Format) => (format === 'json' ? 'Accept' : 'Accept, Accept-Encoding')

/**
 * The representation of an answer. Of several that `Accept` prefers equally, the most specific and then the first that
 * the client names counts; without any preference, the first of `offered`.
 * @throws ApiError not_acceptable
 */
export function negotiate<F extends Format>(
  request: FastifyRequest,
  offered: readonly [F, ...F[]],
  format: string | undefined,
): F {
  if (format !== undefined) {
    const named = offered.find((name) => name === format)
    if (named !== undefined) return named
    throw new ApiError(
      'not_acceptable',
      `This endpoint does not offer format=${quoted(format)}; use ${alternatives(offered)}`,
    )
  }
  // parameters such as charset do not choose between our formats, q does; an empty header is none (RFC 9110, 12.5.1)
  const accept = request.headers.accept?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '').trim() || '*/*'
  const accepted = new Negotiator({ headers: { accept } }).mediaType(offered.map((name) => mediaTypes[name]))
  const best = offered.find((name) => mediaTypes[name] === accepted)
  if (best !== undefined) return best
  throw new ApiError(
    'not_acceptable',
    `This endpoint does not offer Accept: ${quoted(request.headers.accept)}; ` +
      `send ${alternatives(offered.map((name) => mediaTypes[name]))}, or no Accept header`,
  )
}
