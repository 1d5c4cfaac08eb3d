/** Request parameters: their schemas, and the checks that a schema cannot say. */
import { Type, type TSchema } from 'typebox'
import { invalid } from '../errors.js'

const int64Pattern = '^-?[0-9]{1,20}$'
const uuidPattern = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
// NUL cannot be sent to PostgreSQL; a lone surrogate cannot be UTF-8
const text = (description: string, example: string) =>
  Type.String({ minLength: 1, maxLength: 10_000, pattern: '^[^\\u0000]*$', description, examples: [example] })
const int64 = (description: string, example: string) =>
  Type.String({ pattern: int64Pattern, description, examples: [example] })
const many = <T extends ReturnType<typeof Type.String>>(item: T, description: string) =>
  Type.Array(item, { minItems: 1, maxItems: 1000, description })

const timestampText =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?([Zz]|[+ -][0-9]{2}:[0-9]{2})$'
const timestampParameter = (description: string) =>
  Type.String({
    pattern: timestampText,
    description: `${description} RFC 3339 with an offset, at most microseconds (a + in a URL is written %2B).`,
    examples: ['2025-01-01T00:00:00Z'],
  })
const dateParameter = (description: string) =>
  Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description, examples: ['2025-01-01'] })

export const parameters = {
  student_id: Type.String({
    pattern: uuidPattern,
    description: 'The student, as the view names it.',
    examples: ['c773fdef-3889-bdad-be80-9f1e8aaeea46'],
  }),
  user_id: Type.String({
    maxLength: 10_000,
    pattern: '^[^\\u0000]*$',
    description: "The platform's user, mapped to student_id as the view maps it.",
    examples: ['alice'],
  }),
  id: int64(
    "The attempt's id. It is no key: the same question twice in one exam has it twice.",
    '-6406716596609462968',
  ),
  item_id: many(int64('An item.', '1001'), 'Items: any of. May be repeated.'),
  topic_id: many(text('A topic.', 'algebra'), 'Topics: any of. May be repeated.'),
  session_id: text("The exam's session.", 'session-1'),
  correct: Type.Enum(['true', 'false'], { description: 'Whether the response was correct.' }),
  attempt_no: Type.Integer({
    minimum: 1,
    maximum: 2147483647,
    description: 'Which attempt of the student at the item.',
    examples: [1],
  }),
  since: timestampParameter('completed_at from here on, inclusive.'),
  until: timestampParameter('completed_at up to here, exclusive.'),
  since_date: dateParameter('First day, inclusive, in the zone tz.'),
  until_date: dateParameter('Day after the last one: exclusive, in the zone tz.'),
  tz: Type.String({
    pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
    description: 'IANA time zone that decides where a day begins. Default UTC.',
    examples: ['Asia/Seoul'],
  }),
  order: Type.Enum(['asc', 'desc'], {
    description: 'By completed_at; ties by student_id, item_id, attempt_no. Default asc.',
  }),
  limit: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Rows of a page of JSON: default 1000, at most 10000. Of a stream: its first rows only; default all.',
    examples: [100],
  }),
  cursor: Type.String({
    minLength: 1,
    maxLength: 50_000,
    description: 'next_cursor of the page before, as it is. JSON only.',
  }),
  format: Type.String({
    maxLength: 20,
    description: 'The representation, json, ndjson, csv or arrow; wins over Accept.',
    examples: ['json'],
  }),
  source: Type.Enum(['live', 'store'], {
    description:
      'live: through the view. store: from the maintained store. Default: the store where it is enabled and caught up, else the view; the header Attempt-Source says which.',
  }),
  min_attempts: Type.Integer({
    minimum: 1,
    maximum: 2147483647,
    description: 'Leaves out whoever has fewer attempts (after the other filters).',
    examples: [10],
  }),
} as const

/** An object that takes these parameters and no others. */
export const closed = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })

export const range = { since: Type.Optional(parameters.since), until: Type.Optional(parameters.until) }
export const days = {
  since: Type.Optional(parameters.since_date),
  until: Type.Optional(parameters.until_date),
  tz: Type.Optional(parameters.tz),
}

/** Checks that decimal digits are a signed 64-bit integer and writes them in the one canonical way. */
export function checkInt64(parameter: string, value: string): string {
  const number = BigInt(value)
  if (BigInt.asIntN(64, number) !== number)
    throw invalid(parameter, 'is outside 64 bits; it goes from -9223372036854775808 to 9223372036854775807')
  return number.toString()
}

export const checkInt64s = (parameter: string, values: string[]): string[] =>
  values.map((value) => checkInt64(parameter, value))

/** The filters of aggregates on rows and groups, checked, without those that are not given. */
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

/** Checks a date of the calendar in the years 1 to 9999. */
export function checkDate(parameter: string, value: string): string {
  const [year = 0, month = 0, day = 0] = value.slice(0, 10).split('-').map(Number)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month))
    throw invalid(parameter, 'is no date of the calendar (years 0001 to 9999)')
  return value
}

/** Checks an RFC 3339 timestamp. A blank before the offset is a + that the URL's decoding took. */
export function checkTimestamp(parameter: string, value: string): string {
  const text = value.replace(' ', '+').toUpperCase()
  checkDate(parameter, text)
  const [hour = 0, minute = 0, second = 0] = text.slice(11, 19).split(':').map(Number)
  const offset = /([+-])(\d{2}):(\d{2})$/.exec(text)
  if (hour > 23 || minute > 59 || second > 59)
    throw invalid(parameter, 'has no such time of day; hours go to 23, minutes and seconds to 59')
  if (offset !== null && (Number(offset[2]) > 14 || Number(offset[3]) > 59))
    throw invalid(parameter, 'has an offset beyond 14:59')
  return text
}

/** Checks both ends of a range, given in any order of presence. */
export function checkRange(
  since: string | undefined,
  until: string | undefined,
  check: (parameter: string, value: string) => string,
): { since?: string; until?: string } {
  const range: { since?: string; until?: string } = {}
  if (since !== undefined) range.since = check('since', since)
  if (until !== undefined) range.until = check('until', until)
  if (range.since !== undefined && range.until !== undefined && Date.parse(range.since) > Date.parse(range.until))
    throw invalid('since', 'is after until')
  return range
}

/** Checks an IANA zone; POSIX spellings that PostgreSQL would take too are none. */
export function checkZone(value = 'UTC'): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return value
  } catch {
    throw invalid('tz', 'is no time zone of the IANA database; write for instance Asia/Seoul')
  }
}

/** Today in a zone, as YYYY-MM-DD, moved by days. */
export function today(zone: string, move: number): string {
  const local = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(new Date())
  return new Date(Date.parse(`${local}T00:00:00Z`) + move * 86_400_000).toISOString().slice(0, 10)
}
