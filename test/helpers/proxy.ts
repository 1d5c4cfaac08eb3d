/** A line to a server that can be cut, fall silent, or lead to another server. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  /** The target's URL with the proxy in the place of its host and port. */
  url: string
  /** For new connections. */
  target: string
  /** Takes connections and forwards nothing, those that are open included: as if every packet were lost. */
  silent: boolean
  /** Made so far. */
  connections: number
  /** Closes every connection. */
  cut(): void
  /** Forwards nothing more on the open connections of this `application_name`; new ones are served. */
  lose(name: string): void
}

export async function startProxy(t: { teardown(action: () => unknown): unknown }, target: string): Promise<Proxy> {
  const sockets = new Set<Socket>()
  // both ends of each connection, with what it began with
  const lines = new Set<{ start: string; lost: boolean }>()
  // without noDelay small messages wait up to 40 ms for an acknowledgement
  const server = createServer({ noDelay: true }, (near) => {
    proxy.connections++
    const { hostname, port } = new URL(proxy.target)
    const far = connect({ port: Number(port), host: hostname, noDelay: true })
    const line = { start: '', lost: false }
    lines.add(line)
    near.once('data', (bytes) => {
      line.start = bytes.toString('latin1')
    })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        lines.delete(line)
        // a lost packet is no end
        if (!proxy.silent && !line.lost) to.destroy()
      })
      from.on('data', (bytes) => {
        if (!proxy.silent && !line.lost && !to.write(bytes)) from.pause()
      })
      to.on('drain', () => {
        from.resume()
      })
    }
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const url = new URL(target)
  url.port = String((server.address() as AddressInfo).port)
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const lose = (name: string) => {
    for (const line of lines) if (line.start.includes(`application_name\0${name}\0`)) line.lost = true
  }
  const proxy: Proxy = { url: url.href, target, silent: false, connections: 0, cut, lose }
  t.teardown(() => {
    cut()
    server.close()
  })
  return proxy
}
