import { Type, type TSchema } from 'typebox'
import type { Routes } from '../services.js'
import { ApiError } from '../errors.js'
import { jsonRows, memberWriter } from '../formats/json.js'
import { aggregateStatement, byDate, byStudent, byTopic, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { measures, studentMeasures } from '../measures.js'
import { studentId } from '../queries/student-id.js'
import { selectStudents, studentColumns } from '../queries/students.js'
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
} from '../schemas/parameters.js'
import { dataProblems, rowSchema } from '../schemas/responses.js'
import {
  answerFrom,
  listResponse,
  negotiate,
  notModified,
  paging,
  sendList,
  source,
  setStoreHeaders,
  unchangedResponse,
} from '../http/list.js'
import { mediaTypes } from '../formats/media-types.js'

const student = rowSchema('Student', studentColumns, 'One student over all attempts that the filters leave.')
const topicOfStudent = [byTopic, ...measures]
const daily = [byDate, byStudent, byTopic] as const
const dailyColumns = [...daily, ...measures]

export const students: Routes = (app, services) => {
  app.get(
    '/v1/students',
    {
      config: { scope: 'attempts:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Students'],
        operationId: 'listStudents',
        summary: 'One aggregate a student',
        description: "Ordered by student_id. Reads the history of the page's students only.",
        querystring: closed({
          ...range,
          topic_id: Type.Optional(p.topic_id),
          item_id: Type.Optional(p.item_id),
          attempt_no: Type.Optional(p.attempt_no),
          min_attempts: Type.Optional(p.min_attempts),
          user_id: Type.Optional(p.user_id),
          ...paging,
          ...source,
        }),
        response: { 200: listResponse('StudentPage', student), ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const query = request.query
      const one = studentId(undefined, query.user_id)
      const select = {
        range: checkRange(query.since, query.until, checkTimestamp),
        ...aggregateFilters(query),
        ...(one === undefined ? {} : { student: one }),
      }
      return sendList(services, request, reply, {
        name: 'students',
        columns: studentColumns,
        keyPatterns: keyPatterns([byStudent]),
        oneStatement: one !== undefined,
        etagScope: { range: select.range, ...(one === undefined ? {} : { student: one }) },
        select: (reader, ask) => selectStudents(reader, select, ask),
      })
    },
  )

  app.get(
    '/v1/students/:student_id',
    {
      config: { scope: 'attempts:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Students'],
        operationId: 'getStudent',
        summary: 'One student, with an aggregate a topic',
        params: closed({ student_id: p.student_id }),
        querystring: closed({ format: Type.Optional(p.format), ...source }),
        response: {
          200: {
            description: 'the student',
            content: {
              [mediaTypes.json]: {
                schema: Type.Object(
                  {
                    ...(student as unknown as { properties: Record<string, TSchema> }).properties,
                    topics: Type.Array(rowSchema('StudentTopic', topicOfStudent, 'One topic of the student.')),
                    as_of: Type.String({ format: 'date-time', examples: ['2025-01-01T09:30:00.123456Z'] }),
                  },
                  { $id: 'StudentDetail' },
                ),
              },
            },
          },
          ...unchangedResponse,
          ...dataProblems('student_not_found'),
        },
      },
    },
    async (request, reply) => {
      negotiate(['json'], request.headers.accept, request.query.format)
      const id = request.params.student_id.toLowerCase()
      return answerFrom(
        services,
        request,
        reply,
        request.query.source as 'live' | 'store' | undefined,
        async (from) => {
          const [covers, what] = [{ student: id, range: {} }, ['student', id]]
          if (await notModified(request, reply, from, covers, what, { certain: ({ count }) => count !== '0' }))
            return reply.send(undefined as never)
          const one = { students: [id] }
          const [asOf, whole, byTopics] = await from.database.snapshot(async (reader) => [
            await setStoreHeaders(reader, reply, from, covers, what),
            await reader.rows(
              aggregateStatement(
                reader,
                { groups: [byStudent], measures: [...measures, ...studentMeasures], ...one },
                { withKey: false },
              ),
            ),
            await reader.rows(aggregateStatement(reader, { groups: [byTopic], measures, ...one }, { withKey: false })),
          ])
          const [row] = whole
          if (row === undefined) throw new ApiError('student_not_found', `The student ${id} has no attempt`)
          // here `topics` is the list of aggregates, its length the count that the list of students gives
          const columns = studentColumns.filter((column) => column.name !== 'topics')
          const kept = row.filter((_value, index) => studentColumns[index]?.name !== 'topics')
          return reply
            .header('vary', 'Accept')
            .type('application/json; charset=utf-8')
            .send(
              `{${memberWriter(columns)(kept)},"topics":[${jsonRows(topicOfStudent, byTopics)}],"as_of":"${asOf}"}` as never,
            )
        },
      )
    },
  )

  app.get(
    '/v1/students/daily',
    {
      config: { scope: 'attempts:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Students'],
        operationId: 'listStudentDays',
        summary: 'One aggregate a student, topic and day',
        description:
          'Ordered by date, student_id, topic_id (by code points, no topic last). since and until are dates in the zone tz.',
        querystring: closed({
          ...days,
          student_id: Type.Optional(p.student_id),
          topic_id: Type.Optional(p.topic_id),
          ...paging,
          ...source,
        }),
        response: {
          200: listResponse('StudentDayPage', rowSchema('StudentDay', dailyColumns, 'One student, topic and day.'), {
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
      const select = {
        groups: daily,
        measures,
        days: { ...checkRange(query.since, query.until, checkDate), zone },
        ...aggregateFilters(query),
        ...(query.student_id === undefined ? {} : { students: [query.student_id] }),
      }
      return sendList(services, request, reply, {
        name: 'students/daily',
        columns: dailyColumns,
        keyPatterns: keyPatterns(daily),
        extra: { tz: zone },
        etagScope: { days: select.days, ...(query.student_id === undefined ? {} : { student: query.student_id }) },
        select: (reader, ask) => selectAggregates(reader, select, ask),
      })
    },
  )
}
