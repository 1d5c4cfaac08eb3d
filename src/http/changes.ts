/** The answers of /v1/changes, with the next token in a header, because not every client reads trailers. */
import type { FastifyRequest } from 'fastify'
import type { Database } from '../database/reader.js'
import { RowBudget } from '../database/row-budget.js'
import type { Row } from '../formats/encoder.js'
import type { Format } from '../formats/media-types.js'
import {
  type StartAfter,
  type Feed,
  positionColumns,
  positionOfLast,
  readFeed,
  selectChanges,
} from '../queries/changes.js'
import { changeColumns } from '../schemas/changes.js'
import { setAsideHeader } from './conditional.js'
import type { Services } from '../services.js'
import { type ChangePosition, type ChangeToken, encodeToken } from '../store/change-token.js'
import { jsonAnswer, type Answer, type Headers } from './answer.js'
import { cutPage, nextLink, pageBody, pageSize } from './page.js'
import { encoders } from './representations.js'
import { single, streamAnswer } from './stream.js'

export interface ChangesRequest {
  format: Format
  /** undefined: the answer is the token to start from. */
  token: ChangeToken | undefined
  limit: number | undefined
}

const columns = changeColumns.map(({ name }) => name)
const withPosition = [...columns, ...positionColumns]

const positionOf = ([version, student, item, attempt]: Row): ChangePosition => [
  String(version),
  String(student),
  String(item),
  String(attempt),
]

const how =
  'This answer has no changes: next_token is the token to start from. Now export everything into an empty copy, with ' +
  'GET /v1/attempts?source=store and format=csv, ndjson or arrow. Repeat the export while its header Attempt-Version ' +
  'is below that of this answer: it came from a standby that is behind. Then call /v1/changes with since=next_token ' +
  'repeatedly, and apply each row by its key'

const startOf = ({ position, version }: ChangeToken): StartAfter =>
  position === undefined ? { version } : { position }

const headersOf = ({ version, asOf, setAside }: Feed, next: string): Headers => ({
  'attempt-source': 'store',
  'attempt-as-of': asOf,
  'attempt-version': version,
  ...setAsideHeader(setAside),
  'attempt-next-token': next,
})

const nextToken = ({ epoch, version }: Feed, position: ChangePosition | undefined): string =>
  encodeToken({ epoch, version, position })

/**
 * The changes since a token.
 * @throws ApiError store_unavailable, changes_expired
 */
export async function answerChanges(
  services: Services,
  request: FastifyRequest,
  { format, token, limit }: ChangesRequest,
): Promise<Answer> {
  const { store } = services.databases
  services.sources.assertReachable(store)
  const database = store.within(request.deadline, request.meter)
  request.meter.format = format
  request.meter.source = { kind: 'store', database: store, standby: false }
  return format === 'json'
    ? pageAnswer(services, request, database, { token, size: pageSize(limit) })
    : streamAnswer(
        services,
        request,
        { kind: 'store', database },
        {
          format,
          async prepare(reader) {
            const feed = await readFeed(reader, token)
            const start = token === undefined ? { version: feed.version } : startOf(token)
            // before the first byte, so the next token can be a header
            const last = limit === undefined ? undefined : await positionOfLast(reader, start, limit)
            return {
              headers: headersOf(feed, nextToken(feed, last)),
              content: () => ({
                statements: single(selectChanges(columns, start, limit)),
                encoder: encoders[format](changeColumns),
              }),
            }
          },
        },
      )
}

async function pageAnswer(
  { limits: { pageBytes: bytes } }: Services,
  request: FastifyRequest,
  database: Database,
  { token, size }: { token: ChangeToken | undefined; size: number },
): Promise<Answer> {
  const budget = new RowBudget(bytes)
  const { feed, rows } = await database.snapshot(async (reader) => ({
    feed: await readFeed(reader, token),
    rows: token === undefined ? [] : await reader.rows(selectChanges(withPosition, startOf(token), size + 1), budget),
  }))
  const page = cutPage(changeColumns, rows, { size, bytes, budget })
  const { last } = page
  request.meter.rows = page.rows
  const next = nextToken(feed, last === undefined ? undefined : positionOf(last.slice(columns.length)))
  return jsonAnswer(
    {
      ...headersOf(feed, next),
      ...(last === undefined ? {} : { link: nextLink(request.url, 'since', next) }),
    },
    pageBody(page, {
      next_token: next,
      has_more: last !== undefined,
      as_of: feed.asOf,
      ...(token === undefined ? { how } : {}),
    }),
  )
}
