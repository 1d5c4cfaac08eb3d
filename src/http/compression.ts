/** Compression of streams, where the request asks for it and the runtime has it. */
import { pipeline, type Readable, type Transform } from 'node:stream'
import zlib from 'node:zlib'

// Node 20 has no zstd, and its types know none.
const zstd = (zlib as unknown as { createZstdCompress?: () => Transform & { flush(): void } }).createZstdCompress

/** By content coding, the preferred one first. Levels that keep up with the database rather than the smallest size. */
const compressors: Record<string, (() => Transform & { flush(): void }) | undefined> = {
  zstd,
  gzip: () => zlib.createGzip({ level: 1 }),
  br: () => zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
}

/** The content coding that `Accept-Encoding` prefers among ours (RFC 9110, 12.5.3); undefined: none. */
export function contentEncoding(accept: string | undefined): string | undefined {
  if (accept === undefined) return undefined
  const asked = new Map(
    accept
      .toLowerCase()
      .split(',')
      .map((part) => {
        const [name = '', ...options] = part.split(';').map((piece) => piece.trim())
        const weight = options.find((option) => option.startsWith('q='))
        return [name, weight === undefined ? 1 : Number(weight.slice(2))]
      }),
  )
  const offered = Object.keys(compressors).filter((name) => compressors[name] !== undefined)
  // a wildcard names no coding: the reader may be none that can undo ours
  const best = offered.map((name) => ({ name, weight: asked.get(name) ?? 0 })).sort((a, b) => b.weight - a.weight)[0]
  return best !== undefined && best.weight > 0 ? best.name : undefined
}

/** The bytes of `source`, compressed. Fails when the source does, so that what is cut stays cut. */
export function compressed(source: Readable, encoding: string): Readable {
  const compressor = compressors[encoding]?.()
  if (compressor === undefined) throw new Error(`no compressor for ${encoding}`)
  // what there is goes out when the database pauses, not when the compressor's window is full
  let idle: NodeJS.Timeout | undefined
  source.on('data', () => {
    clearTimeout(idle)
    idle = setTimeout(() => {
      compressor.flush()
    }, 250)
  })
  return pipeline(source, compressor, () => {
    clearTimeout(idle)
  })
}
