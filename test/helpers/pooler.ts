/** What stands before a PostgreSQL as a pooler does, and forwards to the real one. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import pg from 'pg'

type Test = { teardown(action: () => unknown): unknown }

async function listening(t: Test, url: string, take: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  // without noDelay small messages wait up to 40 ms for an acknowledgement
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket.on('error', () => undefined))
    take(socket)
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const place = new URL(url)
  place.hostname = '127.0.0.1'
  place.port = String((server.address() as AddressInfo).port)
  return place.href
}

/** What PgBouncer sends for a startup parameter that it does not know. */
function refusal(parameter: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: ${parameter}\0\0`)
  const header = Buffer.from('E\0\0\0\0')
  header.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([header, fields])
}

/**
 * A session a connection, whose startup parameters `options` and `statement_timeout` are dropped without a word.
 * @param refuses true: a connection with `options` is refused instead
 */
export const sessionPooler = (t: Test, url: string, { refuses = false } = {}): Promise<string> =>
  listening(t, url, (client) => {
    const { hostname, port } = new URL(url)
    const server = connect({ port: Number(port), host: hostname, noDelay: true }).on('error', () => undefined)
    client.on('close', () => {
      server.destroy()
    })
    server.on('close', () => {
      client.destroy()
    })
    client.once('data', (startup: Buffer) => {
      const texts = startup.subarray(8).toString().split('\0')
      if (refuses && texts.includes('options')) {
        client.end(refusal('options'))
        return
      }
      const kept: string[] = []
      for (let at = 0; at + 1 < texts.length && texts[at] !== ''; at += 2)
        if (!['options', 'statement_timeout'].includes(texts[at] as string))
          kept.push(texts[at] as string, texts[at + 1] as string)
      const body = Buffer.concat([startup.subarray(4, 8), Buffer.from(`${kept.join('\0')}\0\0`)])
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length + 4)
      server.write(Buffer.concat([length, body]))
      client.pipe(server)
      server.pipe(client)
    })
  })

/** Whole messages of a stream of bytes; what is left waits for more. */
function framing(each: (message: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = rest.readInt32BE(1) + 1
      const message = rest.subarray(0, end)
      rest = rest.subarray(end)
      each(message)
    }
  }
}

/** One session for everybody, lent from a connection's first message to the end of its transaction. */
export async function transactionPooler(t: Test, url: string): Promise<{ url: string; backend: number }> {
  const upstream = new pg.Client({
    connectionString: url,
    options: '-c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0',
  })
  upstream.on('error', () => undefined)
  await upstream.connect()
  const {
    rows: [here],
  } = await upstream.query<{ pid: number }>('select pg_backend_pid() as pid')
  const { stream } = (upstream as unknown as { connection: { stream: Socket } }).connection
  stream.removeAllListeners('data')
  t.teardown(() => {
    stream.destroy()
  })
  let holder: Socket | undefined
  const waiting = new Map<Socket, Buffer[]>()
  const next = () => {
    const [first] = waiting
    holder = first?.[0]
    if (first === undefined) return
    waiting.delete(first[0])
    for (const message of first[1]) stream.write(message)
  }
  stream.on(
    'data',
    framing((message) => {
      holder?.write(message)
      // ready, and in no transaction
      if (message[0] === 0x5a && message[5] === 0x49) next()
    }),
  )
  let connections = 0
  const place = await listening(t, url, (client) => {
    client.once('data', () => {
      const number = Buffer.alloc(13)
      number.write('K')
      number.writeInt32BE(12, 1)
      number.writeInt32BE(900_000 + ++connections, 5)
      client.write(
        Buffer.concat([Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]), number, Buffer.from([0x5a, 0, 0, 0, 5, 0x49])]),
      )
      client.on(
        'data',
        framing((message) => {
          if (message[0] === 0x58) client.end()
          else if (holder === client) stream.write(message)
          else if (holder === undefined) {
            holder = client
            stream.write(message)
          } else waiting.set(client, [...(waiting.get(client) ?? []), message])
        }),
      )
    })
  })
  return { url: place, backend: here?.pid ?? 0 }
}
