/**
 * Whether the servers that nothing can replace still answer. A network that loses packets tells nobody: what waits would
 * wait for minutes, and every new request would wait for a connection of its own. So each server is asked once a second
 * on a connection kept for it; one that is silent is given up for everybody at once, and found again by the same question.
 */
import { sql } from 'kysely'
import pg from 'pg'
import { whyUnreachable } from '../errors.js'
import { pause } from '../database/pause.js'
import { createPool, type OutageOf, type ServerName } from '../database/pool.js'
import { readerOf } from '../database/reader.js'
import { statement } from '../database/statement.js'

type Watched = Extract<ServerName, 'primary' | 'store'>

export interface Heartbeat {
  /** Begins to ask. @param silent called with a server that stopped answering: what waits for it is to be ended */
  start(
    log: { info(object: object, message: string): void; warn(object: object, message: string): void },
    silent: (server: Watched) => void,
  ): void
  outage: OutageOf
  close(): Promise<void>
}

const askEveryMs = 1_000
/** While it is away: bounds how long after its return it is found. */
const lookEveryMs = 250
/** A silence is noticed within 1 + 2 + 2 s. */
const answerMs = 2_000
/** A timer that comes so late says that this process was busy, and nothing of the server. */
const busyMs = 500

/** @param heard grows with what a server sends to anybody: one that is late with this answer and gives others is not silent */
export function createHeartbeat(url: string, storeUrl: string, heard: (server: Watched) => number): Heartbeat {
  const servers = (
    storeUrl === url ? [['primary', url] as const] : [['primary', url] as const, ['store', storeUrl] as const]
  ).map(([server, where]) => ({
    server,
    pool: createPool({ statementTimeoutMs: answerMs }, where, {
      max: 1,
      name: 'attempt-api pulse',
      connectMs: answerMs,
      queryMs: answerMs,
    }),
    why: undefined as string | undefined,
  }))
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let loops: Promise<void>[] = []

  async function watch(
    one: (typeof servers)[number],
    log: Parameters<Heartbeat['start']>[0],
    silent: (server: Watched) => void,
  ): Promise<void> {
    const reader = readerOf(one.pool)
    let [failures, since] = [0, 0]
    while (!stopped()) {
      const [began, before] = [Date.now(), heard(one.server)]
      const failure = await reader.rows(statement(sql`select 1`)).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (stopped()) return
      // an error that the server sends is an answer: whoever asks gets the like of it, as fast
      if (failure === undefined || failure instanceof pg.DatabaseError) {
        if (one.why !== undefined) log.info({ server: one.server, awayMs: began - since }, 'the database answers again')
        one.why = undefined
        failures = 0
        await pause(failure === undefined ? askEveryMs : lookEveryMs, stopping.signal)
        continue
      }
      if (Date.now() - began > answerMs + busyMs) continue
      if (one.why === undefined && heard(one.server) > before) {
        failures = 0
        await pause(lookEveryMs, stopping.signal)
        continue
      }
      // twice: the connection alone may have been lost
      if (++failures >= 2) {
        if (one.why === undefined) {
          since = began
          log.warn(
            { server: one.server, err: failure },
            'the database does not answer: requests are refused until it does',
          )
          one.why = whyUnreachable(failure)
          silent(one.server)
        }
        one.why = whyUnreachable(failure)
      }
      if (failures > 1) await pause(lookEveryMs, stopping.signal)
    }
  }

  return {
    start(log, silent) {
      loops = servers.map((one) => watch(one, log, silent))
    },
    outage: (server) => servers.find((one) => one.server === server)?.why,
    async close() {
      stopping.abort()
      await Promise.all(loops)
      await Promise.all(servers.map(({ pool }) => pool.end()))
    },
  }
}
