/**
 * Limits the data requests of a client: the headers of draft-ietf-httpapi-ratelimit-headers-10, and 429. Each replica
 * counts for itself.
 */
import counter from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import { ApiError } from '../errors.js'
import { clientOf } from '../http/client.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Counts a request for its client.
     * @throws ApiError too_many_requests
     */
    countClient(request: FastifyRequest, reply: FastifyReply): Promise<void>
  }
}

export const rateLimit = fp(
  async (app, { rateLimit: max, rateWindowS }: Pick<Config, 'rateLimit' | 'rateWindowS'>) => {
    if (max === 0) {
      app.decorate('countClient', async () => undefined)
      return
    }
    await app.register(counter, {
      global: false,
      max,
      timeWindow: rateWindowS * 1000,
      cache: 10_000,
      keyGenerator: clientOf,
    })
    const count = app.createRateLimit()
    const policy = `"client";q=${max};w=${rateWindowS}`
    app.decorate('countClient', async (request: FastifyRequest, reply: FastifyReply) => {
      const counted = await count(request)
      if (counted.isAllowed) return
      const after = Math.max(1, counted.ttlInSeconds)
      reply.header('ratelimit-policy', policy).header('ratelimit', `"client";r=${counted.remaining};t=${after}`)
      if (counted.isExceeded)
        throw new ApiError(
          'too_many_requests',
          `The limit is ${max} requests per client in ${rateWindowS} s. Retry in ${after} s`,
          undefined,
          after,
        )
    })
    app.addHook('onRequest', async (request, reply) => {
      const { requestClass } = request.routeOptions.config
      if (requestClass !== undefined && requestClass !== 'probe') await app.countClient(request, reply)
    })
  },
  { name: 'rate-limit' },
)
