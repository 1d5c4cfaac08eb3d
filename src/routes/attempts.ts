import { Type } from 'typebox'
import type { Routes } from '../services.js'
import { invalid } from '../errors.js'
import { attemptKeyPatterns, selectAttempts, type AttemptsQuery } from '../queries/attempts.js'
import { studentId } from '../queries/student-id.js'
import { attemptColumns, attemptSchema } from '../schemas/attempts.js'
import { checkInt64, checkInt64s, checkRange, checkTimestamp, parameters as p } from '../schemas/parameters.js'
import { dataProblems } from '../schemas/responses.js'
import { listResponse, paging, sendList, source } from '../http/list.js'

const querystring = Type.Object(
  {
    student_id: Type.Optional(p.student_id),
    user_id: Type.Optional(p.user_id),
    id: Type.Optional(p.id),
    item_id: Type.Optional(p.item_id),
    topic_id: Type.Optional(p.topic_id),
    session_id: Type.Optional(p.session_id),
    correct: Type.Optional(p.correct),
    attempt_no: Type.Optional(p.attempt_no),
    since: Type.Optional(p.since),
    until: Type.Optional(p.until),
    fields: Type.Optional(
      Type.String({
        maxLength: 500,
        description: `Which columns, in which order, with commas between: any of ${attemptColumns.map((column) => column.name).join(', ')}.`,
        examples: ['student_id,item_id,correct'],
      }),
    ),
    order: Type.Optional(p.order),
    ...paging,
    ...source,
  },
  { additionalProperties: false },
)

function chosenColumns(fields: string | undefined) {
  if (fields === undefined) return attemptColumns
  const names = fields.split(',')
  const columns = names.map(
    (name) =>
      attemptColumns.find((column) => column.name === name) ??
      (() => {
        throw invalid(
          'fields',
          `${JSON.stringify(name)} is no column; there are ${attemptColumns.map((column) => column.name).join(', ')}`,
        )
      })(),
  )
  if (new Set(names).size < names.length) throw invalid('fields', 'names a column twice')
  return columns
}

export const attempts: Routes = (app, services) => {
  app.get(
    '/v1/attempts',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listAttempts',
        summary: 'Rows of the view attempt',
        description:
          'Ordered by completed_at, then student_id, item_id and attempt_no. With a student or a session only that history is read; a range of time costs what the range holds.',
        querystring,
        response: { 200: listResponse('AttemptPage', attemptSchema), ...dataProblems() },
      },
    },
    async (request, reply) => {
      const query = request.query
      const columns = chosenColumns(query.fields)
      const select: AttemptsQuery = {
        columns,
        descending: query.order === 'desc',
        ...checkRange(query.since, query.until, checkTimestamp),
      }
      const student = studentId(query.student_id, query.user_id)
      if (student !== undefined) select.student = student
      if (query.id !== undefined) select.id = checkInt64('id', query.id)
      if (query.item_id !== undefined) select.items = checkInt64s('item_id', query.item_id)
      if (query.topic_id !== undefined) select.topics = query.topic_id
      if (query.session_id !== undefined) select.session = query.session_id
      if (query.correct !== undefined) select.correct = query.correct as string
      if (query.attempt_no !== undefined) select.attemptNo = query.attempt_no
      return sendList(services, request, reply, {
        name: 'attempts',
        columns,
        keyPatterns: attemptKeyPatterns,
        oneStatement: student !== undefined,
        select: (reader, ask) => selectAttempts(reader, select, ask),
      })
    },
  )
}
