/** Checks of parameters that a schema cannot express. Each throws ApiError invalid_parameter. */
import { invalid, quoted } from '../errors.js'

/** Checks that decimal digits are a signed 64-bit integer and writes them in the one canonical way. */
export function checkInt64(parameter: string, value: string): string {
  const number = BigInt(value)
  if (BigInt.asIntN(64, number) !== number)
    throw invalid(
      parameter,
      `must be a 64-bit integer from -9223372036854775808 to 9223372036854775807; got ${quoted(value)}`,
    )
  return number.toString()
}

export const checkInt64s = (parameter: string, values: readonly string[]): string[] =>
  values.map((value) => checkInt64(parameter, value))

/** The filters of aggregates on rows and groups, without those that are not given. */
export function aggregateFilters(query: {
  item_id?: string[]
  topic_id?: string[]
  attempt_no?: number
  min_attempts?: number
}): { items?: string[]; topics?: string[]; attemptNo?: number; minAttempts?: number } {
  return {
    ...(query.item_id === undefined ? {} : { items: checkInt64s('item_id', query.item_id) }),
    ...(query.topic_id === undefined ? {} : { topics: query.topic_id }),
    ...(query.attempt_no === undefined ? {} : { attemptNo: query.attempt_no }),
    ...(query.min_attempts === undefined ? {} : { minAttempts: query.min_attempts }),
  }
}

const daysIn = (year: number, month: number) => new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()

/** Checks that a date exists, in the years 1 to 9999. */
export function checkDate(parameter: string, value: string): string {
  const [year = 0, month = 0, day = 0] = value.slice(0, 10).split('-').map(Number)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month))
    throw invalid(
      parameter,
      `must have a date that exists, in the years 0001 to 9999, such as 2026-11-01; got ${quoted(value)}`,
    )
  return value
}

/** Checks an RFC 3339 timestamp. A blank before the offset is a + that the decoding of the URL replaced. */
export function checkTimestamp(parameter: string, value: string): string {
  const text = value.replace(' ', '+').toUpperCase()
  checkDate(parameter, text)
  const [hour = 0, minute = 0, second = 0] = text.slice(11, 19).split(':').map(Number)
  const offset = /([+-])(\d{2}):(\d{2})$/.exec(text)
  if (hour > 23 || minute > 59 || second > 59)
    throw invalid(parameter, `must have a time of day from 00:00:00 to 23:59:59; got ${quoted(text)}`)
  if (offset !== null && (Number(offset[2]) > 14 || Number(offset[3]) > 59))
    throw invalid(parameter, `must have an offset of at most 14:59, such as +09:00; got ${quoted(text)}`)
  return text
}

/** Checks both ends of a range, of which either may be missing. */
export function checkRange(
  since: string | undefined,
  until: string | undefined,
  check: (parameter: string, value: string) => string,
): { since?: string; until?: string } {
  const range: { since?: string; until?: string } = {}
  if (since !== undefined) range.since = check('since', since)
  if (until !== undefined) range.until = check('until', until)
  if (range.since !== undefined && range.until !== undefined && Date.parse(range.since) > Date.parse(range.until))
    throw invalid('since', `must not be after until; got ${quoted(range.since)} and ${quoted(range.until)}`)
  return range
}
