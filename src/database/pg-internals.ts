/** Uses parts of the driver `pg` that its types do not declare. Check this file when `pg` is updated. */
import type { Socket } from 'node:net'
import pg from 'pg'
import type { Row } from '../formats/encoder.js'
import { largestRow, rowTooLarge, type RowBudget } from './row-budget.js'

interface Backend {
  processID: number
  secretKey: number
}

interface Prepared {
  parsedStatements: Partial<Record<string, string>>
}

/** The key with which a CancelRequest names a backend, and the address of its server. */
export interface BackendKey extends Backend {
  host: string
  port: number
  ssl: boolean
}

const backendOf = (client: pg.ClientBase) => client as unknown as BackendKey

export const backendKey = (client: pg.ClientBase): BackendKey => {
  const { processID, secretKey, host, port, ssl } = backendOf(client)
  return { processID, secretKey, host, port, ssl }
}

/** The process id of a CancelRequest, assigned by the server or by a pooler in front of it. */
export const processIdOf = (client: pg.ClientBase): number => backendOf(client).processID

/** A connection that only sends a CancelRequest. */
export interface CancelConnection {
  readonly stream: Socket
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): void
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
}

export const createCancelConnection = (ssl: boolean): CancelConnection =>
  new pg.Connection({ ssl }) as unknown as CancelConnection

/** The connection's socket. */
export const socketOf = (client: pg.ClientBase): Socket => (client as pg.Client).connection.stream as Socket

/** `onConnect` of a pool: the pool waits for the promise, and a connection for which it rejects is not handed out. */
export const onConnect = (action: (client: pg.ClientBase) => Promise<void>): ((client: pg.ClientBase) => void) => action

/** Runs a query that fails after `ms` without an answer, measured in this process. */
export const queryWithin = <R extends pg.QueryResultRow>(
  client: pg.Pool | pg.ClientBase,
  ms: number,
  text: string,
  values: unknown[] = [],
): Promise<pg.QueryResult<R>> => {
  const config: pg.QueryConfig & { query_timeout: number } = { text, values, query_timeout: ms }
  return client.query<R>(config)
}

/** The same for every query of a client. */
export const limitedTo = (ms: number, client: pg.ClientBase): Pick<pg.ClientBase, 'query'> => ({
  query: ((text: string, values?: unknown[]) => queryWithin(client, ms, text, values)) as pg.ClientBase['query'],
})

/** Fails every request that waits for a connection of the pool: a pool that was ended would let it wait. */
export function rejectWaiting(pool: pg.Pool, error: Error): void {
  const { _pendingQueue } = pool as unknown as { _pendingQueue: { callback(error: Error): void }[] }
  for (const waiting of _pendingQueue.splice(0)) waiting.callback(error)
}

type Listener = (bytes: Buffer) => void

/** The socket of a connection while this service reads it instead of `pg`. */
export interface BorrowedSocket {
  pause(): void
  resume(): void
  destroy(): void
  /** Passes bytes to `pg`. */
  forward(bytes: Buffer): void
  /** Gives the socket back to `pg`. */
  release(): void
}

/**
 * Sends `text` as a simple query and takes over the socket for its answer.
 * @param read called with every chunk until `release`
 */
export function queryRaw(
  client: pg.PoolClient,
  text: string,
  read: (socket: BorrowedSocket, bytes: Buffer) => void,
  { handleError, handleReadyForQuery }: { handleError(error: unknown): void; handleReadyForQuery(): void },
): void {
  const ignore = () => undefined
  const query = {
    submit(connection: pg.Connection) {
      const { stream } = connection
      const listeners = stream.listeners('data') as Listener[]
      let released = false
      const socket: BorrowedSocket = {
        pause: () => stream.pause(),
        resume: () => stream.resume(),
        destroy: () => stream.destroy(),
        forward(bytes) {
          for (const listener of listeners) listener(bytes)
        },
        release() {
          if (released) return
          released = true
          stream.removeListener('data', listen)
          for (const listener of listeners) stream.on('data', listener)
        },
      }
      const listen = (bytes: Buffer) => {
        read(socket, bytes)
      }
      for (const listener of listeners) stream.removeListener('data', listener)
      stream.on('data', listen)
      connection.query(text)
    },
    handleError,
    handleReadyForQuery,
    handleCommandComplete: ignore,
    handleEmptyQuery: () => {
      handleError(new Error('The statement is empty'))
    },
    handleRowDescription: ignore,
    handleDataRow: ignore,
    handlePortalSuspended: ignore,
  }
  client.query(query)
}

/** Maximum number of prepared statements per connection: each one costs its backend about 90 kB. */
export const maxPrepared = 100

const preparedNames = new WeakMap<pg.Connection, Set<string>>()

/**
 * Makes room for a prepared statement by closing the least recently used one. Called when the query is sent: the Close
 * message is sent with it, without a round trip or an effect on the transaction. PgBouncer supports it.
 */
function makeRoom(connection: pg.Connection, name: string): void {
  const names = preparedNames.get(connection) ?? new Set<string>()
  preparedNames.set(connection, names)
  // a Set keeps the order of insertion
  names.delete(name)
  names.add(name)
  const [oldest] = names
  if (names.size <= maxPrepared || oldest === undefined) return
  names.delete(oldest)
  connection.close({ type: 'S', name: oldest }, true)
  // without this, `pg` would execute the closed statement by its name
  Reflect.deleteProperty((connection as pg.Connection & Prepared).parsedStatements, oldest)
}

// keeps the text: int8, numeric and microseconds lose digits in JavaScript types
const types: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }

/**
 * Runs a statement; every value of its rows is PostgreSQL's text.
 * @param name the name of the prepared statement; undefined: it is not prepared
 */
export async function queryRows(
  client: pg.PoolClient,
  { name, text, values }: { name: string | undefined; text: string; values: readonly unknown[] },
): Promise<Row[]> {
  const config: pg.QueryArrayConfig = { name, text, values: [...values], rowMode: 'array', types }
  return runQuery(client, config)
}

async function runQuery(
  client: pg.ClientBase,
  config: pg.QueryArrayConfig,
  prepare: (query: pg.Query) => void = () => undefined,
): Promise<Row[]> {
  const { name } = config
  try {
    return await new Promise<Row[]>((resolve, reject) => {
      const query = new pg.Query(config, (error: Error | null | undefined, result: { rows: Row[] }) => {
        if (error) reject(error)
        else resolve(result.rows)
      })
      prepare(query)
      if (name !== undefined) {
        const submit = query.submit.bind(query)
        query.submit = (connection) => {
          makeRoom(connection, name)
          // `pg` reports the returned error
          return submit(connection)
        }
      }
      client.query(query)
    })
  } catch (error) {
    // the caller's stack instead of that of the socket event
    if (error instanceof Error) Error.captureStackTrace(error)
    throw error
  }
}

/** A row as `pg` receives it; `length`: the bytes of its message. */
interface DataRow {
  length: number
  fields: Row
}

/**
 * The same within a budget: rows that arrive after it is full are dropped. A row above `largestRow` closes the
 * connection, because `pg` would collect all of it first.
 * @param full called when the budget is full: the rest of the result is not needed
 * @throws ApiError answer_too_large
 */
export async function queryRowsWithin(
  client: pg.PoolClient,
  { name, text, values }: { name: string | undefined; text: string; values: readonly unknown[] },
  budget: RowBudget,
  full: () => void,
): Promise<Row[]> {
  const rows: Row[] = []
  const config: pg.QueryArrayConfig = { name, text, values: [...values], rowMode: 'array', types }
  const { stream } = (client as pg.Client).connection
  let pending = 0
  const count = (chunk: Buffer) => {
    pending += chunk.length
    if (pending > largestRow) stream.destroy()
  }
  stream.on('data', count)
  try {
    await runQuery(client, config, (query) => {
      const received = query as pg.Query & { handleDataRow(row: DataRow): void }
      received.handleDataRow = ({ length, fields }) => {
        pending = 0
        if (budget.full) return
        budget.take(length)
        rows.push(fields)
        if (budget.full) full()
      }
    })
  } catch (error) {
    if (pending > largestRow) throw rowTooLarge()
    // the cancel that `full` sends ends the statement with query_canceled
    if (!budget.full || !(error instanceof pg.DatabaseError) || error.code !== '57014') throw error
  } finally {
    stream.removeListener('data', count)
  }
  return rows
}

/**
 * Runs a statement and passes its rows on in slices, so that a result of any size needs the memory of one slice. The
 * server waits while a slice is being passed on.
 * @param sliceBytes bytes of a slice, in PostgreSQL's representation; the last row may exceed them
 * @param pass called with every slice except the last one
 * @returns the last slice
 */
export async function queryRowsInSlices(
  client: pg.ClientBase,
  { text, values }: { text: string; values: readonly unknown[] },
  sliceBytes: number,
  pass: (rows: Row[]) => Promise<void>,
): Promise<Row[]> {
  const { stream } = (client as pg.Client).connection
  let rows: Row[] = []
  let bytes = 0
  let passing: Promise<void> | undefined
  let failure: { error: unknown } | undefined
  const passOn = () => {
    const slice = rows
    rows = []
    bytes = 0
    stream.pause()
    passing = pass(slice)
      .catch((error: unknown) => {
        failure = { error }
      })
      .finally(() => {
        passing = undefined
        stream.resume()
      })
  }
  const config: pg.QueryArrayConfig = { text, values: [...values], rowMode: 'array', types }
  await runQuery(client, config, (query) => {
    const received = query as pg.Query & { handleDataRow(row: DataRow): void }
    received.handleDataRow = ({ length, fields }) => {
      if (failure !== undefined) return
      rows.push(fields)
      bytes += length
      if (bytes > sliceBytes && passing === undefined) passOn()
    }
  })
  await passing
  if (failure !== undefined) throw failure.error
  return rows
}
