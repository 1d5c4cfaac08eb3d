/**
 * Detects servers that stop responding without closing their connections. If a network drops packets, a statement would
 * wait for minutes. So the heartbeat sends a small query to each server at an interval, on its own connection.
 */
import { sql } from 'kysely'
import pg from 'pg'
import { whyUnreachable } from '../errors.js'
import { disconnect } from '../database/cancel.js'
import { pause } from '../database/pause.js'
import { createPool, dropConnections, endPool, type Outage, type OutageOf, type ServerName } from '../database/pool.js'
import { readerOf } from '../database/reader.js'
import { refusalOf } from '../database/refusals.js'
import { statement } from '../database/statement.js'

export type HeartbeatServer = Extract<ServerName, 'primary' | 'store'>

export interface Heartbeat {
  /**
   * Begins to query.
   * @param onUnresponsive called with a server that stopped responding, to end the work that waits for it
   */
  start(
    log: { info(object: object, message: string): void; warn(object: object, message: string): void },
    onUnresponsive: (server: HeartbeatServer) => void,
  ): void
  /** Why a server does not respond; undefined while it does. */
  outage: OutageOf
  close(): Promise<void>
}

/** One connection to a server, renewed when it fails. */
interface Probe {
  /** Rejects where the server does not answer in time. */
  query(): Promise<unknown>
  close(): Promise<void>
}

export interface HeartbeatSettings {
  everyMs: number
  /** The interval while a server does not respond: bounds the delay until the heartbeat notices its return. */
  retryMs: number
  answerMs: number
  /** Whether `onUnresponsive` is called at every failure of an outage, not only at its start. */
  repeated: boolean
  createProbe(url: string, answerMs: number): Probe
}

/** The service notices an outage within 1 + 2 + 2 s. */
const serviceHeartbeat: HeartbeatSettings = {
  everyMs: 1_000,
  retryMs: 250,
  answerMs: 2_000,
  repeated: false,
  createProbe(url, answerMs) {
    const pool = createPool({ statementTimeoutMs: answerMs }, url, {
      max: 1,
      name: 'attempt-api pulse',
      pathUse: 'leave',
      connectMs: answerMs,
      queryMs: answerMs,
    })
    const reader = readerOf(pool)
    return {
      query: () => reader.rows(statement(sql`select 1`)),
      close() {
        dropConnections(pool)
        return endPool(pool)
      },
    }
  },
}

/**
 * For a command: its statements may take long, so their duration does not show whether the server responds. The probe
 * sets no session settings, so that it works through a pooler that refuses them. The command may open new connections
 * during an outage, so `onUnresponsive` is called repeatedly.
 */
export const commandHeartbeat: HeartbeatSettings = {
  everyMs: 2_000,
  retryMs: 2_000,
  answerMs: 5_000,
  repeated: true,
  createProbe(url, answerMs) {
    let client: pg.Client | undefined
    const drop = () => {
      if (client !== undefined) disconnect(client)
      client = undefined
    }
    async function query(): Promise<void> {
      if (client === undefined) {
        client = new pg.Client({
          connectionString: url,
          application_name: 'attempt-api command',
          connectionTimeoutMillis: answerMs,
          query_timeout: answerMs,
        })
        // a session that the server has ended, for example by idle_session_timeout, says nothing about the next one
        client.on('error', drop)
        await client.connect()
      }
      await client.query('select 1')
    }
    return {
      query: () =>
        query().catch((error: unknown) => {
          drop()
          throw error
        }),
      close() {
        drop()
        return Promise.resolve()
      },
    }
  },
}

/**
 * A query that exceeds its limit by more than this shows that this process was busy; it does not count as a failure.
 */
const busyMs = 500

/**
 * @param bytesReceived number of bytes that a server has sent to this process. If it grows, the server responds, even
 * if the answer to the heartbeat is late
 */
export function createHeartbeat(
  primaryUrl: string,
  storeUrl: string,
  bytesReceived: (server: HeartbeatServer) => number = () => 0,
  { everyMs, retryMs, answerMs, repeated, createProbe }: HeartbeatSettings = serviceHeartbeat,
): Heartbeat {
  const watched = (server: HeartbeatServer, url: string) => ({
    server,
    probe: createProbe(url, answerMs),
    outage: undefined as Outage | undefined,
  })
  const servers = [watched('primary', primaryUrl), ...(storeUrl === primaryUrl ? [] : [watched('store', storeUrl)])]
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let loops: Promise<void>[] = []

  async function watch(
    target: (typeof servers)[number],
    log: Parameters<Heartbeat['start']>[0],
    onUnresponsive: (server: HeartbeatServer) => void,
  ): Promise<void> {
    const { server, probe } = target
    let [failures, since] = [0, 0]
    while (!stopped()) {
      const [began, before] = [Date.now(), bytesReceived(server)]
      const failure = await probe.query().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (stopped()) return
      // an error from the server is an answer: requests receive it as fast
      if (failure === undefined || failure instanceof pg.DatabaseError) {
        if (target.outage !== undefined) log.info({ server, awayMs: began - since }, 'the database answers again')
        target.outage = undefined
        failures = 0
        await pause(failure === undefined ? everyMs : retryMs, stopping.signal)
        continue
      }
      if (Date.now() - began > answerMs + busyMs) continue
      if (target.outage === undefined && bytesReceived(server) > before) {
        failures = 0
        await pause(retryMs, stopping.signal)
        continue
      }
      // an outage needs two failures: after one, only the connection may be lost
      if (++failures < 2) continue
      const isNew = target.outage === undefined
      target.outage = { reason: whyUnreachable(failure), passing: refusalOf(failure) === undefined }
      if (isNew) {
        since = began
        log.warn({ server, err: failure }, 'the database does not answer: requests are refused until it does')
      }
      if (isNew || repeated) onUnresponsive(server)
      await pause(retryMs, stopping.signal)
    }
  }

  return {
    start(log, onUnresponsive) {
      loops = servers.map((target) => watch(target, log, onUnresponsive))
    },
    outage: (server) => servers.find((target) => target.server === server)?.outage,
    async close() {
      stopping.abort()
      // probes are closed while the loops run: a loop waits for the query of its probe
      await Promise.all([...servers.map(({ probe }) => probe.close()), ...loops])
    },
  }
}
