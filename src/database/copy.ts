/**
 * Reads `COPY ... TO STDOUT (FORMAT binary)` straight from the socket: no object a row, no queue, and the server waits
 * while the reader does. Everything but the data goes on to pg, which stays in charge of the connection.
 */
import pg from 'pg'
import type { Statement } from './reader.js'

/** What pg calls on a query that it is given. */
interface Submittable {
  submit(connection: pg.Connection): void
  handleError(error: Error): void
  handleReadyForQuery(): void
  handleCommandComplete(): void
  handleEmptyQuery(): void
  handleRowDescription(): void
  handleDataRow(): void
  handlePortalSuspended(): void
}

type Listener = (bytes: Buffer) => void

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const copyData = 0x64
const readyForQuery = 0x5a

export interface RowSink {
  /** A row in COPY's binary format begins at `bytes[at]`; the bytes are only good during the call. */
  row(bytes: Buffer, at: number): void
  /** Called when what the socket gave is used up. While a promise is pending nothing more is read. */
  pause?(): Promise<void> | undefined
}

/**
 * Runs one COPY to its end.
 * @returns the number of rows, once the server said that the statement is complete
 * @throws what the server or the connection reports; never ends well on half an answer
 */
export function copyRows(client: pg.PoolClient, sql: string, sink: RowSink): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0
    let begun = false
    let failed = false
    let released = false
    let socket: NodeJS.ReadableStream & { pause(): unknown; resume(): unknown } = undefined as never
    let listeners: Listener[] = []
    // a message that did not fit into one read: its parts so far and how many bytes they need to be
    let parts: Buffer[] = []
    let [have, need] = [0, 0]

    const forward = (bytes: Buffer) => {
      for (const listener of listeners) listener(bytes)
    }
    const release = () => {
      if (released) return
      released = true
      socket.removeListener('data', read)
      for (const listener of listeners) socket.on('data', listener)
    }
    const fail = (error: unknown) => {
      failed = true
      reject(error instanceof Error ? error : new Error(String(error)))
    }

    function data(bytes: Buffer, from: number, to: number): void {
      let at = from
      if (!begun) {
        if (bytes.compare(signature, 0, signature.length, at, at + signature.length) !== 0)
          throw new Error('the server did not answer in the binary format of COPY')
        at += signature.length + 4
        at += 4 + bytes.readInt32BE(at)
        begun = true
      }
      // one row a message; the last message says -1
      if (at < to && bytes.readInt16BE(at) >= 0) {
        sink.row(bytes, at)
        rows++
      }
    }

    function read(chunk: Buffer): void {
      let bytes = chunk
      if (have > 0) {
        parts.push(chunk)
        have += chunk.length
        if (have < need) return
        bytes = Buffer.concat(parts, have)
        parts = []
      }
      let at = 0
      need = 5
      try {
        while (bytes.length - at >= 5) {
          const end = at + 1 + bytes.readInt32BE(at + 1)
          if (end > bytes.length) {
            need = end - at
            break
          }
          const type = bytes[at]
          if (type === copyData) {
            if (!failed) data(bytes, at + 5, end)
          } else {
            // what is behind the end belongs to pg again, before anybody can send the next statement
            if (type === readyForQuery) release()
            forward(bytes.subarray(at, end))
          }
          at = end
          if (released) {
            if (at < bytes.length) forward(bytes.subarray(at))
            return
          }
        }
      } catch (error) {
        fail(error)
        // the rest of the answer is of no use, and only a closed connection stops it
        ;(socket as unknown as { destroy(): void }).destroy()
        return
      }
      have = bytes.length - at
      if (have > 0) parts.push(at === 0 ? bytes : bytes.subarray(at))
      const pause = failed ? undefined : sink.pause?.()
      if (pause !== undefined) {
        socket.pause()
        pause.then(() => {
          socket.resume()
        }, fail)
      }
    }

    const query: Submittable = {
      submit(connection) {
        socket = (connection as unknown as { stream: typeof socket }).stream
        listeners = socket.listeners('data') as Listener[]
        for (const listener of listeners) socket.removeListener('data', listener)
        socket.on('data', read)
        ;(connection as unknown as { query(text: string): void }).query(sql)
      },
      handleError: fail,
      handleReadyForQuery() {
        if (!failed) resolve(rows)
      },
      handleCommandComplete() {
        /* the answer is whole when the server is ready again */
      },
      handleEmptyQuery() {
        fail(new Error('an empty statement'))
      },
      handleRowDescription() {
        /* none in COPY */
      },
      handleDataRow() {
        /* none in COPY */
      },
      handlePortalSuspended() {
        /* none in COPY */
      },
    }
    client.query(query as unknown as pg.Submittable)
  })
}

/** A value as a literal. COPY takes no parameters, so that this is the one place where a value becomes text. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value))
    return pg.escapeLiteral(`{${value.map((element) => `"${String(element).replace(/["\\]/g, '\\$&')}"`).join(',')}}`)
  return pg.escapeLiteral(String(value))
}

/** The statement as COPY takes it. Every placeholder of ours carries its type, and so does the literal in its place. */
export const copyStatement = ({ text, values }: Statement): string =>
  `copy (${text.replace(/\$(\d+)(?=::)/g, (_whole, index: string) => literal(values[Number(index) - 1]))}) to stdout (format binary)`
