/**
 * Recomputes students, or some of their exams, from the view and writes the difference: what changed, what went, the
 * days that were touched. One statement serves a store beside exam_results and one in another database; it is idempotent.
 */
import type pg from 'pg'
import type { Sessions } from './sessions.js'

/** The columns that the store takes from the view, in its order. */
export const storedColumns = [
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

const names = storedColumns.map(([name]) => name)
const key = ['student_id', 'item_id', 'attempt_no']
const rest = names.filter((name) => !key.includes(name))
const columnsOf = (table: string, columns: readonly string[]) =>
  columns.map((column) => `${table}.${column}`).join(', ')
const sameKey = (a: string, b: string) => key.map((column) => `${a}.${column} = ${b}.${column}`).join(' and ')
const utcDay = (column: string) => `(${column} at time zone 'UTC')::date`

/** The students' rows of the view, all of them. `arrays` where they were read in another database, one a column. */
export interface Whole {
  students: string[]
  arrays?: (string | null)[][]
}
/**
 * The rows of some exams of these students. `edited`: those of the exams that the store may have in an older form, and
 * their students; of a new exam it has nothing.
 */
export interface Parts {
  students: string[]
  exams: string[]
  edited: { students: string[]; exams: string[] }
  arrays?: (string | null)[][]
}
export type Rows = Whole | Parts

/** Rows as `arrays` from $`first` on, or a select from the view. */
const sourceRows = (
  { arrays }: Rows,
  columns: readonly (readonly [string, string])[],
  select: string,
  first: number,
) =>
  arrays === undefined
    ? select
    : `select * from unnest(${columns.map(([, type], index) => `$${index + first}::${type}[]`).join(', ')}) as f (${columns.map(([name]) => name).join(', ')})`

const exam = storedColumns.filter(([name]) => name !== 'attempt_no')
const examNames = exam.map(([name]) => name)
/** attempt-v1.md, column 9: what attempt_no is where all rows of the student's item are at hand. */
const numberedNames = names.map((name) =>
  name === 'attempt_no'
    ? 'row_number() over (partition by student_id, item_id order by completed_at, exam_result_id, position)::integer as attempt_no'
    : name,
)

/** `with fresh as ..., old as ...` and their values: what the view says, and what the store has of the same. */
function freshAndOld(rows: Rows): { text: string; values: unknown[] } {
  if (!('exams' in rows)) {
    return {
      text: `with fresh as materialized (
  ${sourceRows(rows, storedColumns, `select ${names.join(', ')} from attempt_numbered where student_id = any($1::uuid[])`, 2)}
), old as materialized (
  select ${names.join(', ')} from attempt_materialized where student_id = any($1::uuid[])
)`,
      values: [rows.students, ...(rows.arrays ?? [])],
    }
  }
  // exams change no other rows than those of their own items: what the store has of these is numbered anew with them.
  // Beside the view each pair is looked up: its estimate is a multiple of the truth there, and for a planner that takes
  // it, reading the students' whole histories is cheaper. Arrays tell their length, and a lateral limit does not spread.
  const stored =
    rows.arrays === undefined
      ? `pair cross join lateral (select ${names.join(', ')} from attempt_materialized where student_id = pair.student_id and item_id = pair.item_id offset 0) as m`
      : `pair join attempt_materialized m on m.student_id = pair.student_id and m.item_id = pair.item_id
  where m.student_id = any($1::uuid[])`
  return {
    text: `with written_exam as materialized (
  ${sourceRows(rows, exam, `select ${examNames.join(', ')} from attempt_response where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])`, 5)}
), pair as materialized (
  select student_id, item_id from written_exam
  union
  select student_id, item_id from attempt_materialized where student_id = any($3::uuid[]) and exam_result_id = any($4::uuid[])
), old as materialized (
  select ${columnsOf('m', names)}
  from ${stored}
), fresh as materialized (
  select ${numberedNames.join(', ')}
  from (
    select ${examNames.join(', ')} from written_exam
    union all
    select ${examNames.join(', ')} from old where exam_result_id <> all($2::uuid[])
  ) as every
)`,
    values: [rows.students, rows.exams, rows.edited.students, rows.edited.exams, ...(rows.arrays ?? [])],
  }
}

export interface Difference {
  written: number
  deleted: number
  days: string[]
}

/**
 * Writes what differs under `version`, inside the caller's transaction.
 * @returns rows written and deleted, and the UTC days of which a row changed, came or went
 */
export async function writeDifference(client: pg.ClientBase, rows: Rows, version: string): Promise<Difference> {
  if (rows.students.length === 0) return { written: 0, deleted: 0, days: [] }
  const { text, values } = freshAndOld(rows)
  const v = `$${values.length + 1}::bigint`
  // estimates of histories are far off, and a nested loop over two lists of them would be their square. So would be a merge
  // of PostgreSQL 17 and later: it takes the order that numbering left, student and item, and then compares each attempt
  // of an item with every other. What a batch removes is few, and looked up one by one.
  await client.query(`set local enable_mergejoin = off; set local enable_nestloop = ${'exams' in rows ? 'on' : 'off'}`)
  const {
    rows: [found],
  } = await client.query<{ written: string; deleted: string; days: string[] }>(
    `${text}, differ as materialized (
  select ${columnsOf('fresh', names)}, old.student_id is null as is_new, old.completed_at as old_completed_at
  from fresh left join old on ${sameKey('fresh', 'old')}
  where old.student_id is null or (${columnsOf('fresh', rest)}) is distinct from (${columnsOf('old', rest)})
), written as (
  insert into attempt_materialized (${names.join(', ')}, version)
  select ${names.join(', ')}, ${v} from differ
  on conflict (${key.join(', ')}) do update set ${[...rest, 'version'].map((column) => `${column} = excluded.${column}`).join(', ')}
  returning 1
), lost as materialized (
  select ${columnsOf('old', [...key, 'completed_at'])} from old
  where not exists (select from fresh where ${sameKey('fresh', 'old')})
), deleted as (
  delete from attempt_materialized m using lost
  where m.student_id = any($1::uuid[]) and ${sameKey('m', 'lost')}
  returning 1
), buried as (
  insert into attempt_deleted (${key.join(', ')}, version)
  select ${key.join(', ')}, ${v} from lost
  on conflict (${key.join(', ')}) do update set version = excluded.version, deleted_at = excluded.deleted_at
), revived as (
  delete from attempt_deleted d using differ
  where d.student_id = any($1::uuid[]) and differ.is_new and ${sameKey('d', 'differ')}
)
select (select count(*) from written) as written, (select count(*) from deleted) as deleted,
  array(select ${utcDay('completed_at')}::text from differ union select ${utcDay('old_completed_at')}::text from differ where not is_new
    union select ${utcDay('completed_at')}::text from lost) as days`,
    [...values, version],
  )
  await client.query('set local enable_mergejoin = on; set local enable_nestloop = on')
  return { written: Number(found?.written), deleted: Number(found?.deleted), days: found?.days ?? [] }
}

/** How many rows differ, each key once; reads only. */
export async function countDifferences(client: pg.ClientBase, rows: Rows): Promise<number> {
  const { text, values } = freshAndOld(rows)
  const {
    rows: [found],
  } = await client.query<{ n: string }>(
    `${text}
select count(*) as n from fresh full join old on ${sameKey('fresh', 'old')}
where fresh.student_id is null or old.student_id is null or (${columnsOf('fresh', rest)}) is distinct from (${columnsOf('old', rest)})`,
    values,
  )
  return Number(found?.n)
}

async function readArrays(
  client: pg.ClientBase,
  columns: readonly string[],
  from: string,
  values: unknown[],
): Promise<(string | null)[][]> {
  const { rows } = await client.query<(string | null)[]>({
    text: `select ${columns.map((name) => `${name}::text`).join(', ')} from ${from}`,
    values,
    rowMode: 'array',
  } as unknown as pg.QueryArrayConfig)
  return columns.map((_name, index) => rows.map((row) => row[index] ?? null))
}

/** What the view says of the students, to be written into the store. */
export async function rowsOf({ primary, store }: Sessions, students: string[]): Promise<Whole> {
  return primary === store
    ? { students }
    : {
        students,
        arrays: await readArrays(primary, names, 'attempt_numbered where student_id = any($1::uuid[])', [students]),
      }
}

/** What the view says of some exams of the students. */
export async function rowsOfExams({ primary, store }: Sessions, parts: Omit<Parts, 'arrays'>): Promise<Parts> {
  return primary === store
    ? parts
    : {
        ...parts,
        arrays: await readArrays(
          primary,
          examNames,
          'attempt_response where student_id = any($1::uuid[]) and exam_result_id = any($2::uuid[])',
          [parts.students, parts.exams],
        ),
      }
}
