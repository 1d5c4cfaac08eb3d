/** Which database an answer is read from: the source is chosen, and a failed standby is replaced by the primary. */
import type { FastifyRequest } from 'fastify'
import { databaseErrorCode, firstError } from '../errors.js'
import type { Services } from '../services.js'
import type { AnswerSource } from '../store/sources.js'
import { StoreNotReady } from '../store/state.js'
import type { Answer } from './answer.js'

export type RequestedSource = 'live' | 'store' | undefined

async function chooseSource(
  { sources }: Services,
  { deadline, meter }: FastifyRequest,
  requested: RequestedSource,
  { onPrimary = false } = {},
): Promise<AnswerSource> {
  const source = await deadline.race(sources.choose(requested, onPrimary))
  meter.source = source
  return { ...source, database: source.database.within(deadline, meter) }
}

/**
 * The answer from the best source. If the store turns out not to be ready when it is read, another source is chosen.
 * If a standby fails before the first byte (it went away, is busy, or cancelled the statement because it delayed
 * replay), the primary gives the whole answer.
 * @param requested the source that the request names
 * @throws ApiError store_unavailable, database_unavailable; what `answer` throws
 */
export async function answerFrom(
  services: Services,
  request: FastifyRequest,
  requested: RequestedSource,
  answer: (source: AnswerSource) => Promise<Answer>,
): Promise<Answer> {
  const onPrimary = async () => answer(await chooseSource(services, request, requested, { onPrimary: true }))
  const source = await chooseSource(services, request, requested)
  try {
    return await answer(source)
  } catch (error) {
    if (error instanceof StoreNotReady) {
      services.sources.invalidate()
      return onPrimary()
    }
    const code = databaseErrorCode(error)
    if (!source.standby || code === undefined || code === 'timeout') throw error
    request.log.warn({ err: error, server: source.database.server }, 'a standby failed; the primary answers instead')
    // a cancelled statement, a full pool or a view that replay has not created yet is not the standby's fault
    if (code === 'database_unavailable' && firstError(error).code?.startsWith('40') !== true)
      services.sources.reportFailure(source)
    return onPrimary()
  }
}
