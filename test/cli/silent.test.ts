import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { buildIndexes } from '../../src/migrate/indexes.js'
import { enableStore } from '../../src/store/enable.js'
import { cli } from '../helpers/cli.js'
import { createDatabase } from '../helpers/database.js'

/** A server on the loopback address. @returns its port */
async function serve(
  t: { teardown(action: () => unknown): unknown },
  onConnection: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

const verify = (url: string) => run(url, 'contract', 'verify')

async function run(url: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [...cli, ...args], {
    env: { ...process.env, DATABASE_URL: url, CONTRACT_TIMEOUT_MS: '5000' },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += String(chunk)
    })
  // a command without a limit of its own fails the test here
  const late = setTimeout(() => {
    child.kill('SIGKILL')
  }, 120_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(late)
  return { code, said }
}

t.test('contract verify ends with 3 where the server accepts connections and never answers', async (t) => {
  const port = await serve(t, () => undefined)
  const { code, said } = await verify(`postgres://u:s3cret@127.0.0.1:${port}/d`)
  t.equal(code, 3, said)
  t.match(said, /could not be checked: the database does not answer/)
  t.notMatch(said, /s3cret/)
})

t.test('contract verify ends with 3 where the server stops answering during the check', async (t) => {
  const db = await createDatabase(t)
  const target = new URL(db.url)
  const behind = Number(target.port)
  let cut = false
  const port = await serve(t, (socket) => {
    const server = connect(behind, target.hostname)
    server.on('error', () => undefined)
    t.teardown(() => server.destroy())
    socket.on('data', (chunk: Buffer) => {
      // the check has begun: from here on packets are dropped
      if (chunk.includes('search_path')) cut = true
      if (!cut) server.write(chunk)
    })
    server.on('data', (chunk) => {
      if (!cut) socket.write(chunk)
    })
  })
  target.port = String(port)
  const { code, said } = await verify(target.href)
  t.equal(cut, true, 'it got as far as the check')
  t.equal(code, 3, said)
  t.match(said, /could not be checked: /)
})

t.test('every verb of store ends with 3 where the server stops answering after the connection is made', async (t) => {
  const db = await createDatabase(t)
  await buildIndexes(db.pool, () => undefined)
  await enableStore({ primary: db.pool, store: db.pool }, () => undefined)
  const target = new URL(db.url)
  const behind = Number(target.port)
  const port = await serve(t, (socket) => {
    const server = connect(behind, target.hostname)
    server.on('error', () => undefined)
    t.teardown(() => server.destroy())
    let cut = false
    socket.on('data', (chunk) => {
      if (!cut) server.write(chunk)
    })
    server.on('data', (chunk: Buffer) => {
      if (!cut) socket.write(chunk)
      // ReadyForQuery: the connection is made
      if (chunk.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5]))) cut = true
    })
  })
  target.port = String(port)
  await Promise.all(
    [['status'], ['verify'], ['rebuild'], ['enable'], ['upgrade'], ['disable'], ['refresh', '--once']].map(
      async (verb) => {
        const { code, said } = await run(target.href, 'store', ...verb)
        t.equal(code, 3, `${verb.join(' ')}: ${said}`)
        t.match(said, /the database does not answer: check the host and port in DATABASE_URL/, verb.join(' '))
      },
    ),
  )
})
