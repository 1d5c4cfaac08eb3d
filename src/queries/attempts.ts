/** Rows of the view attempt, ordered by completed_at. */
import type { Reader, Statement } from '../database/reader.js'
import type { Column } from '../formats/encoder.js'
import { and, type PageRequest, type StatementSequence, statement, Values } from './sql.js'
import { rangeConditions, studentsOfRange, type Range } from './students-of-range.js'

export interface AttemptsQuery extends Range {
  columns: readonly Column[]
  student?: string
  id?: string
  items?: string[]
  topics?: string[]
  session?: string
  correct?: string
  attemptNo?: number
  descending: boolean
  /** The caller chose the columns. */
  fresh: boolean
}

/**
 * The total order. Within (student_id, item_id) the last two order as attempt_no does, and they keep a cursor
 * valid when a late edit renumbers the attempts.
 */
export const attemptKey = ['completed_at', 'student_id', 'item_id', 'exam_result_id', 'position'] as const
const keyTypes = ['timestamptz', 'uuid', 'bigint', 'uuid', 'integer']
/** What the values of a cursor's key look like. */
export const attemptKeyPatterns = [
  /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?\+00$/,
  /^[0-9a-f-]{36}$/,
  /^-?\d{1,19}$/,
  /^[0-9a-f-]{36}$/,
  /^\d{1,9}$/,
]

/** Exams that the first window of a page reads, and the most that one reads. */
const firstWindow = 64
const largestWindow = 65_536

interface Window {
  from?: string
  fromOpen?: boolean
  to?: string
}

/**
 * One student or session is one statement. Anything else is read in windows of whole exams in the order of
 * completed_at, each larger than the one before: a page reads little more than it gives and a filter that few rows
 * pass still ends after one pass; a stream begins with its first rows, not after a sort of everything.
 */
export async function* selectAttempts(reader: Reader, query: AttemptsQuery, ask: PageRequest): StatementSequence {
  if (reader.store) {
    // numbered already, and an index has the order
    yield attemptStatement(
      'attempt_materialized',
      query,
      ask,
      ask.after?.[0] === undefined ? {} : { from: ask.after[0] },
      query.student === undefined ? undefined : [query.student],
    )
    return
  }
  if (query.student !== undefined || query.session !== undefined) {
    const students =
      query.student === undefined ? await studentsOfSession(reader, query.session as string) : [query.student]
    yield attemptStatement('attempt_numbered', query, ask, {}, students)
    return
  }
  const numbered = query.attemptNo !== undefined || query.columns.some((column) => column.name === 'attempt_no')
  // Rows are numbered from the first exam of their student on, again in every window. A page stops early; a stream
  // would number the same histories again and again, so that it goes over to one pass as soon as that is less work.
  const everyone = numbered && ask.limit === undefined ? await studentsOfRange(reader, query) : undefined
  if (numbered && ask.limit === undefined && everyone === undefined) {
    yield attemptStatement('attempt_numbered', query, ask, {}, undefined)
    return
  }
  let left = ask.limit
  let window: Window = ask.after?.[0] === undefined ? {} : { from: ask.after[0] }
  const [growth, largest] = ask.limit === undefined ? [8, Infinity] : [2, largestWindow]
  for (let exams = firstWindow; ; exams = Math.min(exams * growth, largest)) {
    const to = await windowEnd(reader, query, window, exams)
    if (to !== undefined) window.to = to
    const students = numbered ? await studentsOfWindow(reader, query, window) : undefined
    if (everyone !== undefined && students !== undefined && students.length > everyone.length / 2) {
      delete window.to
      yield attemptStatement('attempt_numbered', query, ask, window, everyone)
      return
    }
    const found = yield attemptStatement(
      numbered ? 'attempt_numbered' : 'attempt_response',
      query,
      { ...ask, limit: left },
      window,
      students,
    )
    if (left !== undefined) left -= found
    if (left === 0 || to === undefined) return
    window = { from: to, fromOpen: true }
  }
}

function windowConditions(query: AttemptsQuery, { from, fromOpen = false, to }: Window, values: Values): string[] {
  const conditions = rangeConditions(query, values)
  const [after, before] = query.descending ? ['<', '>'] : ['>', '<']
  if (from !== undefined)
    conditions.push(`completed_at ${after}${fromOpen ? '' : '='} ${values.add(from, 'timestamptz')}`)
  if (to !== undefined) conditions.push(`completed_at ${before}= ${values.add(to, 'timestamptz')}`)
  return conditions
}

/** completed_at of the window's last exam; undefined where fewer are left. */
async function windowEnd(
  reader: Reader,
  query: AttemptsQuery,
  window: Window,
  exams: number,
): Promise<string | undefined> {
  const values = new Values()
  const conditions = [
    'student_id is not null',
    "completed_at >= '0002-01-01 00:00:00+00'",
    "completed_at < '9999-01-01 00:00:00+00'",
    ...windowConditions(query, window, values),
  ]
  const [row] = await reader.rows(
    statement(
      `select completed_at from attempt_exam where ${and(conditions)} order by completed_at ${query.descending ? 'desc' : 'asc'} offset ${values.add(exams, 'bigint')} limit 1`,
      values,
    ),
  )
  return row?.[0] ?? undefined
}

async function studentsOfWindow(reader: Reader, query: AttemptsQuery, window: Window): Promise<string[]> {
  const values = new Values()
  const rows = await reader.rows(
    statement(
      `select distinct student_id from attempt_exam where student_id is not null and ${and(windowConditions(query, window, values))}`,
      values,
    ),
  )
  return rows.map(([student]) => student as string)
}

async function studentsOfSession(reader: Reader, session: string): Promise<string[]> {
  const values = new Values()
  const rows = await reader.rows(
    statement(
      `select student_id from attempt_exam where student_id is not null and session_id = ${values.add(session, 'text')}`,
      values,
    ),
  )
  return rows.map(([student]) => student as string)
}

/** `students`: whose history to number; undefined: everybody's. */
function attemptStatement(
  relation: 'attempt_numbered' | 'attempt_response' | 'attempt_materialized',
  query: AttemptsQuery,
  { limit, after, withKey: keyed }: PageRequest,
  window: Window,
  students: string[] | undefined,
): Statement {
  const values = new Values()
  const conditions: string[] = []
  if (students !== undefined)
    conditions.push(
      students.length === 1
        ? `student_id = ${values.add(students[0], 'uuid')}`
        : `student_id = any(${values.add(students, 'uuid[]')})`,
    )
  conditions.push(...windowConditions(query, window, values))
  if (query.id !== undefined) conditions.push(`id = ${values.add(query.id, 'bigint')}`)
  if (query.items !== undefined) conditions.push(`item_id = any(${values.add(query.items, 'bigint[]')})`)
  if (query.topics !== undefined) conditions.push(`topic_id = any(${values.add(query.topics, 'text[]')})`)
  if (query.session !== undefined) conditions.push(`session_id = ${values.add(query.session, 'text')}`)
  if (query.correct !== undefined) conditions.push(`correct = ${values.add(query.correct, 'boolean')}`)
  if (query.attemptNo !== undefined) conditions.push(`attempt_no = ${values.add(query.attemptNo, 'integer')}`)
  if (after !== undefined) {
    const key = after.map((value, index) => values.add(value, keyTypes[index] as string))
    conditions.push(`(${attemptKey.join(', ')}) ${query.descending ? '<' : '>'} (${key.join(', ')})`)
  }
  const direction = query.descending ? 'desc' : 'asc'
  const text = `select ${[...query.columns.map((column) => column.name), ...(keyed ? attemptKey : [])].join(', ')}
from ${relation}
where ${and(conditions)}
order by ${attemptKey.map((column) => `${column} ${direction}`).join(', ')}
limit ${values.add(limit ?? null, 'bigint')}`
  return statement(text, values, query)
}
