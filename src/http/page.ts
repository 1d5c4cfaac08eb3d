/** Pages of JSON: their size, the row after which the next one begins, and their bytes. */
import { invalid, quoted } from '../errors.js'
import type { Column, Row } from '../formats/encoder.js'
import { jsonRows } from '../formats/json.js'

const defaultLimit = 1000
const largestPage = 10_000

/**
 * Rows of a page.
 * @throws ApiError invalid_parameter
 */
export function pageSize(limit = defaultLimit): number {
  if (limit > largestPage)
    throw invalid(
      'limit',
      `must be at most ${largestPage} for JSON; got ${quoted(limit)}. ` +
        'Use format=ndjson, csv or arrow for any number of rows',
    )
  return limit
}

/**
 * The page among rows of which one more than a page was read.
 * @returns `last`: the page's last row if another page follows
 */
export function cutPage(rows: readonly Row[], size: number): { page: readonly Row[]; last: Row | undefined } {
  if (rows.length <= size) return { page: rows, last: undefined }
  const page = rows.slice(0, size)
  return { page, last: page.at(-1) }
}

/** The body of a page: `data`, and other members after it. */
export const pageBody = (columns: readonly Column[], page: readonly Row[], members: object): string =>
  `{"data":[${jsonRows(columns, page)}],${JSON.stringify(members).slice(1)}`

/** The RFC 8288 Link to the next page: the same request with another value of one parameter. */
export function nextLink(requestUrl: string, parameter: string, value: string): string {
  const url = new URL(requestUrl, 'http://service')
  url.searchParams.set(parameter, value)
  return `<${url.pathname}${url.search}>; rel="next"`
}
