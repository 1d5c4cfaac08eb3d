/**
 * The rows of the view for some students, or for some of their exams, to be compared with the store. If the store is in
 * the database of exam_results, the statement reads the view itself. Otherwise the rows are its parameters, as arrays.
 */
import type { Sessions } from './sessions.js'
import { incomingTable, readRows, type ColumnArrays, type ReadRows, type TypedColumn } from './transfer.js'

/** The columns that the store takes from the view, in its order. */
const storedColumns = [
  ['id', 'bigint'],
  ['student_id', 'uuid'],
  ['item_id', 'bigint'],
  ['correct', 'boolean'],
  ['response_time_ms', 'integer'],
  ['hint_used', 'boolean'],
  ['completed_at', 'timestamptz'],
  ['started_at', 'timestamptz'],
  ['attempt_no', 'integer'],
  ['session_id', 'text'],
  ['topic_id', 'text'],
  ['exam_result_id', 'uuid'],
  ['position', 'integer'],
  ['answered', 'boolean'],
] as const satisfies TypedColumn[]

export const storedNames: readonly string[] = storedColumns.map(([name]) => name)
export const keyColumns: readonly string[] = ['student_id', 'item_id', 'attempt_no']
export const otherColumns = storedNames.filter((name) => !keyColumns.includes(name))

export const columnsOf = (table: string, columns: readonly string[]): string =>
  columns.map((column) => `${table}.${column}`).join(', ')
export const sameKey = (a: string, b: string): string =>
  keyColumns.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ')

/** All rows of some students. `read`: rows read from another database; without it the statement reads the view. */
export interface StudentRows {
  students: string[]
  read?: ReadRows
}

/**
 * The rows of some exams of these students. `edited`: the exams of which the store may have older rows, and their
 * students. The store has no rows of the other exams, which are new.
 */
export interface ExamRows {
  students: string[]
  exams: string[]
  edited: { students: string[]; exams: string[] }
  read?: ReadRows
}

export type Rows = StudentRows | ExamRows

/** SQL: a select from arrays, which are the parameters from `$first` on. */
const fromArrays = (columns: readonly TypedColumn[], first: number) =>
  `select * from unnest(${columns.map(([, type], index) => `$${index + first}::${type}[]`).join(', ')})
    as f (${columns.map(([name]) => name).join(', ')})`

const fromRead = (read: ReadRows, columns: readonly TypedColumn[], first: number) =>
  read === 'incoming'
    ? `select ${columns.map(([name]) => name).join(', ')} from ${incomingTable}`
    : fromArrays(columns, first)

const arraysOf = (read: ReadRows | undefined): ColumnArrays => (read === undefined || read === 'incoming' ? [] : read)

/** The columns that depend on one exam only; attempt_no depends on the student's other exams. */
const examColumns = storedColumns.filter(([name]) => name !== 'attempt_no')
const names = storedNames.join(', ')
const examNames = examColumns.map(([name]) => name).join(', ')
/** attempt_no (docs/attempt-v1.md, column 9), over all rows of the student's items. */
const numbering = `row_number() over (
      partition by student_id, item_id
      order by completed_at, exam_result_id, position
    )::integer as attempt_no`
const numberedNames = storedNames.map((name) => (name === 'attempt_no' ? numbering : name)).join(', ')

function ofStudents({ students, read }: StudentRows): { text: string; values: unknown[] } {
  const fromView = `select ${names} from attempt_numbered where student_id = any($1::uuid[])`
  return {
    text: `with fresh as materialized (
  ${read === undefined ? fromView : fromRead(read, storedColumns, 2)}
), old as materialized (
  select ${names} from attempt_materialized where student_id = any($1::uuid[])
)`,
    values: [students, ...arraysOf(read)],
  }
}

function ofExams({ students, exams, edited, read }: ExamRows): { text: string; values: unknown[] } {
  const fromView = `select ${examNames} from attempt_response
  where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])`
  // An exam changes only rows of its own items: the store's rows of these items are renumbered together with the
  // exam's. The planner overestimates rows from the view many times over and would read whole histories, so a lateral
  // join with `offset 0` makes it look up each pair. For arrays this is not needed: the planner knows their length.
  const storedPairs =
    read === undefined
      ? `pair cross join lateral (select ${names} from attempt_materialized
    where student_id = pair.student_id and item_id = pair.item_id offset 0) as m`
      : `pair join attempt_materialized m on m.student_id = pair.student_id and m.item_id = pair.item_id
  where m.student_id = any($1::uuid[])`
  return {
    text: `with written_exam as materialized (
  ${read === undefined ? fromView : fromRead(read, examColumns, 5)}
), pair as materialized (
  select student_id, item_id from written_exam
  union
  select student_id, item_id from attempt_materialized
  where student_id = any($3::uuid[]) and exam_result_id = any($4::uuid[])
), old as materialized (
  select ${columnsOf('m', storedNames)}
  from ${storedPairs}
), fresh as materialized (
  select ${numberedNames}
  from (
    select ${examNames} from written_exam
    union all
    select ${examNames} from old where exam_result_id <> all($2::uuid[])
  ) as every
)`,
    values: [students, exams, edited.students, edited.exams, ...arraysOf(read)],
  }
}

/** SQL `with fresh as ..., old as ...`: the rows of the view, and the store's rows of the same students or items. */
export const freshAndOld = (rows: Rows): { text: string; values: unknown[] } =>
  'exams' in rows ? ofExams(rows) : ofStudents(rows)

/**
 * All rows of the view for these students.
 * @param limit reads no more than one slice; see `readRows`
 */
export async function studentRows(
  sessions: Sessions,
  students: string[],
  limit?: { oneSlice: true },
): Promise<StudentRows> {
  if (sessions.primary === sessions.store) return { students }
  const from = 'attempt_numbered where student_id = any($1::uuid[])'
  return { students, read: await readRows(sessions, storedColumns, from, [students], limit) }
}

/** The rows of the view for some exams of these students. */
export async function examRows(sessions: Sessions, rows: Omit<ExamRows, 'read'>): Promise<ExamRows> {
  if (sessions.primary === sessions.store) return rows
  const from = 'attempt_response where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])'
  return { ...rows, read: await readRows(sessions, examColumns, from, [rows.students, rows.exams]) }
}

/** The same exams as if the view had no rows of them: the store's rows of these exams are deleted. */
export const withoutRows = (rows: Omit<ExamRows, 'read'>): ExamRows => ({ ...rows, read: examColumns.map(() => []) })
