/** Compression of streams, if the request accepts a coding that the runtime supports. */
import { negotiate } from '@fastify/accept-negotiator'
import type { FastifyRequest } from 'fastify'
import { pipeline, type Readable, type Transform } from 'node:stream'
import zlib from 'node:zlib'

type Compressor = Transform & { flush(): void }

/** Node 20 has no zstd, and neither have its types. */
const hasZstd = (library: object): library is { createZstdCompress: () => Compressor } =>
  'createZstdCompress' in library && typeof library.createZstdCompress === 'function'

/** By content coding, the preferred one first. Levels that keep up with the database, not the smallest size. */
const compressors = new Map<string, () => Compressor>([
  ...(hasZstd(zlib) ? ([['zstd', zlib.createZstdCompress]] as const) : []),
  ['gzip', () => zlib.createGzip({ level: 1 })],
  ['br', () => zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
])
const offered = [...compressors.keys()]

/**
 * The content coding of ours that `Accept-Encoding` prefers; undefined: none. A client that names a coding of ours gets
 * it, whether it names identity too or not.
 */
export function contentEncoding(request: FastifyRequest): string | undefined {
  // codings are case-insensitive; a wildcard names no coding that the client is sure to undo
  const accepted = request.headers['accept-encoding']?.toString().toLowerCase().replaceAll('*', 'wildcard')
  return negotiate(accepted ?? '', offered) ?? undefined
}

/** A pause of the database after which what is compressed so far goes out, milliseconds. */
const idleMs = 250

/** The bytes of `source`, compressed. It fails when the source does, so an aborted stream stays aborted. */
export function compressed(source: Readable, encoding: string): Readable {
  const compressor = compressors.get(encoding)?.()
  if (compressor === undefined) throw new Error(`no compressor for ${encoding}`)
  let idle: NodeJS.Timeout | undefined
  source.on('data', () => {
    clearTimeout(idle)
    idle = setTimeout(() => {
      compressor.flush()
    }, idleMs)
  })
  return pipeline(source, compressor, () => {
    clearTimeout(idle)
  })
}
