import { sendList } from '../http/list.js'
import { anomalyColumns, anomalyKeyPatterns, selectAnomalies, type AnomaliesQuery } from '../queries/anomalies.js'
import { anomaliesQuerystring, anomaliesResponse } from '../schemas/anomalies.js'
import { checkRange, checkTimestamp } from '../schemas/checks.js'
import { dataProblems } from '../schemas/problems.js'
import type { Routes } from '../services.js'

export const anomalies: Routes = (app, services) => {
  app.get(
    '/v1/anomalies',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listAnomalies',
        summary: 'List what the view excluded, defaulted or kept although it is unexpected',
        description:
          'Ordered by exam result, position and reason. since and until refer to completed_at of the exam. ' +
          'Always read from the view.',
        querystring: anomaliesQuerystring,
        response: { 200: anomaliesResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const select: AnomaliesQuery = checkRange(query.since, query.until, checkTimestamp)
      if (query.reason !== undefined) select.reasons = query.reason
      if (query.outcome !== undefined) select.outcome = query.outcome
      return sendList(services, request, reply, query, {
        name: 'anomalies',
        columns: anomalyColumns,
        keyPatterns: anomalyKeyPatterns,
        liveOnly: true,
        select: (reader, page) => selectAnomalies(reader, select, page),
      })
    },
  )
}
