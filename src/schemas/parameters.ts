/**
 * Request parameters. A `title` is a noun with its article, because errors read "must be {title} such as {example}".
 * checks.ts has what a schema cannot express.
 */
import { Type, type TSchema, type TUnsafe } from 'typebox'

/** A text that is one of these words; its type is their union. */
export const oneOf = <const Word extends string>(
  words: readonly Word[],
  options: { description?: string } = {},
): TUnsafe<Word> => Type.Unsafe<Word>({ enum: [...words], ...options })

/** An object that takes these parameters and no others. */
export const closed = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false })

const int64Pattern = '^-?[0-9]{1,20}$'
const uuidPattern = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
// PostgreSQL takes no NUL; a lone surrogate cannot be UTF-8
const text = (description: string, example: string) =>
  Type.String({
    title: 'a text of 1 to 10,000 characters without NUL',
    minLength: 1,
    maxLength: 10_000,
    pattern: '^[^\\u0000]*$',
    description,
    examples: [example],
  })
export const int64 = (description: string, example: string) =>
  Type.String({ title: 'a 64-bit integer', pattern: int64Pattern, description, examples: [example] })
export const many = <T extends ReturnType<typeof Type.String>>(item: T, description: string) =>
  Type.Array(item, { minItems: 1, maxItems: 1000, description })
/** A positive 32-bit integer. */
export const positive = (description: string, example: number) =>
  Type.Integer({ minimum: 1, maximum: 2147483647, description, examples: [example] })

const timestampPattern =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?([Zz]|[+ -][0-9]{2}:[0-9]{2})$'
const timestamp = (description: string) =>
  Type.String({
    title: 'a timestamp',
    pattern: timestampPattern,
    description:
      `${description} An RFC 3339 timestamp with an offset and at most six fraction digits. ` +
      'In a URL, write + as %2B.',
    examples: ['2026-11-01T00:00:00Z'],
  })
const date = (description: string) =>
  Type.String({
    title: 'a date',
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
    description,
    examples: ['2026-11-01'],
  })

export const parameters = {
  student_id: Type.String({
    title: 'a UUID',
    pattern: uuidPattern,
    description: 'Only this student, by the student_id of the view.',
    examples: ['c773fdef-3889-bdad-be80-9f1e8aaeea46'],
  }),
  user_id: Type.String({
    title: 'a text of at most 10,000 characters without NUL',
    maxLength: 10_000,
    pattern: '^[^\\u0000]*$',
    description: 'Only the student of this user of the platform, mapped to student_id as the view maps it.',
    examples: ['alice'],
  }),
  id: int64(
    'Only attempts with this id. An id is not a key: a question that occurs twice in one exam has the same id twice.',
    '-6406716596609462968',
  ),
  item_id: many(int64('An item.', '1001'), 'Only these items. Repeat the parameter for several.'),
  topic_id: many(text('A topic.', 'algebra'), 'Only these topics. Repeat the parameter for several.'),
  session_id: text('Only the exam with this session.', 'session-1'),
  correct: oneOf(['true', 'false'], { description: 'Only correct, or only incorrect, attempts.' }),
  attempt_no: positive('Only attempts with this number: the first, second ... of a student at an item.', 1),
  since: timestamp('Start of the range, included: completed_at is at or after this moment.'),
  until: timestamp('End of the range, excluded: completed_at is before this moment.'),
  since_date: date('First day, included, in the time zone tz.'),
  until_date: date('The day after the last one, excluded, in the time zone tz.'),
  tz: Type.String({
    title: 'an IANA time zone',
    pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
    description:
      'IANA time zone in which days begin. Default UTC. Abbreviations (KST, PST), offsets (+09:00) and POSIX rules ' +
      'are refused. CET, EET, MET, WET, EST, MST, HST and names such as EST5EDT stand for the zone that the IANA ' +
      'database links them to: CET is Europe/Brussels, with summer time.',
    examples: ['Asia/Seoul'],
  }),
  order: oneOf(['asc', 'desc'], {
    description: 'Order by completed_at; ties by student_id, item_id and attempt_no. Default asc.',
  }),
  limit: Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'JSON: rows per page, default 1000, at most 10000. NDJSON, CSV and Arrow: the first rows only; default all rows.',
    examples: [100],
  }),
  cursor: Type.String({
    title: 'the next_cursor of the previous page, unchanged',
    minLength: 1,
    maxLength: 50_000,
    description: 'The next_cursor of the previous page, unchanged. JSON only.',
  }),
  format: Type.String({
    description: 'Representation: json, ndjson, csv or arrow. Takes precedence over Accept.',
    examples: ['json'],
  }),
  source: oneOf(['live', 'store'], {
    description:
      'live: read the view. store: read the store. Default: the store if it is enabled and up to date, else the ' +
      'view; the header Attempt-Source names the one that was read. The header Attempt-Set-Aside counts exams that ' +
      'the store could not take and whose attempts are missing from the answer; the view has them.',
  }),
  min_attempts: positive('Only groups with at least this many attempts, counted after the other filters.', 10),
} as const

/** A range of timestamps. */
export const range = { since: Type.Optional(parameters.since), until: Type.Optional(parameters.until) }
/** A range of days in a time zone. */
export const days = {
  since: Type.Optional(parameters.since_date),
  until: Type.Optional(parameters.until_date),
  tz: Type.Optional(parameters.tz),
}
/** What every list takes. */
export const paging = {
  limit: Type.Optional(parameters.limit),
  cursor: Type.Optional(parameters.cursor),
  format: Type.Optional(parameters.format),
}
/** What every endpoint takes that reads the view or the store. */
export const source = { source: Type.Optional(parameters.source) }
/** No parameters at all. */
export const noParameters = closed({})

export const contractParameters = closed({
  definition: Type.Optional(
    oneOf(['installed'], {
      description:
        'installed: also require that the deployed definitions are, text for text as PostgreSQL prints them, those ' +
        'that this version installs (409 if not).',
    }),
  ),
})
