/** Health and the contract check: what deploy pipelines and the engineer on call read. */
import { Type } from 'typebox'
import { attemptV1 } from '../contract/attempt-v1.js'
import { requireInstalled } from '../contract/installed.js'
import { odcsDocument } from '../contract/odcs.js'
import { contractReport } from '../schemas/contract-report.js'
import { healthReport, livenessReport } from '../schemas/health.js'
import { contractParameters, noParameters } from '../schemas/parameters.js'
import { problems } from '../schemas/problems.js'
import type { Routes } from '../services.js'

/** Of a service that is shutting down. It queries no database: that may be why it stops. */
const leaving = {
  status: 'unavailable' as const,
  reason: 'the service is shutting down',
  database: 'unknown' as const,
  migrations: null,
  contract: { status: 'unknown' as const, checked_at: null },
  store: null,
  standbys: [],
}
const contractStatuses = { pass: 200, fail: 409, error: 503 } as const
const open = { scope: 'open', requestClass: 'probe' } as const

export const operations: Routes = (app, { contract, readiness, storeMonitor, sources }) => {
  app.get(
    '/schema-contract',
    {
      config: open,
      schema: {
        tags: ['Operations'],
        operationId: 'checkSchemaContract',
        summary: 'Check the deployed view against the contract',
        description:
          'Runs the deployed definition on known rows, read-only and without touching exam_results. 409: roll back. ' +
          '503: retry. Without `definition=installed`, a definition of another text is a warning.',
        querystring: contractParameters,
        response: {
          200: contractReport,
          409: contractReport,
          503: contractReport,
          ...problems('invalid_parameter', 'internal_error'),
        },
      },
    },
    async ({ query }, reply) => {
      const report = await contract.check()
      const result = query.definition === 'installed' ? requireInstalled(report) : report
      if (result.status === 'error') reply.header('retry-after', '5')
      return reply.status(contractStatuses[result.status]).header('cache-control', 'no-store').send(result)
    },
  )

  app.get(
    '/schema-contract/odcs',
    {
      config: open,
      schema: {
        tags: ['Operations'],
        operationId: 'getDataContract',
        summary: 'Get the contract as an Open Data Contract Standard document',
        description: 'YAML, ODCS 3.1.0.',
        querystring: noParameters,
        response: {
          200: {
            description: 'The document',
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
      config: open,
      schema: {
        tags: ['Operations'],
        operationId: 'getLiveness',
        summary: 'Check that the process answers',
        description: 'Reads nothing.',
        querystring: noParameters,
        response: { 200: livenessReport, ...problems('invalid_parameter', 'internal_error') },
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
        config: open,
        schema: {
          tags: ['Operations'],
          operationId,
          summary: 'Check database, migrations, the last contract result, store and standbys',
          description:
            'A ready state is up to one second old, so a busy database delays no probe; a state that is not ready is ' +
            'checked again first. The last contract result is refreshed in the background; /schema-contract runs the ' +
            'check at once. Store and standbys are reported, but never change the status.',
          querystring: noParameters,
          response: { 200: healthReport, 503: healthReport, ...problems('invalid_parameter', 'internal_error') },
        },
      },
      async (_request, reply) => {
        reply.header('cache-control', 'no-store')
        if (app.leaving()) return reply.status(503).header('retry-after', '5').send(leaving)
        const [{ ready, ...state }, store] = await Promise.all([readiness.get(), storeMonitor.health()])
        const standbys = sources.standbys().map(({ server, usable, asOf, reason = '' }) => ({
          server,
          read: usable,
          lag_s: asOf > 0 ? Math.round(Math.max(0, Date.now() - asOf) / 100) / 10 : null,
          reason,
        }))
        if (!ready) reply.header('retry-after', '5')
        const status = ready ? ('ready' as const) : ('unavailable' as const)
        return reply.status(ready ? 200 : 503).send({ status, ...state, store, standbys })
      },
    )
  }
}
