/**
 * Reads `COPY ... TO STDOUT (FORMAT binary)` directly from the socket: no object per row, no queue, and backpressure
 * reaches the server. All messages except the data are forwarded to pg, which keeps control of the connection.
 */
import type pg from 'pg'
import { queryRaw, type BorrowedSocket } from './pg-internals.js'
import { largestRow, rowTooLarge } from './row-budget.js'

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const copyData = 0x64
const readyForQuery = 0x5a
/** Type (1 byte) and length (4 bytes) of a message. */
const headerBytes = 5

export interface RowSink {
  /** A row in COPY's binary format begins at `bytes[at]`; the bytes are valid only during the call. */
  row(bytes: Buffer, at: number): void
  /** Called after each chunk that was read. While the promise is pending, nothing more is read. */
  pause?(): Promise<void> | undefined
}

/**
 * Runs one COPY to its end.
 * @returns the number of rows, after the server has reported that the statement is complete
 * @throws the error of the server, the connection or the sink; an incomplete result always fails
 */
export function copyRows(client: pg.PoolClient, text: string, sink: RowSink): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0
    let signatureRead = false
    let failed = false
    // an incomplete message: its parts so far, how many bytes they have, and how many bytes the message needs
    let parts: Buffer[] = []
    let [have, need] = [0, 0]

    const fail = (error: unknown) => {
      failed = true
      reject(error instanceof Error ? error : new Error(String(error)))
    }

    function readData(bytes: Buffer, from: number, to: number): void {
      let at = from
      if (!signatureRead) {
        if (bytes.compare(signature, 0, signature.length, at, at + signature.length) !== 0)
          throw new Error('The server did not answer in the binary format of COPY')
        at += signature.length + 4
        at += 4 + bytes.readInt32BE(at)
        signatureRead = true
      }
      // one row per message; the last message has -1
      if (at < to && bytes.readInt16BE(at) >= 0) {
        sink.row(bytes, at)
        rows++
      }
    }

    function read(socket: BorrowedSocket, chunk: Buffer): void {
      let bytes = chunk
      if (have > 0) {
        parts.push(chunk)
        have += chunk.length
        if (have < need) return
        bytes = Buffer.concat(parts, have)
        parts = []
      }
      let at = 0
      need = headerBytes
      try {
        while (bytes.length - at >= headerBytes) {
          const end = at + 1 + bytes.readInt32BE(at + 1)
          if (end > bytes.length) {
            need = end - at
            if (need > largestRow) throw rowTooLarge()
            break
          }
          const type = bytes[at]
          if (type === copyData) {
            if (!failed) readData(bytes, at + headerBytes, end)
          } else {
            const last = type === readyForQuery
            // release the socket first: pg sends its next statement as soon as it receives this message
            if (last) socket.release()
            socket.forward(bytes.subarray(at, end))
            if (last) {
              if (end < bytes.length) socket.forward(bytes.subarray(end))
              return
            }
          }
          at = end
        }
      } catch (error) {
        fail(error)
        // the server would send the rest of the rows; only closing the connection stops it
        socket.destroy()
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

    queryRaw(client, text, read, {
      handleError: fail,
      handleReadyForQuery() {
        if (!failed) resolve(rows)
      },
    })
  })
}
