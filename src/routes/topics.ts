import { Type } from 'typebox'
import type { Routes } from '../services.js'
import { byDate, byTopic, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { selectTopicDays } from '../queries/topic-days.js'
import { distinctStudents, measures, p90 } from '../measures.js'
import {
  aggregateFilters,
  checkDate,
  checkRange,
  checkTimestamp,
  checkZone,
  closed,
  days,
  parameters as p,
  range,
  today,
} from '../schemas/parameters.js'
import { dataProblems, rowSchema } from '../schemas/responses.js'
import { listResponse, paging, sendList, source, unchangedResponse } from '../http/list.js'

const topicMeasures = [...measures, distinctStudents]
const dailyMeasures = [...measures, distinctStudents, p90]
const topicColumns = [byTopic, ...topicMeasures]
const daily = [byDate, byTopic] as const
const dailyColumns = [...daily, ...dailyMeasures]

export const topics: Routes = (app, services) => {
  app.get(
    '/v1/topics',
    {
      config: { scope: 'aggregates:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Topics'],
        operationId: 'listTopics',
        summary: 'One aggregate a topic',
        description:
          'Ordered by topic_id (by code points); attempts without a topic are the last row, with topic_id null.',
        querystring: closed({ ...range, attempt_no: Type.Optional(p.attempt_no), ...paging, ...source }),
        response: {
          200: listResponse('TopicPage', rowSchema('Topic', topicColumns, 'One topic.')),
          ...unchangedResponse,
          ...dataProblems(),
        },
      },
    },
    async (request, reply) => {
      const select = {
        groups: [byTopic],
        measures: topicMeasures,
        range: checkRange(request.query.since, request.query.until, checkTimestamp),
        ...aggregateFilters(request.query),
      }
      return sendList(services, request, reply, {
        name: 'topics',
        columns: topicColumns,
        keyPatterns: keyPatterns([byTopic]),
        etagScope: { range: select.range },
        select: (reader, ask) => selectAggregates(reader, select, ask),
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
        summary: 'The topic KPIs: one aggregate a topic and day',
        description:
          'Ordered by date and topic_id (by code points, no topic last). since and until are dates in the zone tz; default: the last 7 days and today. Days without attempts have no row.',
        querystring: closed({ ...days, topic_id: Type.Optional(p.topic_id), ...paging, ...source }),
        response: {
          200: listResponse('TopicDayPage', rowSchema('TopicDay', dailyColumns, 'One topic and day.'), {
            tz: Type.String({ examples: ['UTC'] }),
          }),
          ...unchangedResponse,
          ...dataProblems(),
        },
      },
    },
    async (request, reply) => {
      const query = request.query
      const zone = checkZone(query.tz)
      const asked =
        query.since === undefined && query.until === undefined
          ? { since: today(zone, -7), until: today(zone, 1) }
          : checkRange(query.since, query.until, checkDate)
      const select = { groups: daily, measures: dailyMeasures, days: { ...asked, zone }, ...aggregateFilters(query) }
      return sendList(services, request, reply, {
        name: 'topics/daily',
        columns: dailyColumns,
        keyPatterns: keyPatterns(daily),
        extra: { tz: zone },
        etagScope: { days: select.days },
        select: (reader, ask) => selectTopicDays(reader, select, ask),
      })
    },
  )
}
