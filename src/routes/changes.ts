import { Type } from 'typebox'
import type { FastifyReply } from 'fastify'
import type { Routes } from '../services.js'
import type { Reader } from '../database/reader.js'
import type { Statement } from '../database/statement.js'
import type { Row } from '../formats/encoder.js'
import { invalid } from '../errors.js'
import { jsonRows } from '../formats/json.js'
import { type Behind, type Feed, positionColumns, positionOfLast, readFeed, selectChanges } from '../queries/changes.js'
import { changeColumns, changePage } from '../schemas/changes.js'
import { closed, parameters as p } from '../schemas/parameters.js'
import { dataProblems } from '../schemas/responses.js'
import { type ChangeToken, decodeToken, encodeToken, type ChangePosition } from '../store/change-token.js'
import { defaultLimit, encoders, largestPage, negotiate, representations, sendStream } from '../http/list.js'
import { type Format, mediaTypes } from '../formats/media-types.js'

const columns = changeColumns.map(({ name }) => name)
const keyed = [...columns, ...positionColumns]

const how =
  'Nothing was read yet: next_token is where to start. Take a whole export now, GET /v1/attempts?source=store with format=csv, ndjson or arrow, into an empty copy, again while its header Attempt-Version is below that of this answer (it came from a standby that is behind); then ask /v1/changes with since=next_token again and again and apply each row by its key'

const behindOf = (token: ChangeToken): Behind =>
  token.position === undefined ? { version: token.version } : { place: token.position }

/** What the headers say of every answer. The token stands among them, because not every client sees trailers. */
function tell(reply: FastifyReply, { epoch, version, asOf }: Feed, place: ChangePosition | undefined): string {
  const token = encodeToken({ epoch, version, position: place })
  reply
    .header('attempt-source', 'store')
    .header('attempt-as-of', asOf)
    .header('attempt-version', version)
    .header('attempt-next-token', token)
  return token
}

export const changes: Routes = (app, services) => {
  const {
    databases: { store },
  } = services
  app.get(
    '/v1/changes',
    {
      config: { scope: 'attempts:read', requestClass: 'page' },
      schema: {
        tags: ['Attempts'],
        operationId: 'listChanges',
        summary: 'Attempts that came, changed or went since a token',
        description: `Keeps a copy of the view in step. Ordered by version, student_id, item_id, attempt_no. A version is given when the store commits it, never by a clock, so that a slow transaction is told late but never lost. Each key stands at its last change only and may come again: apply upserts and deletes by key.
The next token is \`next_token\` of a page and the header \`Attempt-Next-Token\` of every answer; keep it in the transaction that applies the rows, and of a stream only when it has come to its end. Without \`since\` the answer has no rows and the token to start from: take a whole export with \`source=store\` after it, whose \`Attempt-Version\` is at least that answer's (a standby may be behind: take it again), then follow. Answers come from the store however far it is behind (\`as_of\`).`,
        querystring: closed({
          since: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 1000,
              description: 'next_token of the answer before, as it is. None: where to start.',
            }),
          ),
          limit: Type.Optional(p.limit),
          format: Type.Optional(p.format),
        }),
        response: {
          200: {
            ...representations(changePage),
            headers: {
              'Attempt-Next-Token': { type: 'string', description: 'since of the next request' },
              'Attempt-Version': { type: 'string', description: 'version of the store that was read' },
            },
          },
          ...dataProblems('changes_expired'),
        },
      },
    },
    async (request, reply) => {
      const { since, limit } = request.query
      const format = negotiate(Object.keys(mediaTypes) as Format[], request.headers.accept, request.query.format)
      const token = since === undefined ? undefined : decodeToken(since)
      services.sources.assertReachable(store)
      const database = store.within(request.deadline, request.meter)
      Object.assign(request.meter, { format, source: { kind: 'store', database: store, standby: false } })

      if (format !== 'json') {
        const begin = async (reader: Reader): Promise<Behind> => {
          const read = await readFeed(reader, token)
          const behind: Behind = token === undefined ? { version: read.version } : behindOf(token)
          // before the first byte, so that it can be a header
          tell(reply, read, limit === undefined ? undefined : await positionOfLast(reader, behind, limit))
          return behind
        }
        // nothing is streamed then, and so nothing else would look at the token
        if (request.method === 'HEAD') await database.snapshot(begin)
        return sendStream(services, { database }, request, reply, mediaTypes[format], async (reader) => {
          const behind = await begin(reader)
          return { statements: one(selectChanges(columns, behind, limit)), encoder: encoders[format](changeColumns) }
        })
      }

      if (limit !== undefined && limit > largestPage)
        throw invalid(
          'limit',
          `is at most ${largestPage} for a page of JSON; application/x-ndjson, text/csv and Arrow give any number of rows`,
        )
      const size = limit ?? defaultLimit
      const { feed, rows } = await database.snapshot(async (reader) => {
        const read = await readFeed(reader, token)
        return {
          feed: read,
          rows: token === undefined ? [] : await reader.rows(selectChanges(keyed, behindOf(token), size + 1)),
        }
      })
      const more = rows.length > size
      const page = more ? rows.slice(0, size) : rows
      request.meter.rows = page.length
      const next = tell(reply, feed, more ? ((page.at(-1) as Row).slice(columns.length) as ChangePosition) : undefined)
      if (more) {
        const url = new URL(request.url, 'http://service')
        url.searchParams.set('since', next)
        reply.header('link', `<${url.pathname}${url.search}>; rel="next"`)
      }
      const start = token === undefined ? `,"how":${JSON.stringify(how)}` : ''
      return reply
        .header('vary', 'Accept')
        .type('application/json; charset=utf-8')
        .send(
          `{"data":[${jsonRows(changeColumns, page)}],"next_token":"${next}","has_more":${more},"as_of":"${feed.asOf}"${start}}`,
        )
    },
  )
}

async function* one(only: Statement): AsyncGenerator<Statement, void, number> {
  yield only
}
