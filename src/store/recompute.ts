/**
 * The rows of the view for some students, or for some of their exams, to be compared with the store. If the store is in
 * the database of exam_results, the statement reads the view itself. Otherwise the rows are its parameters, as arrays.
 */
import type pg from 'pg'
import type { Sessions } from './sessions.js'

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
] as const

export const storedNames: readonly string[] = storedColumns.map(([name]) => name)
export const keyColumns: readonly string[] = ['student_id', 'item_id', 'attempt_no']
export const otherColumns = storedNames.filter((name) => !keyColumns.includes(name))

export const columnsOf = (table: string, columns: readonly string[]): string =>
  columns.map((column) => `${table}.${column}`).join(', ')
export const sameKey = (a: string, b: string): string =>
  keyColumns.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ')

/** Values as text, one array per column. */
export type ColumnArrays = (string | null)[][]

/** All rows of some students. `arrays`: rows read from another database; without it the statement reads the view. */
export interface StudentRows {
  students: string[]
  arrays?: ColumnArrays
}

/**
 * The rows of some exams of these students. `edited`: the exams of which the store may have older rows, and their
 * students. The store has no rows of the other exams, which are new.
 */
export interface ExamRows {
  students: string[]
  exams: string[]
  edited: { students: string[]; exams: string[] }
  arrays?: ColumnArrays
}

export type Rows = StudentRows | ExamRows

/** SQL: a select from arrays, which are the parameters from `$first` on. */
const fromArrays = (columns: readonly (readonly [string, string])[], first: number) =>
  `select * from unnest(${columns.map(([, type], index) => `$${index + first}::${type}[]`).join(', ')})
    as f (${columns.map(([name]) => name).join(', ')})`

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

function ofStudents({ students, arrays }: StudentRows): { text: string; values: unknown[] } {
  const fromView = `select ${names} from attempt_numbered where student_id = any($1::uuid[])`
  return {
    text: `with fresh as materialized (
  ${arrays === undefined ? fromView : fromArrays(storedColumns, 2)}
), old as materialized (
  select ${names} from attempt_materialized where student_id = any($1::uuid[])
)`,
    values: [students, ...(arrays ?? [])],
  }
}

function ofExams({ students, exams, edited, arrays }: ExamRows): { text: string; values: unknown[] } {
  const fromView = `select ${examNames} from attempt_response
  where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])`
  // An exam changes only rows of its own items: the store's rows of these items are renumbered together with the
  // exam's. The planner overestimates rows from the view many times over and would read whole histories, so a lateral
  // join with `offset 0` makes it look up each pair. For arrays this is not needed: the planner knows their length.
  const storedPairs =
    arrays === undefined
      ? `pair cross join lateral (select ${names} from attempt_materialized
    where student_id = pair.student_id and item_id = pair.item_id offset 0) as m`
      : `pair join attempt_materialized m on m.student_id = pair.student_id and m.item_id = pair.item_id
  where m.student_id = any($1::uuid[])`
  return {
    text: `with written_exam as materialized (
  ${arrays === undefined ? fromView : fromArrays(examColumns, 5)}
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
    values: [students, exams, edited.students, edited.exams, ...(arrays ?? [])],
  }
}

/** SQL `with fresh as ..., old as ...`: the rows of the view, and the store's rows of the same students or items. */
export const freshAndOld = (rows: Rows): { text: string; values: unknown[] } =>
  'exams' in rows ? ofExams(rows) : ofStudents(rows)

async function readArrays(
  client: pg.ClientBase,
  columns: readonly (readonly [string, string])[],
  from: string,
  values: unknown[],
): Promise<ColumnArrays> {
  const { rows } = await client.query<(string | null)[]>({
    text: `select ${columns.map(([name]) => `${name}::text`).join(', ')} from ${from}`,
    values,
    rowMode: 'array',
  })
  return columns.map((_column, index) => rows.map((row) => row[index] ?? null))
}

/** All rows of the view for these students. */
export async function studentRows({ primary, store }: Sessions, students: string[]): Promise<StudentRows> {
  if (primary === store) return { students }
  const from = 'attempt_numbered where student_id = any($1::uuid[])'
  return { students, arrays: await readArrays(primary, storedColumns, from, [students]) }
}

/** The rows of the view for some exams of these students. */
export async function examRows({ primary, store }: Sessions, rows: Omit<ExamRows, 'arrays'>): Promise<ExamRows> {
  if (primary === store) return rows
  const from = 'attempt_response where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])'
  return { ...rows, arrays: await readArrays(primary, examColumns, from, [rows.students, rows.exams]) }
}
