import { sendList } from '../http/list.js'
import { attemptKeyPatterns, selectAttempts, type AttemptsQuery } from '../queries/attempts.js'
import { studentId } from '../queries/student-id.js'
import { attemptsQuerystring, attemptsResponse, chosenColumns } from '../schemas/attempts.js'
import { checkInt64, checkInt64s, checkRange, checkTimestamp } from '../schemas/checks.js'
import { dataProblems } from '../schemas/problems.js'
import type { Routes } from '../services.js'

export const attempts: Routes = (app, services) => {
  app.get(
    '/v1/attempts',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listAttempts',
        summary: 'List rows of the view attempt',
        description:
          'Ordered by completed_at, then student_id, item_id and attempt_no. With a student or a session, the ' +
          'service reads only that history; with a range of time, only the rows in the range.',
        querystring: attemptsQuerystring,
        response: { 200: attemptsResponse, ...dataProblems() },
      },
    },
    async (request, reply) => {
      const { query } = request
      const columns = chosenColumns(query.fields)
      const student = studentId(query.student_id, query.user_id)
      const select: AttemptsQuery = {
        columns,
        descending: query.order === 'desc',
        ...checkRange(query.since, query.until, checkTimestamp),
        student,
        id: query.id === undefined ? undefined : checkInt64('id', query.id),
        items: query.item_id === undefined ? undefined : checkInt64s('item_id', query.item_id),
        topics: query.topic_id,
        session: query.session_id,
        correct: query.correct,
        attemptNo: query.attempt_no,
      }
      return sendList(services, request, reply, query, {
        name: 'attempts',
        columns,
        keyPatterns: attemptKeyPatterns,
        oneStatement: student !== undefined,
        select: (reader, page) => selectAttempts(reader, select, page),
      })
    },
  )
}
