import { Type } from 'typebox'
import type { Routes } from '../app.js'
import { decodeCursor, fingerprint } from '../database/cursor.js'
import { anomalyColumns, anomalyKeyPatterns, outcomes, reasons, selectAnomalies, type AnomaliesQuery } from '../queries/anomalies.js'
import { checkRange, checkTimestamp, defaultLimit, parameters as p } from '../schemas/parameters.js'
import { dataProblems, pageSchema, rowSchema } from '../schemas/responses.js'
import { negotiate, now, sendPage } from './list.js'

const row = rowSchema('Anomaly', anomalyColumns, 'One element and one reason: what the view left out, replaced by a default, or kept against expectation.')
const querystring = Type.Object({
  reason: Type.Optional(Type.Array(Type.Enum([...reasons]), { maxItems: 20, description: 'Reasons: any of. May be repeated.' })),
  outcome: Type.Optional(Type.Enum([...outcomes], { description: 'What became of the element.' })),
  since: Type.Optional(p.since), until: Type.Optional(p.until),
  limit: Type.Optional(p.limit), cursor: Type.Optional(p.cursor), format: Type.Optional(p.format),
}, { additionalProperties: false })

export const anomalies: Routes = (app, { database }) => {
  app.get('/v1/anomalies', {
    schema: {
      tags: ['Attempts'], operationId: 'listAnomalies', summary: 'What the view attempt excluded, defaulted or kept against expectation',
      description: 'Ordered by exam result, place in it and reason. since and until are on completed_at of the exam.',
      querystring, response: { 200: pageSchema('AnomalyPage', row), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('anomalies', query)
    const select: AnomaliesQuery = { limit, ...checkRange(query.since, query.until, checkTimestamp) }
    if (query.reason !== undefined) select.reasons = query.reason as string[]
    if (query.outcome !== undefined) select.outcome = query.outcome as string
    if (query.cursor !== undefined) select.after = decodeCursor(print, query.cursor, anomalyKeyPatterns)
    const rows = await database.snapshot((reader) => selectAnomalies(reader, select))
    return sendPage(request, reply, { columns: anomalyColumns, rows, limit, print, asOf })
  })
}
