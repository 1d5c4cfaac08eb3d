/** Reads attempts in the order of completed_at. */
import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { contractColumns, type AttemptColumnName } from '../contract/attempt-v1.js'
import type { Reader } from '../database/reader.js'
import { compiled, statement, type Statement } from '../database/statement.js'
import type { Column } from '../formats/encoder.js'
import { columnsOf, db, relation, type ColumnName } from '../relations.js'
import { and, attemptConditions, inRange, type AttemptFilters, type Condition } from './filters.js'
import { bigintForm, integerForm, isAfter, keyList, uuidForm, type KeyColumn } from './keyset.js'
import { firstColumn, type PageRequest, type StatementSequence } from './paging.js'
import { studentsOfRange } from './students-of-range.js'

export interface AttemptsQuery extends Omit<AttemptFilters, 'students'> {
  columns: readonly Column<AttemptColumnName>[]
  descending: boolean
}

const attempt = columnsOf<'attempt_numbered'>()
const exam = columnsOf<'attempt_exam'>()

/**
 * The total order. Within (student_id, item_id) the last two columns give the order of attempt_no. Unlike attempt_no,
 * they keep a cursor valid when a late edit renumbers the attempts.
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
const keyNames = ['completed_at', 'student_id', 'item_id', 'exam_result_id', 'position'] as const
const keyColumns = compiled(keyList(key))
const orderBy = (direction: 'asc' | 'desc') =>
  compiled(sql.join(key.map((column) => sql`${column.sql} ${sql.raw(direction)}`)))
const [oldestFirst, newestFirst] = [orderBy('asc'), orderBy('desc')]

/** The forms of the values of a cursor's key. */
export const attemptKeyPatterns = key.map(({ form }) => form)

/** Exams in the first window of a page, and the most in any window of a page. */
const firstWindow = 64
const largestWindow = 65_536

/** A part of the result: from one completed_at to another, in the order of the list. */
interface Window {
  from?: string
  /** Whether `from` itself is excluded. */
  fromOpen?: boolean
  to?: string
}

/**
 * Reads one student or session in one statement, and everything else in windows of whole exams in the order of
 * completed_at. Each window is larger than the one before. So a page reads little more than it returns, a selective
 * filter ends after one pass, and a stream sends its first rows before everything is sorted.
 */
export async function* selectAttempts(reader: Reader, query: AttemptsQuery, request: PageRequest): StatementSequence {
  const first: Window = request.after?.[0] === undefined ? {} : { from: request.after[0] }
  if (reader.store) {
    // the store's rows are numbered, and an index has the order
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
  // Each window of a stream numbers the whole history of its students. It would number the same histories many times,
  // so it continues with one statement for the rest as soon as that is less work.
  const allStudents = numbered && request.limit === undefined ? await studentsOfRange(reader, query) : undefined
  if (numbered && request.limit === undefined && allStudents === undefined) {
    yield attemptStatement('attempt_numbered', query, request, {})
    return
  }
  let remaining = request.limit
  let window = first
  const [growth, largest] = request.limit === undefined ? [8, Infinity] : [2, largestWindow]
  for (let exams = firstWindow; ; exams = Math.min(exams * growth, largest)) {
    const to = await windowEnd(reader, query, window, exams)
    if (to !== undefined) window.to = to
    const students = numbered && request.limit === undefined ? await studentsOfWindow(reader, query, window) : undefined
    if (allStudents !== undefined && students !== undefined && students.length > allStudents.length / 2) {
      delete window.to
      yield attemptStatement('attempt_numbered', query, request, window, allStudents)
      return
    }
    const page = { ...request, limit: remaining }
    const rows = yield numbered && request.limit !== undefined
      ? numberedPage(query, page, window)
      : attemptStatement(numbered ? 'attempt_numbered' : 'attempt_response', query, page, window, students)
    if (remaining !== undefined) remaining -= rows
    if (remaining === 0 || to === undefined) return
    window = { from: to, fromOpen: true }
  }
}

function inWindow(descending: boolean, { from, fromOpen = false, to }: Window): Condition[] {
  const completed = attempt('completed_at')
  const [after, before] = descending ? ['<', '>'] : ['>', '<']
  const fromOperator = sql.raw(fromOpen ? after : `${after}=`)
  return [
    ...(from === undefined ? [] : [sql<boolean>`${completed} ${fromOperator} ${from}::timestamptz`]),
    ...(to === undefined ? [] : [sql<boolean>`${completed} ${sql.raw(before)}= ${to}::timestamptz`]),
  ]
}

/** completed_at of the window's last exam; undefined if fewer exams remain. */
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

/** Whether these are all columns of the contract in its order. Only this choice is prepared: others are too many. */
const isWholeRow = (columns: readonly Column[]): boolean =>
  columns.length === contractColumns.length && columns.every(({ name }, index) => contractColumns[index]?.name === name)

/** The condition of the store's index: texts of sessions may be too long for an index. */
const hashOf = (text: RawBuilder<unknown>) => sql`hashtextextended(${text}, 0)`
const sessionIs = (session: string) => sql<SqlBool>`${hashOf(attempt('session_id'))} = ${hashOf(sql`${session}::text`)}`

/** @param students the students whose history is numbered; undefined: all, or the student of the query */
function attemptStatement(
  source: 'attempt_numbered' | 'attempt_response' | 'attempt_materialized',
  { columns, descending, ...filters }: AttemptsQuery,
  { limit, after, withKey }: PageRequest,
  window: Window,
  students?: string[],
): Statement {
  const conditions = [
    ...attemptConditions(students?.length === 1 ? { ...filters, student: students[0] } : { ...filters, students }),
    ...(source === 'attempt_materialized' && filters.session !== undefined ? [sessionIs(filters.session)] : []),
    ...inWindow(descending, window),
    ...(after === undefined ? [] : [isAfter(key, after, descending)]),
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

const response = columnsOf<'attempt_response'>()
const number = attempt('attempt_no')

/** SQL: rows of attempt_response with the numbers that attempt_numbered gives them. */
const numberOf = compiled(sql`row_number() over (
  partition by ${attempt('student_id')}, ${attempt('item_id')}
  order by ${attempt('completed_at')}, ${attempt('exam_result_id')}, ${attempt('position')}
)::integer`)

/**
 * A page of the attempts of several students. It first takes the rows of the page without numbers, and then numbers the
 * attempts of their students up to the last of these rows: a number depends on earlier attempts only. PostgreSQL
 * computes only the columns that numbering needs.
 */
function numberedPage(
  { columns, descending, attemptNo, ...filters }: AttemptsQuery,
  { limit, after, withKey }: PageRequest,
  window: Window,
): Statement {
  const conditions = [
    ...attemptConditions(filters),
    ...inWindow(descending, window),
    ...(after === undefined ? [] : [isAfter(key, after, descending)]),
  ]
  const order = descending ? newestFirst : oldestFirst
  const atMost = sql`order by ${order}
limit ${limit ?? null}::bigint`
  const place = [attempt('exam_result_id'), attempt('position')]
  const names = new Set([...columns.map(({ name }) => name), ...keyNames])
  names.delete('attempt_no')
  return statement(
    sql`with page as (
select ${sql.join([...names].map((name) => response(name as ColumnName<'attempt_response'>)))}
from ${relation('attempt_response')}
where ${and(conditions)}
${attemptNo === undefined ? atMost : sql``}
), numbered as (
select ${sql.join(place)}, ${numberOf} as ${number}
from ${relation('attempt_response')}
where ${attempt('student_id')} = any(array(select distinct ${attempt('student_id')} from page))
  and ${attempt('completed_at')} <= (select max(${attempt('completed_at')}) from page)
)
select ${sql.join([...columns.map(({ name }) => attempt(name)), ...(withKey ? [keyColumns] : [])])}
from page join numbered using (${sql.join(place)})
where ${and(attemptConditions({ attemptNo }))}
${atMost}`,
    { prepared: isWholeRow(columns) },
  )
}
