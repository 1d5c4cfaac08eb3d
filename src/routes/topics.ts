import { sendList } from '../http/list.js'
import { byTopic, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { selectTopicDays } from '../queries/topic-days.js'
import { aggregateFilters, checkDate, checkRange, checkTimestamp } from '../schemas/checks.js'
import { checkZone, today } from '../schemas/time-zones.js'
import { dataProblems } from '../schemas/problems.js'
import { smallGroups, unchangedResponse } from '../schemas/responses.js'
import {
  topicColumns,
  topicDayColumns,
  topicDayGroups,
  topicDayMeasures,
  topicDaysQuerystring,
  topicDaysResponse,
  topicMeasures,
  topicsQuerystring,
  topicsResponse,
} from '../schemas/topics.js'
import type { Routes } from '../services.js'

export const topics: Routes = (app, services) => {
  app.get(
    '/v1/topics',
    {
      config: { scope: 'aggregates:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Topics'],
        operationId: 'listTopics',
        summary: 'List one aggregate per topic',
        description:
          'Ordered by topic_id, by code points. Attempts without a topic are the last row, with topic_id null. ' +
          smallGroups,
        querystring: topicsQuerystring,
        response: { 200: topicsResponse, ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const range = checkRange(query.since, query.until, checkTimestamp)
      const select = { groups: [byTopic], measures: topicMeasures, range, ...aggregateFilters(query) }
      return sendList(services, request, reply, query, {
        name: 'topics',
        columns: topicColumns,
        keyPatterns: keyPatterns([byTopic]),
        etagScope: { range },
        select: (reader, page) => selectAggregates(reader, select, page),
      })
    },
  )

  app.get(
    '/v1/topics/daily',
    {
      config: { scope: 'aggregates:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Topics'],
        operationId: 'listTopicDays',
        summary: 'List the topic KPIs: one aggregate per topic and day',
        description:
          'Ordered by date and topic_id (by code points; no topic comes last). since and until are dates in the time ' +
          'zone tz; default: the last 7 days and today. Days without attempts have no row. ' +
          smallGroups,
        querystring: topicDaysQuerystring,
        response: { 200: topicDaysResponse, ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const zone = checkZone(query.tz)
      const range =
        query.since === undefined && query.until === undefined
          ? { since: today(zone, -7), until: today(zone, 1) }
          : checkRange(query.since, query.until, checkDate)
      const days = { ...range, zone }
      const select = { groups: topicDayGroups, measures: topicDayMeasures, days, ...aggregateFilters(query) }
      return sendList(services, request, reply, query, {
        name: 'topics/daily',
        columns: topicDayColumns,
        keyPatterns: keyPatterns(topicDayGroups),
        extra: { tz: zone },
        etagScope: { days },
        select: (reader, page) => selectTopicDays(reader, select, page),
      })
    },
  )
}
