/** Ends what a connection's backend does. A closed socket alone is noticed only when the backend writes, which a long sort does not do for minutes. */
import pg from 'pg'

interface Connected {
  processID: number
  secretKey: number
  host: string
  port: number
  ssl: boolean
  connection: { stream: { destroy(): void } }
}

/** A server that does not take the request for so long is not waited for. */
const patienceMs = 2_000

/**
 * Sends PostgreSQL's CancelRequest.
 * @returns settles when the server has passed it on: it closes the connection then. What the backend begins afterwards
 * is not cancelled any more. `false`: that is not known.
 */
export function cancel(client: pg.PoolClient): Promise<boolean> {
  const { processID, secretKey, host, port, ssl } = client as unknown as Connected
  const messenger = new pg.Connection({ ssl }) as unknown as {
    on(event: string, listener: () => void): void
    connect(port: number | string, host?: string): void
    cancel(processID: number, secretKey: number): void
    requestSsl(): void
    stream: { destroy(): void; resume(): void; once(event: string, listener: () => void): void }
  }
  return new Promise((done) => {
    let sent = false
    const end = (known: boolean) => {
      clearTimeout(timer)
      messenger.stream.destroy()
      done(known)
    }
    const timer = setTimeout(() => {
      end(false)
    }, patienceMs)
    messenger.on('error', () => {
      end(false)
    })
    messenger.on('end', () => {
      end(sent)
    })
    const send = () => {
      messenger.cancel(processID, secretKey)
      sent = true
      // unread, the end would not be seen
      messenger.stream.resume()
    }
    if (ssl) {
      messenger.on('connect', () => {
        messenger.requestSsl()
      })
      messenger.on('sslconnect', send)
    } else messenger.on('connect', send)
    if (host.startsWith('/')) messenger.connect(`${host}/.s.PGSQL.${port}`)
    else messenger.connect(port, host)
  })
}

/** Ends what the connection's backend does and closes the connection. */
export function abandon(client: pg.PoolClient): void {
  void cancel(client)
  disconnect(client)
}

/** Closes the connection's socket at once. */
export function disconnect(client: pg.ClientBase): void {
  ;(client as unknown as Connected).connection.stream.destroy()
}
