/**
 * Detects servers that stop responding without closing their connections. A network that drops packets reports nothing:
 * a statement would wait for minutes. So each server answers a small query at an interval, on a connection of its own.
 */
import { sql } from 'kysely'
import pg from 'pg'
import { whyUnreachable } from '../errors.js'
import { disconnect } from '../database/cancel.js'
import { pause } from '../database/pause.js'
import { createPool, dropConnections, endPool, type OutageOf, type ServerName } from '../database/pool.js'
import { readerOf } from '../database/reader.js'
import { statement } from '../database/statement.js'

export type HeartbeatServer = Extract<ServerName, 'primary' | 'store'>

export interface Heartbeat {
  /**
   * Begins to query.
   * @param onUnresponsive called with a server that stopped responding: work waiting for it must end
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
  /** While a server does not respond: bounds the delay until its return is noticed. */
  retryMs: number
  answerMs: number
  /** Whether `onUnresponsive` is called at every failure of an outage, not only at its start. */
  repeated: boolean
  createProbe(url: string, answerMs: number): Probe
}

/** The service notices an outage within 1 + 2 + 2 s. */
export const serviceHeartbeat: HeartbeatSettings = {
  everyMs: 1_000,
  retryMs: 250,
  answerMs: 2_000,
  repeated: false,
  createProbe(url, answerMs) {
    const pool = createPool({ statementTimeoutMs: answerMs }, url, {
      max: 1,
      name: 'attempt-api pulse',
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
 * For a command, whose statements may take long: the time of a statement does not show whether the server responds. It
 * sets no session settings, so that it also works through a pooler that refuses them. New connections that the command
 * makes during the outage must end as well, so the outage is repeated.
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
        client.on('error', () => undefined)
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

/** A query that takes this much longer than its limit shows that this process was busy, and nothing of the server. */
const busyMs = 500

/**
 * @param bytesReceived grows with every byte that a server sends to this process: a server that sends other answers
 * responds, even if this one is late
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
    outage: undefined as string | undefined,
  })
  const servers = [watched('primary', primaryUrl), ...(storeUrl === primaryUrl ? [] : [watched('store', storeUrl)])]
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let loops: Promise<void>[] = []

  async function watch(
    one: (typeof servers)[number],
    log: Parameters<Heartbeat['start']>[0],
    onUnresponsive: (server: HeartbeatServer) => void,
  ): Promise<void> {
    const { server, probe } = one
    let [failures, since] = [0, 0]
    while (!stopped()) {
      const [began, before] = [Date.now(), bytesReceived(server)]
      const failure = await probe.query().then(
        () => undefined,
        (error: unknown) => error,
      )
      if (stopped()) return
      // an error that the server sends is an answer: a request receives the same, as fast
      if (failure === undefined || failure instanceof pg.DatabaseError) {
        if (one.outage !== undefined) log.info({ server, awayMs: began - since }, 'the database answers again')
        one.outage = undefined
        failures = 0
        await pause(failure === undefined ? everyMs : retryMs, stopping.signal)
        continue
      }
      if (Date.now() - began > answerMs + busyMs) continue
      if (one.outage === undefined && bytesReceived(server) > before) {
        failures = 0
        await pause(retryMs, stopping.signal)
        continue
      }
      // two failures: the connection alone may have been lost
      if (++failures < 2) continue
      const isNew = one.outage === undefined
      one.outage = whyUnreachable(failure)
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
      loops = servers.map((one) => watch(one, log, onUnresponsive))
    },
    outage: (server) => servers.find((one) => one.server === server)?.outage,
    async close() {
      stopping.abort()
      // before the loops: a query that a server does not answer would hold them
      await Promise.all([...servers.map(({ probe }) => probe.close()), ...loops])
    },
  }
}
