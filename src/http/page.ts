/** Pages of JSON: their size, the row after which the next one begins, and their bytes. */
import type { RowBudget } from '../database/row-budget.js'
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

/** A page of a list or of the changes. */
export interface Page {
  /** The elements of `data`. */
  json: string
  rows: number
  /** Rows in its place in the list that it does not have, because they are about too few students. */
  suppressed: number
  /** The last row if another page follows; it may be a suppressed one. */
  last: Row | undefined
}

/**
 * The page among rows that were read: at most `size` rows and about `bytes` of JSON, but at least one row.
 * @param rows one more than a page if another one follows, or those that the budget had room for
 */
export function cutPage(
  columns: readonly Column[],
  rows: readonly Row[],
  {
    size,
    bytes,
    budget,
    isSmall,
  }: { size: number; bytes: number; budget: RowBudget; isSmall?: ((row: Row) => boolean) | undefined },
): Page {
  const most = Math.min(size, budget.full ? rows.length - 1 : rows.length)
  const { json, read, written } = jsonRows(columns, rows, most, bytes, isSmall)
  return { json, rows: written, suppressed: read - written, last: read < rows.length ? rows[read - 1] : undefined }
}

/** The body of a page: `data`, and other members after it. */
export const pageBody = ({ json }: Page, members: object): string =>
  `{"data":[${json}],${JSON.stringify(members).slice(1)}`

/** The RFC 8288 Link to the next page: the same request with another value of one parameter. */
export function nextLink(requestUrl: string, parameter: string, value: string): string {
  const url = new URL(requestUrl, 'http://service')
  url.searchParams.set(parameter, value)
  return `<${url.pathname}${url.search}>; rel="next"`
}
