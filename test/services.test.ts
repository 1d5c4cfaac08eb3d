/** Construction has no effects: the documents, and every test, construct services that they may never start. */
import { createHook } from 'node:async_hooks'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { documents } from '../openapi/documents.js'
import { createServices, type Services } from '../src/services.js'
import { testConfig } from './helpers/app.js'
import { lateness } from './helpers/lateness.js'
import { sleep, until } from './helpers/until.js'

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const events = {
  leads: () => undefined,
  refreshed: () => undefined,
  sampled: () => undefined,
  incomplete: () => undefined,
}

/** Stops the services; a connection that is being opened would hold them for 1 to 5 s, and a check for 60 s. */
async function stopsAtOnce(t: Test, services: Services): Promise<void> {
  const late = lateness(t)
  const began = performance.now()
  await services.stop()
  const ms = performance.now() - began
  t.ok(ms < 500 + late(), `it took ${Math.round(ms)} ms; timers: ${Math.round(late())} ms late`)
}

/** What keeps the process alive: timers without `unref`, sockets, requests to the system. */
// a handle that is being closed (CloseReq) was opened before; a monitor of event loop delays (IntervalHistogram)
// keeps no process alive, and the garbage collection closes it, perhaps a minute later
const resources = () =>
  process
    .getActiveResourcesInfo()
    .filter((type) => type !== 'CloseReq' && type !== 'IntervalHistogram')
    .sort()

t.test('services that are not started open no connection and no timer', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const config = { ...testConfig, storeRefresh: true, anomaliesIntervalS: 1, contractIntervalS: 1 }
  const url = (name: string) => `postgres://nobody:secret@127.0.0.1:${port}/${name}`
  const urls = { primaryUrl: url('primary'), storeUrl: url('store'), standbyUrls: [url('standby')] }
  const before = resources()

  const begun: string[] = []
  const hook = createHook({ init: (_id, type) => begun.push(type) }).enable()
  const services = createServices(config, urls)
  hook.disable()
  t.strictSame(
    begun.filter((type) => type !== 'PROMISE'),
    [],
    'neither a timer, with `unref` or without, nor a connection',
  )
  // far longer than a timer of 0 ms or a connection to this machine takes
  await sleep(500)
  t.strictSame(resources(), before)
  t.equal(sockets.size, 0)
  await services.stop()
  t.strictSame(resources(), before, 'nor does their end')

  const started = createServices(config, urls)
  started.start(log as never, events)
  await until(() => sockets.size >= 6, 'the same services connect once they are started')
  for (const socket of sockets) socket.destroy()
  server.close()
  await stopsAtOnce(t, started)
  await until(() => resources().every((one) => before.includes(one)), 'and close everything when they stop')
})

t.test('services stop at once while their servers accept connections and do not answer', async (t) => {
  for (const afterMs of [0, 1_500]) {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).resume())
    })
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done)
    })
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const url = (name: string) => `postgres://nobody:secret@127.0.0.1:${port}/${name}`
    const services = createServices(
      { ...testConfig, storeRefresh: true, anomaliesIntervalS: 1, contractIntervalS: 1, shutdownGraceS: 25 },
      { primaryUrl: url('primary'), storeUrl: url('store'), standbyUrls: [url('standby')] },
    )
    services.start(log as never, events)
    await until(() => sockets.size >= 6, 'they connect')
    await sleep(afterMs)
    await stopsAtOnce(t, services)
    await until(() => [...sockets].every(({ closed }) => closed), 'every connection is closed')
  }
})

t.test('the generated documents need no database and leave nothing open', async (t) => {
  const before = resources()
  const { 'openapi.json': openapi = '' } = await documents()
  t.match(JSON.parse(openapi), { paths: { '/v1/attempts': Object } })
  await until(() => resources().every((one) => before.includes(one)), 'nothing is left')
})
