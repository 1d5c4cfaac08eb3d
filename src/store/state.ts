/** How far the store is, as the server that is read knows it: a standby has this from its primary. */
import { sql, type RawBuilder } from 'kysely'
import pg from 'pg'
import type { Reader } from '../database/reader.js'
import { statement } from '../database/statement.js'
import type { Row } from '../formats/encoder.js'
import { ApiError } from '../errors.js'
import { columnsOf, relation, type Relations } from '../relations.js'
import { storeIsCurrent } from './schema-version.js'
import type { StoreRow } from './store-row.js'

export interface StoreState {
  version: string
  /** In every state but `ready` the store is being filled. */
  state: StoreRow['state']
  /** What was committed before this moment is in the store; RFC 3339. */
  asOf: string | null
  /** Seconds since then, when the state was read. */
  lagS: number | null
  /** The oldest version whose changes are kept. */
  oldestVersion: string
  /** Rows that verification has found different, in total. */
  differences: string
  differenceAt: string | null
}

const store = columnsOf<'attempt_store'>()

/** A timestamp as answers have it. */
export const rfc3339 = (timestamp: RawBuilder<unknown>): RawBuilder<string> =>
  sql`to_char(${timestamp} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

const stateColumns = [
  sql.ref('attempt_store.version'),
  store('state'),
  rfc3339(store('caught_up_at')),
  sql`extract(epoch from now() - ${store('caught_up_at')})`,
  store('oldest_version'),
  store('differences'),
  rfc3339(store('difference_at')),
]

// every answer from the store runs one of these, so they are compiled once
const stateStatement = statement(sql`select ${sql.join(stateColumns)}, ${sql.raw(storeIsCurrent)}
from ${relation('attempt_store')}`)
const readyStatement = statement(sql`select ${sql.join(stateColumns)}
from ${relation('attempt_store')}`)

const states: readonly string[] = ['emptying', 'filling', 'catching_up', 'ready'] satisfies StoreRow['state'][]
const isState = (text: string | null | undefined): text is StoreRow['state'] =>
  typeof text === 'string' && states.includes(text)

function stateOf([version, state, asOf, lagS, oldestVersion, differences, differenceAt]: Row): StoreState {
  if (!version || !isState(state) || !oldestVersion || !differences)
    throw new Error('attempt_store has a row that this version cannot read')
  return {
    version,
    state,
    asOf: asOf ?? null,
    lagS: lagS === null ? null : Number(lagS),
    oldestVersion,
    differences,
    differenceAt: differenceAt ?? null,
  }
}

/** Whether the table does not exist or this role may not read it: for the service, there is no store. */
export const isStoreAbsent = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42P01', '42501'].includes(error.code ?? '')

function ifAbsent(error: unknown): undefined {
  if (isStoreAbsent(error)) return undefined
  throw error
}

/** Whether the table exists and this role may read it. */
export const mayRead = async (reader: Reader, table: keyof Relations): Promise<boolean> => {
  const [row] = await reader.rows(
    statement(sql`select coalesce(has_table_privilege(to_regclass(${table}::text), 'select'), false)`, {
      prepared: false,
    }),
  )
  return row?.[0] === 't'
}

/**
 * @param wasThere it was there a moment ago. Otherwise the catalog is asked first: a missing table would be an error in
 * the server's log each time
 * @returns undefined if there is no store that this version can read, or this role may not read it
 */
export async function readStoreState(reader: Reader, wasThere = false): Promise<StoreState | undefined> {
  if (!wasThere && !(await mayRead(reader, 'attempt_store'))) return undefined
  const [row] = (await reader.rows(stateStatement).catch(ifAbsent)) ?? []
  return row?.[stateColumns.length] === 't' ? stateOf(row) : undefined
}

/** The store as an answer's own statements find it is not the one that was chosen: the source must be chosen again. */
export class StoreNotReady extends ApiError {
  constructor() {
    super('store_unavailable', 'The store is being filled. Retry later, or request source=live.')
  }
}

/** A complete store; `asOf` is known then. */
export type ReadyStore = StoreState & { asOf: string }

/**
 * The state in the snapshot in which the rows are read: between the choice of the source and its answer is the wait
 * for a connection, and TRUNCATE shows an empty table to every snapshot.
 * @param more further columns, and the relation of one row that has them
 * @throws StoreNotReady
 */
export async function readReadyStore(
  reader: Reader,
  more?: { columns: readonly RawBuilder<unknown>[]; from: RawBuilder<unknown> },
): Promise<{ state: ReadyStore; more: Row }> {
  const query =
    more === undefined
      ? readyStatement
      : statement(sql`select ${sql.join([...stateColumns, ...more.columns])}
from ${relation('attempt_store')}, ${more.from}`)
  const [row] = (await reader.rows(query).catch(ifAbsent)) ?? []
  const state = row === undefined ? undefined : stateOf(row)
  if (row === undefined || state?.state !== 'ready' || state.asOf === null) throw new StoreNotReady()
  return { state: { ...state, asOf: state.asOf }, more: row.slice(stateColumns.length) }
}

/** A state that was read at `at` (milliseconds). */
export interface KnownState {
  state: StoreState | undefined
  at: number
}

/** Seconds by which the store is behind now; Infinity if it was never complete. */
export const lagOf = ({ state, at }: KnownState): number =>
  state === undefined || state.lagS === null ? Infinity : state.lagS + (Date.now() - at) / 1000
