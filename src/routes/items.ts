import { Type } from 'typebox'
import type { Routes } from '../services.js'
import { byItem, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { distinctStudents, firstCompleted, lastCompleted, measures, pValue } from '../measures.js'
import { aggregateFilters, checkRange, checkTimestamp, closed, parameters as p, range } from '../schemas/parameters.js'
import { dataProblems, rowSchema } from '../schemas/responses.js'
import { listResponse, paging, sendList, source, unchangedResponse } from '../http/list.js'

const itemMeasures = [...measures, distinctStudents, pValue, firstCompleted, lastCompleted]
const columns = [byItem, ...itemMeasures]

export const items: Routes = (app, services) => {
  app.get(
    '/v1/items',
    {
      config: { scope: 'aggregates:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Items'],
        operationId: 'listItems',
        summary: 'One aggregate an item, with its p-value',
        description: 'Ordered by item_id. p_value is the share correct of first attempts.',
        querystring: closed({
          ...range,
          topic_id: Type.Optional(p.topic_id),
          min_attempts: Type.Optional(p.min_attempts),
          ...paging,
          ...source,
        }),
        response: {
          200: listResponse('ItemPage', rowSchema('Item', columns, 'One item.')),
          ...unchangedResponse,
          ...dataProblems(),
        },
      },
    },
    async (request, reply) => {
      const select = {
        groups: [byItem],
        measures: itemMeasures,
        range: checkRange(request.query.since, request.query.until, checkTimestamp),
        ...aggregateFilters(request.query),
      }
      return sendList(services, request, reply, {
        name: 'items',
        columns,
        keyPatterns: keyPatterns([byItem]),
        etagScope: { range: select.range },
        select: (reader, ask) => selectAggregates(reader, select, ask),
      })
    },
  )
}
