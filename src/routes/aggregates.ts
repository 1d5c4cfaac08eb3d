/** Students, topics and items: the same aggregate over other groups. */
import { Type, type TSchema } from 'typebox'
import type { Routes } from '../app.js'
import { decodeCursor, fingerprint } from '../database/cursor.js'
import { ApiError } from '../errors.js'
import type { Column } from '../formats/encoder.js'
import { memberWriter, jsonRows } from '../formats/json.js'
import {
  byDate, byItem, byStudent, byTopic, distinctStudents, firstCompleted, instantsOfDays, lastCompleted, measures, p90, pValue, selectAggregates, studentMeasures,
  type AggregateQuery, type GroupColumn, type Measure,
} from '../queries/aggregates.js'
import { studentId } from '../queries/student-id.js'
import { studentsOfRange } from '../queries/students-of-range.js'
import { selectStudents, studentColumns } from '../queries/students.js'
import { checkDate, checkInt64, checkRange, checkTimestamp, checkZone, defaultLimit, parameters as p } from '../schemas/parameters.js'
import { dataProblems, pageSchema, rowSchema } from '../schemas/responses.js'
import { negotiate, now, sendPage } from './list.js'

const paging = { limit: Type.Optional(p.limit), cursor: Type.Optional(p.cursor), format: Type.Optional(p.format) }
const range = { since: Type.Optional(p.since), until: Type.Optional(p.until) }
const days = { since: Type.Optional(p.since_date), until: Type.Optional(p.until_date), tz: Type.Optional(p.tz) }
const items = { item_id: Type.Optional(p.item_id) }
const topics = { topic_id: Type.Optional(p.topic_id) }
const closed = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, { additionalProperties: false })

const topicMeasures = [...measures, distinctStudents]
const dailyTopicMeasures = [...measures, distinctStudents, p90]
const itemMeasures = [...measures, distinctStudents, pValue, firstCompleted, lastCompleted]

const patterns = (groups: readonly GroupColumn[]) => groups.flatMap((group) => group.key.map((key) => key.pattern))
const columnsOf = (groups: readonly GroupColumn[], list: readonly Measure[]): Column[] => [...groups, ...list]
const filters = (query: { item_id?: string[]; topic_id?: string[]; attempt_no?: number; min_attempts?: number }): Pick<AggregateQuery, 'items' | 'topics' | 'attemptNo' | 'minAttempts'> => ({
  ...(query.item_id === undefined ? {} : { items: query.item_id.map((item) => checkInt64('item_id', item)) }),
  ...(query.topic_id === undefined ? {} : { topics: query.topic_id }),
  ...(query.attempt_no === undefined ? {} : { attemptNo: query.attempt_no }),
  ...(query.min_attempts === undefined ? {} : { minAttempts: query.min_attempts }),
})

/** Today in a zone, as YYYY-MM-DD, moved by days. */
function today(zone: string, move: number): string {
  const local = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date())
  return new Date(Date.parse(`${local}T00:00:00Z`) + move * 86_400_000).toISOString().slice(0, 10)
}

export const students: Routes = (app, { database }) => {
  const student = rowSchema('Student', studentColumns, 'One student over all attempts that the filters leave.')
  app.get('/v1/students', {
    schema: {
      tags: ['Students'], operationId: 'listStudents', summary: 'One aggregate a student', description: 'Ordered by student_id. Reads the history of the page\'s students only.',
      querystring: closed({ ...range, ...topics, ...items, attempt_no: Type.Optional(p.attempt_no), min_attempts: Type.Optional(p.min_attempts), user_id: Type.Optional(p.user_id), ...paging }),
      response: { 200: pageSchema('StudentPage', student), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('students', query)
    const [after] = query.cursor === undefined ? [] : decodeCursor(print, query.cursor, patterns([byStudent]))
    const one = studentId(undefined, query.user_id)
    const checked = { range: checkRange(query.since, query.until, checkTimestamp), ...filters(query) }
    const rows = one === undefined
      ? await database.snapshot((reader) => selectStudents(reader, { ...checked, limit, ...(after === undefined ? {} : { after }) }))
      : await selectAggregates(database, { groups: [byStudent], measures: [...measures, ...studentMeasures], students: [one], ...checked, ...(after === undefined ? {} : { after: [after] }) })
    return sendPage(request, reply, { columns: studentColumns, rows, limit, print, asOf })
  })

  const topicOfStudent = columnsOf([byTopic], measures)
  app.get('/v1/students/:student_id', {
    schema: {
      tags: ['Students'], operationId: 'getStudent', summary: 'One student, with an aggregate a topic',
      params: closed({ student_id: p.student_id }), querystring: closed({ format: Type.Optional(p.format) }),
      response: {
        200: Type.Object({
          ...(student as unknown as { properties: Record<string, TSchema> }).properties,
          topics: Type.Array(rowSchema('StudentTopic', columnsOf([byTopic], measures), 'One topic of the student.')), as_of: Type.String({ format: 'date-time', examples: ['2025-01-01T09:30:00.123456Z'] }),
        }, { $id: 'StudentDetail' }),
        ...dataProblems('student_not_found'),
      },
    },
  }, async (request, reply) => {
    negotiate(request.headers.accept, request.query.format)
    const id = request.params.student_id.toLowerCase()
    const [whole, byTopics] = await database.snapshot(async (reader) => [
      await selectAggregates(reader, { groups: [byStudent], measures: [...measures, ...studentMeasures], students: [id] }),
      await selectAggregates(reader, { groups: [byTopic], measures, students: [id] }),
    ])
    const [row] = whole
    if (row === undefined) throw new ApiError('student_not_found', `The student ${id} has no attempt`)
    // here `topics` is the list of aggregates, its length the count that the list of students gives
    const columns = studentColumns.filter((column) => column.name !== 'topics')
    const kept = row.filter((_value, index) => studentColumns[index]?.name !== 'topics')
    return reply.header('vary', 'Accept').type('application/json; charset=utf-8')
      .send(`{${memberWriter(columns)(kept)},"topics":[${jsonRows(topicOfStudent, byTopics)}],"as_of":"${now()}"}` as never)
  })

  const daily = [byDate, byStudent, byTopic] as const
  const dailyColumns = columnsOf(daily, measures)
  app.get('/v1/students/daily', {
    schema: {
      tags: ['Students'], operationId: 'listStudentDays', summary: 'One aggregate a student, topic and day', description: 'Ordered by date, student_id, topic_id (by code points, no topic last). since and until are dates in the zone tz.',
      querystring: closed({ ...days, student_id: Type.Optional(p.student_id), ...topics, ...paging }),
      response: { 200: pageSchema('StudentDayPage', rowSchema('StudentDay', dailyColumns, 'One student, topic and day.'), { tz: Type.String() }), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const zone = checkZone(query.tz)
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('students/daily', { ...query, tz: zone })
    const after = query.cursor === undefined ? undefined : decodeCursor(print, query.cursor, patterns(daily))
    const asked = checkRange(query.since, query.until, checkDate)
    // days before the cursor's are read already
    const day = { ...asked, ...(after?.[0] === undefined ? {} : { since: after[0] }) }
    const rows = await database.snapshot(async (reader) => selectAggregates(reader, {
      groups: daily, measures, days: { ...day, zone }, ...filters(query), limit: limit + 1, ...(after === undefined ? {} : { after }),
      students: query.student_id === undefined ? await studentsOfRange(reader, instantsOfDays(day)) : [query.student_id],
    }))
    return sendPage(request, reply, { columns: dailyColumns, rows, limit, print, asOf, extra: { tz: zone } })
  })
}

export const topicRoutes: Routes = (app, { database }) => {
  const columns = columnsOf([byTopic], topicMeasures)
  app.get('/v1/topics', {
    schema: {
      tags: ['Topics'], operationId: 'listTopics', summary: 'One aggregate a topic', description: 'Ordered by topic_id (by code points); attempts without a topic are the last row, with topic_id null.',
      querystring: closed({ ...range, attempt_no: Type.Optional(p.attempt_no), ...paging }),
      response: { 200: pageSchema('TopicPage', rowSchema('Topic', columns, 'One topic.')), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('topics', query)
    const after = query.cursor === undefined ? undefined : decodeCursor(print, query.cursor, patterns([byTopic]))
    const asked = checkRange(query.since, query.until, checkTimestamp)
    const rows = await database.snapshot(async (reader) => selectAggregates(reader, {
      groups: [byTopic], measures: topicMeasures, range: asked, ...filters(query), limit: limit + 1, students: await studentsOfRange(reader, asked), ...(after === undefined ? {} : { after }),
    }))
    return sendPage(request, reply, { columns, rows, limit, print, asOf })
  })

  const daily = [byDate, byTopic] as const
  const dailyColumns = columnsOf(daily, dailyTopicMeasures)
  app.get('/v1/topics/daily', {
    schema: {
      tags: ['Topics'], operationId: 'listTopicDays', summary: 'The topic KPIs: one aggregate a topic and day', description: 'Ordered by date and topic_id (by code points, no topic last). since and until are dates in the zone tz; default: the last 7 days and today. Days without attempts have no row.',
      querystring: closed({ ...days, ...topics, ...paging }),
      response: { 200: pageSchema('TopicDayPage', rowSchema('TopicDay', dailyColumns, 'One topic and day.'), { tz: Type.String() }), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const zone = checkZone(query.tz)
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('topics/daily', { ...query, tz: zone })
    const after = query.cursor === undefined ? undefined : decodeCursor(print, query.cursor, patterns(daily))
    const asked = query.since === undefined && query.until === undefined
      ? { since: after?.[0] ?? today(zone, -7), until: today(zone, 1) }
      : checkRange(query.since, query.until, checkDate)
    const day = { ...asked, ...(after?.[0] === undefined ? {} : { since: after[0] }) }
    const rows = await database.snapshot(async (reader) => selectAggregates(reader, {
      groups: daily, measures: dailyTopicMeasures, days: { ...day, zone }, ...filters(query), limit: limit + 1,
      students: await studentsOfRange(reader, instantsOfDays(day)), ...(after === undefined ? {} : { after }),
    }))
    return sendPage(request, reply, { columns: dailyColumns, rows, limit, print, asOf, extra: { tz: zone } })
  })
}

export const itemRoutes: Routes = (app, { database }) => {
  const columns = columnsOf([byItem], itemMeasures)
  app.get('/v1/items', {
    schema: {
      tags: ['Items'], operationId: 'listItems', summary: 'One aggregate an item, with its p-value', description: 'Ordered by item_id. p_value is the share correct of first attempts.',
      querystring: closed({ ...range, ...topics, min_attempts: Type.Optional(p.min_attempts), ...paging }),
      response: { 200: pageSchema('ItemPage', rowSchema('Item', columns, 'One item.')), ...dataProblems() },
    },
  }, async (request, reply) => {
    const query = request.query
    negotiate(request.headers.accept, query.format)
    const asOf = now()
    const limit = query.limit ?? defaultLimit
    const print = fingerprint('items', query)
    const after = query.cursor === undefined ? undefined : decodeCursor(print, query.cursor, patterns([byItem]))
    const asked = checkRange(query.since, query.until, checkTimestamp)
    const rows = await database.snapshot(async (reader) => selectAggregates(reader, {
      groups: [byItem], measures: itemMeasures, range: asked, ...filters(query), limit: limit + 1, students: await studentsOfRange(reader, asked), ...(after === undefined ? {} : { after }),
    }))
    return sendPage(request, reply, { columns, rows, limit, print, asOf })
  })
}

