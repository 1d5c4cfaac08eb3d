/** Health, and the check of the lock: what deploy pipelines and the engineer on call ask. */
import { Type } from 'typebox'
import type { Routes } from '../services.js'
import { attemptV1 } from '../contract/attempt-v1.js'
import { odcsDocument } from '../contract/odcs.js'
import { problems } from '../schemas/responses.js'

const nullable = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })
const report = Type.Object(
  {
    status: Type.Enum(['pass', 'fail', 'error'], {
      description:
        'pass: all hold (200). fail: the deployed view contradicts the lock (409). error: it could not be checked (503).',
    }),
    contract: Type.String({ description: 'version of the contract', examples: ['1.0.0'] }),
    migration: nullable('the applied migration of the lock'),
    server_version: Type.String({ examples: ['18.4'] }),
    checks: Type.Array(
      Type.Object(
        {
          name: Type.String({ examples: ['golden:student_id_hash'] }),
          status: Type.Enum(['pass', 'warn', 'fail', 'error']),
          expected: nullable('what the lock says'),
          actual: nullable('what is there'),
          detail: nullable('what it means'),
        },
        { additionalProperties: false },
      ),
      { description: 'every check, all problems at once' },
    ),
  },
  { $id: 'ContractReport', additionalProperties: false },
)
const readiness = Type.Object(
  {
    status: Type.Enum(['ready', 'unavailable']),
    reason: Type.String({ description: 'why it is not ready; empty where it is' }),
    database: Type.Enum(['reachable', 'unreachable', 'unknown'], {
      description: 'unknown: it was not asked, for the service is shutting down',
    }),
    migrations: Type.Union(
      [
        Type.Object(
          { applied: Type.Array(Type.String()), pending: Type.Array(Type.String()) },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'null: this role may not read them' },
    ),
    contract: Type.Object(
      { status: Type.Enum(['pass', 'fail', 'error', 'unknown']), checked_at: nullable('when') },
      { additionalProperties: false },
    ),
    store: Type.Union(
      [
        Type.Object(
          {
            state: Type.Unsafe<'filling' | 'ready' | null>({
              enum: ['filling', 'ready', null],
              description: 'filling: answers come through the view until it is whole',
            }),
            version: nullable('of the last refresh that changed a row'),
            as_of: nullable('what was committed before this moment is in the store'),
            lag_s: Type.Unsafe<number | null>({
              type: ['number', 'null'],
              description: 'seconds since then',
              examples: [0.4],
            }),
            differences: Type.Unsafe<number | null>({
              type: ['integer', 'null'],
              description: 'rows that verification found different from the view, and repaired, ever',
              examples: [0],
            }),
            detail: Type.Enum(['ok', 'filling', 'lagging', 'degraded', 'unreachable'], {
              description:
                'lagging: more than STORE_LAG_S behind, so that answers come through the view. degraded: verification found a difference within the last 24 hours. unreachable: its database did not answer at once. None of them changes the status.',
            }),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'the maintained store; null: there is none, or this role may not read it' },
    ),
    standbys: Type.Array(
      Type.Object(
        {
          server: Type.String({ description: 'its place in DATABASE_READ_URL', examples: ['standby 1'] }),
          read: Type.Boolean({ description: 'whether answers come from it now' }),
          lag_s: Type.Unsafe<number | null>({
            type: ['number', 'null'],
            description: 'how far it is known to be behind; seconds',
          }),
          reason: Type.String({ description: 'why it is not read; empty where it is' }),
        },
        { additionalProperties: false },
      ),
      { description: 'of DATABASE_READ_URL, as this process measures them; none of them changes the status' },
    ),
  },
  { $id: 'Readiness', additionalProperties: false },
)
/** Whoever stops asks no database, which may be why it stops. */
const left = {
  status: 'unavailable' as const,
  reason: 'the service is shutting down',
  database: 'unknown' as const,
  migrations: null,
  contract: { status: 'unknown' as const, checked_at: null },
  store: null,
  standbys: [],
}
const statuses = { pass: 200, fail: 409, error: 503 } as const
const none = Type.Object({}, { additionalProperties: false })

export const operations: Routes = (app, { contract, readiness: serviceReadiness, storeMonitor, sources }) => {
  app.get(
    '/schema-contract',
    {
      config: { scope: 'open', requestClass: 'probe' },
      schema: {
        tags: ['Operations'],
        operationId: 'checkSchemaContract',
        summary: 'Checks what the deployed view does',
        description:
          'Runs the deployed definition on known rows, read-only and without touching exam_results. 409: roll back. 503: try again.',
        querystring: none,
        response: { 200: report, 409: report, 503: report, ...problems('invalid_parameter', 'internal_error') },
      },
    },
    async (_request, reply) => {
      const result = await contract.check()
      if (result.status === 'error') reply.header('retry-after', '5')
      return reply.status(statuses[result.status]).header('cache-control', 'no-store').send(result)
    },
  )

  app.get(
    '/schema-contract/odcs',
    {
      config: { scope: 'open', requestClass: 'probe' },
      schema: {
        tags: ['Operations'],
        operationId: 'getDataContract',
        summary: 'The contract as an Open Data Contract Standard document',
        description: 'YAML, ODCS 3.1.0.',
        querystring: none,
        response: {
          200: {
            description: 'the document',
            content: { 'application/yaml': { schema: Type.String({ examples: ['apiVersion: v3.1.0'] }) } },
          },
          ...problems('invalid_parameter', 'internal_error'),
        },
      },
    },
    async (_request, reply) => reply.type('application/yaml; charset=utf-8').send(odcsDocument(attemptV1)),
  )

  app.get(
    '/health/live',
    {
      config: { scope: 'open', requestClass: 'probe' },
      schema: {
        tags: ['Operations'],
        operationId: 'getLiveness',
        summary: 'The process answers',
        description: 'Touches nothing.',
        querystring: none,
        response: {
          200: Type.Object({ status: Type.Literal('live') }, { $id: 'Liveness', additionalProperties: false }),
          ...problems('invalid_parameter', 'internal_error'),
        },
      },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'live' as const }),
  )

  for (const [path, operationId] of [
    ['/health', 'getHealth'],
    ['/health/ready', 'getReadiness'],
  ] as const) {
    app.get(
      path,
      {
        config: { scope: 'open', requestClass: 'probe' },
        schema: {
          tags: ['Operations'],
          operationId,
          summary: 'Database, migrations, the last contract result, the store and the standbys',
          description:
            'Ready is as of a second ago, so that a busy database delays no probe; what is not ready is asked for again first. The last contract result is refreshed in the background; /schema-contract runs the check at once. Store and standbys are told and never decide.',
          querystring: none,
          response: { 200: readiness, 503: readiness, ...problems('invalid_parameter', 'internal_error') },
        },
      },
      async (_request, reply) => {
        if (app.leaving())
          return reply.status(503).header('retry-after', '5').header('cache-control', 'no-store').send(left)
        const [{ ready, ...state }, store] = await Promise.all([serviceReadiness.get(), storeMonitor.health()])
        const standbys = sources.standbys().map(({ server, usable, asOf, reason }) => ({
          server,
          read: usable,
          lag_s: asOf > 0 ? Math.round(Math.max(0, Date.now() - asOf) / 100) / 10 : null,
          reason: reason ?? '',
        }))
        if (!ready) reply.header('retry-after', '5')
        return reply
          .status(ready ? 200 : 503)
          .header('cache-control', 'no-store')
          .send({ status: ready ? ('ready' as const) : ('unavailable' as const), ...state, store, standbys })
      },
    )
  }
}
