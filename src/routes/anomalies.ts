import { Type } from 'typebox'
import type { Routes } from '../services.js'
import {
  anomalyColumns,
  anomalyKeyPatterns,
  outcomes,
  reasons,
  selectAnomalies,
  type AnomaliesQuery,
} from '../queries/anomalies.js'
import { checkRange, checkTimestamp, parameters as p } from '../schemas/parameters.js'
import { dataProblems, rowSchema } from '../schemas/responses.js'
import { listResponse, paging, sendList } from '../http/list.js'

const row = rowSchema(
  'Anomaly',
  anomalyColumns,
  'One element and one reason: what the view left out, replaced by a default, or kept against expectation.',
)
const querystring = Type.Object(
  {
    reason: Type.Optional(
      Type.Array(Type.Enum([...reasons]), { maxItems: 20, description: 'Reasons: any of. May be repeated.' }),
    ),
    outcome: Type.Optional(Type.Enum([...outcomes], { description: 'What became of the element.' })),
    since: Type.Optional(p.since),
    until: Type.Optional(p.until),
    ...paging,
  },
  { additionalProperties: false },
)

export const anomalies: Routes = (app, services) => {
  app.get(
    '/v1/anomalies',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listAnomalies',
        summary: 'What the view attempt excluded, defaulted or kept against expectation',
        description: 'Ordered by exam result, place in it and reason. since and until are on completed_at of the exam.',
        querystring,
        response: { 200: listResponse('AnomalyPage', row), ...dataProblems() },
      },
    },
    async (request, reply) => {
      const query = request.query
      const select: AnomaliesQuery = checkRange(query.since, query.until, checkTimestamp)
      if (query.reason !== undefined) select.reasons = query.reason as string[]
      if (query.outcome !== undefined) select.outcome = query.outcome as string
      return sendList(services, request, reply, {
        name: 'anomalies',
        columns: anomalyColumns,
        keyPatterns: anomalyKeyPatterns,
        liveOnly: true,
        select: (reader, ask) => selectAnomalies(reader, select, ask),
      })
    },
  )
}
