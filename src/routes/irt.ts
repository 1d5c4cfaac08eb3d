/** Response data for an estimator, and what would break a calibration with it. */
import { answerFrom } from '../http/answer-source.js'
import { clientOf } from '../http/client.js'
import { jsonAnswer, sendAnswer } from '../http/answer.js'
import { notModified, readHeaders } from '../http/conditional.js'
import { checkLayout, readMatrix, responsesContent, selectionOf } from '../http/irt-content.js'
import { negotiate } from '../http/representations.js'
import { smallestGroupHeaders } from '../http/small-groups.js'
import { streamAnswer } from '../http/stream.js'
import { readinessBody } from '../http/readiness-body.js'
import { readiness } from '../irt/readiness.js'
import { studentsOf } from '../queries/irt.js'
import {
  layouts,
  readinessQuerystring,
  readinessResponse,
  responsesQuerystring,
  responsesResponse,
} from '../schemas/irt.js'
import { dataProblems } from '../schemas/problems.js'
import { smallGroups, unchangedResponse } from '../schemas/responses.js'
import type { Routes } from '../services.js'

/** An empty selection may be a problem (an anchor without responses), so `If-None-Match: *` is never a match. */
const isAnswer = () => false

export const irt: Routes = (app, services) => {
  const { limits } = services

  app.get(
    '/v1/irt/responses',
    {
      config: { scope: 'attempts:read', requestClass: 'stream' },
      schema: {
        tags: ['IRT'],
        operationId: 'listResponses',
        summary: 'List response data for an estimator',
        description:
          'A stream from one snapshot, ordered by student and item. Layouts: long (default; CSV, NDJSON, Arrow) has ' +
          'the columns id, item, resp and rt of the Item Response Warehouse, and wave with attempts=all; wide (CSV) ' +
          `has one row per student and one column per item, at most ${limits.irtWideItems}, their number in the ` +
          'header Attempt-Columns; subjects (NDJSON) has one object per student. Minimum counts need a second pass, ' +
          'so the first byte comes later.',
        querystring: responsesQuerystring,
        response: {
          200: responsesResponse,
          ...unchangedResponse,
          ...dataProblems('anchor_without_responses', 'too_many_items', 'too_many_responses'),
        },
      },
    },
    async (request, reply) => {
      const { query } = request
      const { layout = 'long' } = query
      const format = negotiate(request, layouts[layout], query.format)
      const selection = selectionOf(query)
      checkLayout(layout, selection)
      const identity = { scope: { range: selection.responses }, request: ['responses', format, query] }
      const answer = await answerFrom(services, request, query.source, async (source) => {
        const unchanged = await notModified(request, source, identity, { format, isAnswer })
        if (unchanged !== undefined) return unchanged
        request.meter.format = format
        return streamAnswer(services, request, source, {
          format,
          prepare: async (reader) => ({
            ...(await readHeaders(reader, source, identity)),
            content: (snapshot, stopped) => responsesContent(snapshot, stopped, selection, { layout, format, limits }),
          }),
        })
      })
      return sendAnswer(reply, answer)
    },
  )

  app.get(
    '/v1/irt/readiness',
    {
      config: {
        scope: 'aggregates:read',
        requestClass: 'stream',
        studentParameters: ['item_id', 'anchor_item_id', 'attempts', 'hints', 'answered', 'min_per_student', 'sample'],
      },
      schema: {
        tags: ['IRT'],
        operationId: 'getReadinessOfResponses',
        summary: 'Find data problems that would break a calibration',
        description: `Reads the same selection as /v1/irt/responses, in one pass. ${smallGroups}`,
        querystring: readinessQuerystring,
        response: {
          200: readinessResponse,
          ...unchangedResponse,
          ...dataProblems('anchor_without_responses', 'too_many_responses'),
        },
      },
    },
    async (request, reply) => {
      const { query } = request
      negotiate(request, ['json'], query.format)
      const { smallestGroup } = request
      const selection = selectionOf(query)
      // of first attempts, an item has one response per student
      if (smallestGroup !== undefined) selection.minPerItem = Math.max(selection.minPerItem, smallestGroup.students)
      const identity = {
        scope: { range: selection.responses },
        request: ['readiness', query, ...(smallestGroup === undefined ? [] : [smallestGroup])],
      }
      const answer = await answerFrom(services, request, query.source, async (source) => {
        const unchanged = await notModified(request, source, identity, { isAnswer })
        if (unchanged !== undefined) return unchanged
        return services.streams.read(
          async (snapshot, stopped) => {
            const { asOf, headers } = await readHeaders(snapshot, source, identity)
            const students = await studentsOf(snapshot, selection.responses)
            const options = { most: limits.irtResponses, times: true, stopped }
            const { matrix, kept } = await readMatrix(snapshot, selection, students, options)
            const report = await readiness(matrix, kept, { signal: stopped })
            const suppressed =
              smallestGroup && kept.allItemResponses.filter((students) => students < smallestGroup.students).length
            return jsonAnswer(
              headers,
              readinessBody(suppressed === undefined ? report : { ...report, suppressed }, asOf),
            )
          },
          request.deadline.signal,
          source.database,
          clientOf(request),
        )
      })
      return sendAnswer(reply, { ...answer, headers: { ...answer.headers, ...smallestGroupHeaders(smallestGroup) } })
    },
  )
}
