/**
 * Cancels the statement that a connection's backend runs. Closing the socket is not enough: a backend notices it only
 * when it writes, and a long sort does not write for minutes.
 */
import type pg from 'pg'
import { backendKey, createCancelConnection, socketOf } from './pg-internals.js'

/** Time limit of a CancelRequest; milliseconds. */
const answerMs = 2_000

/**
 * Sends PostgreSQL's CancelRequest.
 * @returns true when the server has signalled the backend, which it reports by closing the connection: a statement that
 * begins afterwards is not cancelled. false: unknown whether it has.
 */
export function cancel(client: pg.ClientBase): Promise<boolean> {
  const { processID, secretKey, host, port, ssl } = backendKey(client)
  const connection = createCancelConnection(ssl)
  return new Promise((done) => {
    let sent = false
    const end = (signalled: boolean) => {
      clearTimeout(timer)
      connection.stream.destroy()
      done(signalled)
    }
    const timer = setTimeout(() => {
      end(false)
    }, answerMs)
    connection.on('error', () => {
      end(false)
    })
    connection.on('end', () => {
      end(sent)
    })
    const send = () => {
      connection.cancel(processID, secretKey)
      sent = true
      // a stream emits `end` only while it is read
      connection.stream.resume()
    }
    if (ssl) {
      connection.on('connect', () => {
        connection.requestSsl()
      })
      connection.on('sslconnect', send)
    } else connection.on('connect', send)
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
    else connection.connect(port, host)
  })
}

/** Cancels the statement that the connection's backend runs, and closes the connection. */
export function abandon(client: pg.ClientBase): void {
  void cancel(client)
  disconnect(client)
}

/** Closes the connection's socket at once. */
export function disconnect(client: pg.ClientBase): void {
  socketOf(client).destroy()
}
