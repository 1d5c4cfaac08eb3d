/** Rows of the view attempt, ordered by completed_at. */
import { sql } from 'kysely'
import { contractColumns, type AttemptColumnName } from '../contract/attempt-v1.js'
import type { Reader } from '../database/reader.js'
import { compiled, statement, type Statement } from '../database/statement.js'
import type { Column } from '../formats/encoder.js'
import { columnsOf, db, relation } from '../relations.js'
import { and, attemptConditions, inRange, type AttemptFilters, type Condition } from './filters.js'
import { bigintForm, integerForm, isBehind, keyList, uuidForm, type KeyColumn } from './keyset.js'
import { firstColumn, type PageRequest, type StatementSequence } from './paging.js'
import { studentsOfRange } from './students-of-range.js'

export interface AttemptsQuery extends Pick<
  AttemptFilters,
  'since' | 'until' | 'student' | 'id' | 'items' | 'topics' | 'session' | 'correct' | 'attemptNo'
> {
  columns: readonly Column<AttemptColumnName>[]
  descending: boolean
}

const attempt = columnsOf<'attempt_numbered'>()
const exam = columnsOf<'attempt_exam'>()

/**
 * The total order. Within (student_id, item_id) the last two order as attempt_no does, and they keep a cursor valid
 * when a late edit renumbers the attempts.
 */
const key: readonly KeyColumn[] = [
  {
    sql: attempt('completed_at'),
    type: 'timestamptz',
    form: /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?\+00$/,
  },
  { sql: attempt('student_id'), type: 'uuid', form: uuidForm },
  { sql: attempt('item_id'), type: 'bigint', form: bigintForm },
  { sql: attempt('exam_result_id'), type: 'uuid', form: uuidForm },
  { sql: attempt('position'), type: 'integer', form: integerForm },
]
const keyColumns = compiled(keyList(key))
const orderBy = (direction: 'asc' | 'desc') =>
  compiled(sql.join(key.map((column) => sql`${column.sql} ${sql.raw(direction)}`)))
const [oldestFirst, newestFirst] = [orderBy('asc'), orderBy('desc')]

/** What the values of a cursor's key look like. */
export const attemptKeyPatterns = key.map(({ form }) => form)

/** Exams that the first window of a page reads, and the most that one reads. */
const firstWindow = 64
const largestWindow = 65_536

/** A part of the result: from one completed_at to another, in the order of the list. */
interface Window {
  from?: string
  /** Whether `from` itself is outside. */
  fromOpen?: boolean
  to?: string
}

/**
 * One student or session is one statement. Anything else is read in windows of whole exams in the order of
 * completed_at, each larger than the one before: a page reads little more than it returns, a filter that few rows pass
 * still ends after one pass, and a stream begins with its first rows instead of after a sort of everything.
 */
export async function* selectAttempts(reader: Reader, query: AttemptsQuery, request: PageRequest): StatementSequence {
  const first: Window = request.after?.[0] === undefined ? {} : { from: request.after[0] }
  if (reader.store) {
    // already numbered, and an index has the order
    yield attemptStatement('attempt_materialized', query, request, first)
    return
  }
  if (query.student !== undefined) {
    yield attemptStatement('attempt_numbered', query, request, {})
    return
  }
  if (query.session !== undefined) {
    yield attemptStatement('attempt_numbered', query, request, {}, await studentsOfSession(reader, query.session))
    return
  }
  const numbered = query.attemptNo !== undefined || query.columns.some((column) => column.name === 'attempt_no')
  // Rows are numbered from the first exam of their student on, again in every window. A page stops early; a stream
  // would number the same histories again and again, so it changes to one pass as soon as that is less work.
  const everyone = numbered && request.limit === undefined ? await studentsOfRange(reader, query) : undefined
  if (numbered && request.limit === undefined && everyone === undefined) {
    yield attemptStatement('attempt_numbered', query, request, {})
    return
  }
  let left = request.limit
  let window = first
  const [growth, largest] = request.limit === undefined ? [8, Infinity] : [2, largestWindow]
  for (let exams = firstWindow; ; exams = Math.min(exams * growth, largest)) {
    const to = await windowEnd(reader, query, window, exams)
    if (to !== undefined) window.to = to
    const students = numbered ? await studentsOfWindow(reader, query, window) : undefined
    if (everyone !== undefined && students !== undefined && students.length > everyone.length / 2) {
      delete window.to
      yield attemptStatement('attempt_numbered', query, request, window, everyone)
      return
    }
    const relationOfWindow = numbered ? 'attempt_numbered' : 'attempt_response'
    const found = yield attemptStatement(relationOfWindow, query, { ...request, limit: left }, window, students)
    if (left !== undefined) left -= found
    if (left === 0 || to === undefined) return
    window = { from: to, fromOpen: true }
  }
}

function inWindow(descending: boolean, { from, fromOpen = false, to }: Window): Condition[] {
  const completed = attempt('completed_at')
  const [behind, before] = descending ? ['<', '>'] : ['>', '<']
  const fromOperator = sql.raw(fromOpen ? behind : `${behind}=`)
  return [
    ...(from === undefined ? [] : [sql<boolean>`${completed} ${fromOperator} ${from}::timestamptz`]),
    ...(to === undefined ? [] : [sql<boolean>`${completed} ${sql.raw(before)}= ${to}::timestamptz`]),
  ]
}

/** completed_at of the window's last exam; undefined if fewer are left. */
async function windowEnd(
  reader: Reader,
  query: AttemptsQuery,
  window: Window,
  exams: number,
): Promise<string | undefined> {
  const [row] = await reader.rows(
    statement(
      db
        .selectFrom('attempt_exam')
        .select('completed_at')
        .where('student_id', 'is not', null)
        .where(sql<boolean>`${exam('completed_at')} >= '0002-01-01 00:00:00+00'`)
        .where(sql<boolean>`${exam('completed_at')} < '9999-01-01 00:00:00+00'`)
        .where(and([...inRange(query), ...inWindow(query.descending, window)]))
        .orderBy('completed_at', query.descending ? 'desc' : 'asc')
        .limit(sql.lit(1))
        .offset(sql<number>`${exams}::bigint`),
    ),
  )
  return row?.[0] ?? undefined
}

const studentsOfWindow = async (reader: Reader, query: AttemptsQuery, window: Window): Promise<string[]> =>
  firstColumn(
    await reader.rows(
      statement(
        db
          .selectFrom('attempt_exam')
          .distinct()
          .select('student_id')
          .where('student_id', 'is not', null)
          .where(and([...inRange(query), ...inWindow(query.descending, window)])),
      ),
    ),
  )

const studentsOfSession = async (reader: Reader, session: string): Promise<string[]> =>
  firstColumn(
    await reader.rows(
      statement(
        db
          .selectFrom('attempt_exam')
          .select('student_id')
          .where('student_id', 'is not', null)
          .where('session_id', '=', sql<string>`${session}::text`),
      ),
    ),
  )

/** Whether the columns are all of the contract, in its order: any other choice would be one of many statements. */
const isWholeRow = (columns: readonly Column[]): boolean =>
  columns.length === contractColumns.length && columns.every(({ name }, index) => contractColumns[index]?.name === name)

/** @param students whose history is numbered; undefined: all, or the student of the query */
function attemptStatement(
  source: 'attempt_numbered' | 'attempt_response' | 'attempt_materialized',
  { columns, descending, ...filters }: AttemptsQuery,
  { limit, after, withKey }: PageRequest,
  window: Window,
  students?: string[],
): Statement {
  const conditions = [
    ...attemptConditions(students?.length === 1 ? { ...filters, student: students[0] } : { ...filters, students }),
    ...inWindow(descending, window),
    ...(after === undefined ? [] : [isBehind(key, after, descending)]),
  ]
  return statement(
    sql`select ${sql.join([...columns.map(({ name }) => attempt(name)), ...(withKey ? [keyColumns] : [])])}
from ${relation(source)}
where ${and(conditions)}
order by ${descending ? newestFirst : oldestFirst}
limit ${limit ?? null}::bigint`,
    { prepared: isWholeRow(columns) },
  )
}
