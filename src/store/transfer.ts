/**
 * Reads rows from the database of exam_results for a statement on the store in another database, within a bound of
 * memory. Rows that fit into one slice are the parameters of the statement. More rows go slice by slice into a
 * temporary table of the store's session, which the statement reads.
 */
import { queryRowsInSlices } from '../database/pg-internals.js'
import { largestStoredRow, CannotTake } from './exam-error.js'
import type { Row } from '../formats/encoder.js'
import type { Sessions } from './sessions.js'

export type TypedColumn = readonly [name: string, type: string]

/** Values as text, one array per column. */
export type ColumnArrays = (string | null)[][]

/** The rows themselves, or `incoming`: they are in `incomingTable`. */
export type ReadRows = ColumnArrays | 'incoming'

export const incomingTable = 'pg_temp.attempt_incoming'

/**
 * Bytes of a slice in PostgreSQL's representation. In this process a slice of short rows takes up to 25 times as much
 * while it is sent on.
 */
export const sliceBytes = 8 * 1024 * 1024

const textBytes = 'coalesce(octet_length(session_id), 0) + coalesce(octet_length(topic_id), 0)'

/** A text of a row that is too large stays at the server; the last column says so. */
const selectRows = (columns: readonly TypedColumn[], from: string) => `select
  ${columns
    .map(([name, type]) =>
      type === 'text' ? `case when ${textBytes} <= ${largestStoredRow} then ${name} end` : `${name}::text`,
    )
    .join(', ')},
  ${textBytes} > ${largestStoredRow}
from ${from}`

function toArrays(columns: readonly TypedColumn[], rows: readonly Row[]): ColumnArrays {
  if (rows.some((row) => row[columns.length] === 't'))
    throw new CannotTake(
      `a row is larger than ${largestStoredRow / 1024 / 1024} MiB, the most that a store in another database takes`,
    )
  return columns.map((_column, index) => rows.map((row) => row[index] ?? null))
}

const isDenied = (error: unknown) => (error as { code?: string }).code === '42501'

async function createIncoming({ store }: Sessions, columns: readonly TypedColumn[]): Promise<void> {
  try {
    await store.query(`drop table if exists ${incomingTable}`)
    const list = columns.map((column) => column.join(' ')).join(', ')
    await store.query(`create temporary table attempt_incoming (${list}) on commit drop`)
  } catch (error) {
    if (!isDenied(error)) throw error
    throw new CannotTake(
      'the role of the refresher may not create temporary tables in the database of the store, which more than ' +
        `${sliceBytes / 1024 / 1024} MiB of rows need: grant temporary on that database to it`,
    )
  }
}

/**
 * Reads the columns of `from` as text.
 * @param limit `oneSlice`: reads at most one slice
 * @throws CannotTake: a row is too large, there is more than the one slice, or no temporary table can be created
 */
export async function readRows(
  sessions: Sessions,
  columns: readonly TypedColumn[],
  from: string,
  values: unknown[],
  limit?: { oneSlice: true },
): Promise<ReadRows> {
  const { primary, store } = sessions
  let staged = false
  const stage = async (rows: Row[]) => {
    if (limit !== undefined) throw new CannotTake('more rows than one slice')
    const arrays = toArrays(columns, rows)
    if (!staged) await createIncoming(sessions, columns)
    staged = true
    await store.query(
      `insert into ${incomingTable}
select * from unnest(${columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')})`,
      arrays,
    )
  }
  const last = await queryRowsInSlices(primary, { text: selectRows(columns, from), values }, sliceBytes, stage)
  if (!staged) return toArrays(columns, last)
  if (last.length > 0) await stage(last)
  await store.query(`analyze ${incomingTable}`)
  return 'incoming'
}
