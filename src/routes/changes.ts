import { listFormats } from '../formats/media-types.js'
import { answerChanges } from '../http/changes.js'
import { sendAnswer } from '../http/answer.js'
import { negotiate } from '../http/representations.js'
import { changesQuerystring, changesResponse } from '../schemas/changes.js'
import { dataProblems } from '../schemas/problems.js'
import type { Routes } from '../services.js'
import { decodeToken } from '../store/change-token.js'

export const changes: Routes = (app, services) => {
  app.get(
    '/v1/changes',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listChanges',
        summary: 'List attempts added, changed or deleted since a token',
        description:
          'Keeps a copy of the view up to date. Ordered by version, student_id, item_id and attempt_no. The store ' +
          'assigns a version when it commits, not by a clock, so a slow transaction appears late but is never lost. ' +
          'A key appears only at its last change, and may appear again: apply upserts and deletes by key.\n\n' +
          'The next token is `next_token` of a page and the header `Attempt-Next-Token` of every answer. Save it in ' +
          'the transaction that applies the rows; of a stream, only when the stream is complete. Without `since` the ' +
          'answer has no rows and the token to start from: then take a full export with `source=store` whose ' +
          '`Attempt-Version` is at least that of this answer (a standby may be behind: export again), and follow ' +
          'from the token. Answers always come from the store, however far it is behind (`as_of`).',
        querystring: changesQuerystring,
        response: { 200: changesResponse, ...dataProblems('changes_expired') },
      },
    },
    async (request, reply) => {
      const { since, limit, format: named } = request.query
      const format = negotiate(request, listFormats, named)
      const token = since === undefined ? undefined : decodeToken(since)
      return sendAnswer(reply, await answerChanges(services, request, { format, token, limit }))
    },
  )
}
