/** The headers that describe the source of an answer, and the 304 of conditional requests. */
import type { FastifyRequest } from 'fastify'
import type { Reader } from '../database/reader.js'
import type { Format } from '../formats/media-types.js'
import { readEtagVersion, type EtagScope, type EtagVersion } from '../queries/etag-version.js'
import type { AnswerSource } from '../store/sources.js'
import { readReadyStore, type ReadyStore } from '../store/state.js'
import type { Answer, Headers } from './answer.js'
import { etagOf, matchesEtag } from './etag.js'
import { varyOf } from './representations.js'

/** What decides whether an answer is still the same. */
export interface Identity {
  /** The rows that it depends on; undefined: the answer has no ETag. */
  scope: EtagScope | undefined
  /** The part of the request that it depends on. */
  request: unknown
}

/** Tells the client that the store does not have every attempt: an answer never claims to be complete in silence. */
export const setAsideHeader = (exams: number): Headers => (exams === 0 ? {} : { 'attempt-set-aside': String(exams) })

const storeHeaders = ({ version, asOf, setAside }: ReadyStore, etag?: string): Headers => ({
  'attempt-source': 'store',
  'attempt-as-of': asOf,
  'attempt-version': version,
  ...setAsideHeader(setAside),
  ...(etag === undefined ? {} : { etag }),
})

/**
 * The headers of an answer, from the snapshot that its rows are read in, and the moment that it is as of.
 * @throws StoreNotReady
 */
export async function readHeaders(
  reader: Reader,
  source: Pick<AnswerSource, 'kind' | 'asOf'>,
  { scope, request }: Identity,
): Promise<{ asOf: string; headers: Headers }> {
  if (source.kind === 'live')
    return { asOf: source.asOf, headers: { 'attempt-source': 'live', 'attempt-as-of': source.asOf } }
  if (scope === undefined) {
    const { state } = await readReadyStore(reader)
    return { asOf: state.asOf, headers: storeHeaders(state) }
  }
  const { state, covered } = await readEtagVersion(reader, scope)
  return { asOf: state.asOf, headers: storeHeaders(state, etagOf(covered, scope, request)) }
}

/**
 * The 304 for a client that has the answer already, in one statement; undefined if it does not.
 * @param isAnswer whether rows like these surely give an answer: only then `If-None-Match: *` is a match
 * @throws StoreNotReady
 */
export async function notModified(
  { headers: { 'if-none-match': condition } }: FastifyRequest,
  { kind, database }: AnswerSource,
  { scope, request }: Identity,
  { format = 'json', isAnswer = () => true }: { format?: Format; isAnswer?(covered: EtagVersion): boolean } = {},
): Promise<Answer | undefined> {
  if (kind !== 'store' || scope === undefined || condition === undefined) return undefined
  const { state, covered } = await readEtagVersion(database, scope)
  const etag = etagOf(covered, scope, request)
  if (!matchesEtag(condition, etag, isAnswer(covered))) return undefined
  return { status: 304, headers: { ...storeHeaders(state, etag), vary: varyOf(format) } }
}
