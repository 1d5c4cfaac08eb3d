import { sendList } from '../http/list.js'
import { withoutMoments } from '../http/small-groups.js'
import { byItem, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { aggregateFilters, checkRange, checkTimestamp } from '../schemas/checks.js'
import { itemColumns, itemMeasures, itemsQuerystring, itemsResponse } from '../schemas/items.js'
import { dataProblems } from '../schemas/problems.js'
import { smallGroups, unchangedResponse } from '../schemas/responses.js'
import type { Routes } from '../services.js'

export const items: Routes = (app, services) => {
  app.get(
    '/v1/items',
    {
      config: { scope: 'aggregates:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Items'],
        operationId: 'listItems',
        summary: 'List one aggregate per item, with its p-value',
        description: `Ordered by item_id. p_value is the share of first attempts that are correct. ${smallGroups}`,
        querystring: itemsQuerystring,
        response: { 200: itemsResponse, ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const range = checkRange(query.since, query.until, checkTimestamp)
      const { smallestGroup } = request
      const select = {
        groups: [byItem],
        measures: withoutMoments(itemMeasures, smallestGroup),
        range,
        ...aggregateFilters(query),
        alwaysBelowStudents: smallestGroup?.students,
      }
      return sendList(services, request, reply, query, {
        name: 'items',
        columns: itemColumns,
        keyPatterns: keyPatterns([byItem]),
        etagScope: { range },
        select: (reader, page) => selectAggregates(reader, select, page),
      })
    },
  )
}
