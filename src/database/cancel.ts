/**
 * Cancels what a connection's backend runs. A closed socket alone is noticed only when the backend writes, and a long
 * sort does not write for minutes.
 */
import type pg from 'pg'
import { backendKey, createCancelConnection, socketOf } from './pg-internals.js'

/** How long to wait for a server that does not accept the request; milliseconds. */
const answerMs = 2_000

/**
 * Sends PostgreSQL's CancelRequest.
 * @returns settles when the server has passed the request on, which it reports by closing the connection. What the
 * backend begins afterwards is not cancelled. `false`: not known whether it was passed on.
 */
export function cancel(client: pg.ClientBase): Promise<boolean> {
  const { processID, secretKey, host, port, ssl } = backendKey(client)
  const connection = createCancelConnection(ssl)
  return new Promise((done) => {
    let sent = false
    const end = (known: boolean) => {
      clearTimeout(timer)
      connection.stream.destroy()
      done(known)
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
      // the end of a stream is only seen by a reader
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

/** Cancels what the connection's backend runs and closes the connection. */
export function abandon(client: pg.ClientBase): void {
  void cancel(client)
  disconnect(client)
}

/** Closes the connection's socket at once. */
export function disconnect(client: pg.ClientBase): void {
  socketOf(client).destroy()
}
