/** Reads the state of the store on the primary or on a standby, which replicates it. */
import { sql, type RawBuilder } from 'kysely'
import pg from 'pg'
import type { Reader } from '../database/reader.js'
import { compiled, ownSchema, statement } from '../database/statement.js'
import type { Row } from '../formats/encoder.js'
import { ApiError } from '../errors.js'
import { columnsOf, relation, storeStates, type Relations, type StoreStateName } from '../relations.js'
import { locatedStoreIsCurrent } from './schema-version.js'

export interface StoreState {
  version: string
  /** Requests read the store only in the state `ready`. */
  state: StoreStateName
  /** The store has every exam that was committed before this time; RFC 3339. */
  asOf: string | null
  /** Seconds from `asOf` to the time when the state was read. */
  lagS: number | null
  /** The oldest version whose changes are kept. */
  oldestVersion: string
  /** Total number of rows that verification has found different. */
  differences: string
  differenceAt: string | null
  /** Exams that the store does not have, because the refresher could not take them. */
  setAside: number
}

const store = columnsOf<'attempt_store'>()

/** SQL expression: a timestamp in the format of answers. */
export const rfc3339 = (timestamp: RawBuilder<unknown>): RawBuilder<string> =>
  sql`to_char(${timestamp} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** SQL expression: the number of exams that are set aside; null, and no error, in a store of an older release. */
export const setAsideCount = sql`to_jsonb(attempt_store) ->> 'set_aside'`

const stateColumns = [
  sql.ref('attempt_store.version'),
  store('state'),
  rfc3339(store('caught_up_at')),
  sql`extract(epoch from now() - ${store('caught_up_at')})`,
  store('oldest_version'),
  store('differences'),
  rfc3339(store('difference_at')),
  setAsideCount,
]

// compiled once, because every answer from the store runs one of them
const stateList = compiled(sql.join(stateColumns))
const stateStatement = statement(sql`select ${stateList}, ${sql.raw(locatedStoreIsCurrent)}
from ${relation('attempt_store')}`)
const readyStatement = statement(sql`select ${stateList}
from ${relation('attempt_store')}`)

const isState = (text: string | null | undefined): text is StoreStateName => storeStates.some((state) => state === text)

function stateOf([version, state, asOf, lagS, oldestVersion, differences, differenceAt, setAside]: Row): StoreState {
  if (!version || !isState(state) || !oldestVersion || !differences)
    throw new Error('attempt_store has a row that this release cannot read')
  return {
    version,
    state,
    asOf: asOf ?? null,
    lagS: lagS === null ? null : Number(lagS),
    oldestVersion,
    differences,
    differenceAt: differenceAt ?? null,
    setAside: Number(setAside),
  }
}

/**
 * Whether the error means that there is no store for this service: the table is missing, or the role may not read it.
 */
export const isStoreAbsent = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42P01', '42501'].includes(error.code ?? '')

function ifAbsent(error: unknown): undefined {
  if (isStoreAbsent(error)) return undefined
  throw error
}

/** Whether the table exists and this role may read it. */
export const mayRead = async (reader: Reader, table: keyof Relations): Promise<boolean> => {
  const [row] = await reader.rows(
    statement(
      sql`select coalesce(has_table_privilege(to_regclass(${sql.raw(`'"${ownSchema}".${table}'`)}), 'select'), false)`,
      {
        prepared: false,
      },
    ),
  )
  return row?.[0] === 't'
}

/**
 * @param existed true if the last read found a store. Otherwise the catalog is read first, so that a missing table does
 * not cause an error in the server's log at each read
 * @returns undefined if there is no store that this release can read, or this role may not read it
 */
export async function readStoreState(reader: Reader, existed = false): Promise<StoreState | undefined> {
  if (!existed && !(await mayRead(reader, 'attempt_store'))) return undefined
  const [row] = (await reader.rows(stateStatement).catch(ifAbsent)) ?? []
  return row?.[stateColumns.length] === 't' ? stateOf(row) : undefined
}

/** The store changed between the choice of the source and the statements of the answer: choose the source again. */
export class StoreNotReady extends ApiError {
  constructor() {
    super('store_unavailable', 'The store is being filled. Retry later, or request source=live.')
  }
}

/** The state of a complete store, which always has `asOf`. */
export type ReadyStore = StoreState & { asOf: string }

/**
 * Reads the state in the same snapshot as the rows of an answer. A request waits for a connection after it has chosen
 * its source. If the store is truncated during this wait, every snapshot sees empty tables.
 * @param more further columns, and the one-row relation that has them
 * @throws StoreNotReady
 */
export async function readReadyStore(
  reader: Reader,
  more?: { columns: RawBuilder<unknown>; from: RawBuilder<unknown> },
): Promise<{ state: ReadyStore; more: Row }> {
  const query =
    more === undefined
      ? readyStatement
      : statement(sql`select ${stateList}, ${more.columns}
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
