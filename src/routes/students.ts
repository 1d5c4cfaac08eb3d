import { ApiError } from '../errors.js'
import { jsonRows, memberWriter } from '../formats/json.js'
import { answerFrom } from '../http/answer-source.js'
import { jsonAnswer, sendAnswer } from '../http/answer.js'
import { notModified, readHeaders } from '../http/conditional.js'
import { sendList } from '../http/list.js'
import { negotiate } from '../http/representations.js'
import { measures } from '../measures.js'
import { byStudent, keyPatterns, selectAggregates } from '../queries/aggregates.js'
import { studentId } from '../queries/student-id.js'
import { readStudent, type Student } from '../queries/student.js'
import { selectStudents, studentColumns } from '../queries/students.js'
import { aggregateFilters, checkDate, checkRange, checkTimestamp } from '../schemas/checks.js'
import { checkZone } from '../schemas/time-zones.js'
import { dataProblems } from '../schemas/problems.js'
import { unchangedResponse } from '../schemas/responses.js'
import {
  studentDayColumns,
  studentDayGroups,
  studentDaysQuerystring,
  studentDaysResponse,
  studentParams,
  studentQuerystring,
  studentResponse,
  studentsQuerystring,
  studentsResponse,
  topicOfStudentColumns,
} from '../schemas/students.js'
import type { Routes } from '../services.js'

// `topics` is the list of aggregates here; its length is the count that the list of students has
const isMember = studentColumns.map(({ name }) => name !== 'topics')
const writeStudent = memberWriter(studentColumns.filter((_column, index) => isMember[index]))

function studentBody({ student, topics }: Student, asOf: string): string {
  const members = writeStudent(student.filter((_value, index) => isMember[index]))
  return `{${members},"topics":[${jsonRows(topicOfStudentColumns, topics).json}],"as_of":"${asOf}"}`
}

export const students: Routes = (app, services) => {
  app.get(
    '/v1/students',
    {
      config: { scope: 'attempts:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Students'],
        operationId: 'listStudents',
        summary: 'List one aggregate per student',
        description: 'Ordered by student_id. A page reads the history of its students only.',
        querystring: studentsQuerystring,
        response: { 200: studentsResponse, ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const range = checkRange(query.since, query.until, checkTimestamp)
      const id = studentId(undefined, query.user_id)
      const one = id === undefined ? {} : { student: id }
      const select = { range, ...aggregateFilters(query), ...one }
      return sendList(services, request, reply, query, {
        name: 'students',
        columns: studentColumns,
        keyPatterns: keyPatterns([byStudent]),
        oneStatement: id !== undefined,
        etagScope: { range, ...one },
        select: (reader, page) => selectStudents(reader, select, page),
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
        summary: 'Get one student, with one aggregate per topic',
        params: studentParams,
        querystring: studentQuerystring,
        response: { 200: studentResponse, ...unchangedResponse, ...dataProblems('student_not_found') },
      },
    },
    async (request, reply) => {
      negotiate(request, ['json'], request.query.format)
      const id = request.params.student_id.toLowerCase()
      const identity = { scope: { student: id, range: {} }, request: ['student', id] }
      const answer = await answerFrom(services, request, request.query.source, async (source) => {
        const unchanged = await notModified(request, source, identity, { isAnswer: ({ count }) => count !== '0' })
        if (unchanged !== undefined) return unchanged
        const { asOf, headers, found } = await source.database.snapshot(async (reader) => ({
          ...(await readHeaders(reader, source, identity)),
          found: await readStudent(reader, id, services.limits.pageBytes),
        }))
        if (found === undefined) throw new ApiError('student_not_found', `The student ${id} has no attempts`)
        return jsonAnswer(headers, studentBody(found, asOf))
      })
      return sendAnswer(reply, answer)
    },
  )

  app.get(
    '/v1/students/daily',
    {
      config: { scope: 'attempts:read', requestClass: 'aggregate' },
      schema: {
        tags: ['Students'],
        operationId: 'listStudentDays',
        summary: 'List one aggregate per student, topic and day',
        description:
          'Ordered by date, student_id and topic_id (by code points; no topic comes last). since and until are dates ' +
          'in the time zone tz.',
        querystring: studentDaysQuerystring,
        response: { 200: studentDaysResponse, ...unchangedResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const zone = checkZone(query.tz)
      const days = { ...checkRange(query.since, query.until, checkDate), zone }
      const { student_id: id } = query
      const select = {
        groups: studentDayGroups,
        measures,
        days,
        ...aggregateFilters(query),
        ...(id === undefined ? {} : { students: [id] }),
      }
      return sendList(services, request, reply, query, {
        name: 'students/daily',
        columns: studentDayColumns,
        keyPatterns: keyPatterns(studentDayGroups),
        extra: { tz: zone },
        etagScope: { days, ...(id === undefined ? {} : { student: id }) },
        select: (reader, page) => selectAggregates(reader, select, page),
      })
    },
  )
}
