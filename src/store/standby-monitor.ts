/**
 * Measures which standbys may be read, and how current each one is. The monitor works in the background on its own
 * connections: requests do not wait for it, and a busy pool does not make a standby look unavailable.
 *
 * It compares positions in the write-ahead log, which every database role can read. The time of the last replayed
 * commit is not enough: with an idle primary it grows old although no transaction is missing. The state of the WAL
 * receiver is not readable for most roles.
 */
import { sql } from 'kysely'
import pg from 'pg'
import type { Config } from '../config.js'
import { pause } from '../database/pause.js'
import { createPool, dropConnections, endPool, standbyConnectMs, type ServerName } from '../database/pool.js'
import { readerOf, type Reader, type Standby } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { createPrimaryLog } from './primary-log.js'
import { readStoreState, type KnownState } from './state.js'

export interface Log {
  info(object: object, message: string): void
  warn(object: object, message: string): void
}

/** A standby that may be read now. */
export interface UsableStandby extends Standby {
  /** The standby has every transaction that was committed before this time; milliseconds. */
  asOf: number
  known: KnownState
}

export interface StandbyStatus {
  server: ServerName
  usable: boolean
  /** Milliseconds; 0: unknown. */
  asOf: number
  /** Why requests do not read it; undefined if they do. */
  reason: string | undefined
}

export interface StandbyMonitor {
  /** @param onUnresponsive called with a standby that stops responding, to end the requests that wait for it */
  start(log: Log, onUnresponsive: (server: ServerName) => void): void
  /** Standbys within READ_LAG_S, in rotation: each call begins with the next one. */
  usable(): UsableStandby[]
  all(): StandbyStatus[]
  /** Reports that a request failed on a standby: requests do not read it for a while. */
  reportFailure(server: ServerName): void
  close(): Promise<void>
}

const measureEveryMs = 250
/** Pause after a failed measurement, and after a failed request on the standby. */
const failedMs = 2_000
const absentStoreMs = 5_000
/** Limits of a measurement, in milliseconds: the statement_timeout, and a longer limit in this process. */
const [statementMs, answerMs] = [1_500, 2_000]

const unresponsive = 'it does not respond'

interface Measured extends UsableStandby {
  /** Reads the standby's position in the log. */
  reader: Reader
  excludedUntil: number
  reason: string | undefined
}

export function createStandbyMonitor(
  config: Pick<Config, 'readLagS'>,
  standbys: readonly Standby[],
  url: string,
  standbyUrls: readonly string[],
): StandbyMonitor {
  const createMeasuringPool = (where: string) =>
    createPool({ statementTimeoutMs: statementMs }, where, {
      max: 1,
      name: 'attempt-api standbys',
      pathUse: 'leave',
      connectMs: standbyConnectMs,
      queryMs: answerMs,
    })
  const primaryPool = createMeasuringPool(url)
  const primary = readerOf(primaryPool)
  const standbyPools = standbyUrls.map(createMeasuringPool)
  const measured = standbyPools.flatMap((pool, index): Measured[] => {
    const standby = standbys[index]
    if (standby === undefined) return []
    return [
      {
        ...standby,
        reader: readerOf(pool),
        asOf: 0,
        known: { state: undefined, at: 0 },
        excludedUntil: 0,
        reason: 'it is not measured yet',
      },
    ]
  })
  const primaryLog = createPrimaryLog((config.readLagS + 1) * 1000)
  const stopping = new AbortController()
  let loops: Promise<void>[] = []
  let cluster: string | null | undefined
  let turn = 0
  let startedAt = 0

  const tooLate = `it is more than ${config.readLagS} s behind`
  const isLate = ({ asOf }: Measured) => Date.now() - asOf > config.readLagS * 1000

  const isReadable = (standby: Measured) =>
    standby.reason === undefined && standby.excludedUntil <= Date.now() && !isLate(standby)

  async function measurePrimary(): Promise<void> {
    const at = Date.now()
    const [row] = await primary.rows(
      statement(sql`select pg_current_wal_insert_lsn(), system_identifier from pg_control_system()`),
    )
    cluster = row?.[1]
    primaryLog.record(row?.[0] ?? '0/0', at)
  }

  /** @returns why the standby is not read */
  async function measure(standby: Measured): Promise<string | undefined> {
    const [row] = await standby.reader.rows(
      statement(sql`select pg_is_in_recovery(), pg_last_wal_replay_lsn(), system_identifier from pg_control_system()`),
    )
    if (row?.[0] !== 't') return 'it is not a standby'
    if (cluster === undefined) return standby.reason
    if (row[2] !== cluster) return 'it is a standby of another primary'
    standby.asOf = primaryLog.momentOf(row[1] ?? '0/0') ?? standby.asOf
    const { state, at } = standby.known
    if (standby.store !== undefined && (state !== undefined || Date.now() - at > absentStoreMs)) {
      const readAt = Date.now()
      standby.known = { state: await readStoreState(standby.reader, state !== undefined), at: readAt }
    }
    // its age is unknown until it reaches the first recorded position, so it gets READ_LAG_S to do so
    if (standby.asOf === 0 && Date.now() - startedAt < config.readLagS * 1000) return standby.reason
    return isLate(standby) ? tooLate : undefined
  }

  /** Repeats `action` until the monitor stops; `action` returns the pause after it, in milliseconds. */
  async function repeat(action: () => Promise<number>): Promise<void> {
    while (!stopping.signal.aborted) await pause(await action(), stopping.signal)
  }

  function watchPrimary(log: Log): Promise<void> {
    let failing = false
    return repeat(async () => {
      try {
        await measurePrimary()
        failing = false
      } catch (error) {
        if (!failing && !stopping.signal.aborted)
          log.warn(
            { err: error },
            'Cannot read the position of the log on the primary. ' +
              'Requests use a standby only while it is known to be within READ_LAG_S.',
          )
        failing = true
      }
      // no longer pause after a failure: without a measurement of the primary, standbys soon count as late
      return measureEveryMs
    })
  }

  function watchStandby(log: Log, onUnresponsive: (server: ServerName) => void, standby: Measured): Promise<void> {
    const { server } = standby.live
    let failures = 0
    return repeat(async () => {
      let error: unknown
      const reason = await measure(standby).catch((failure: unknown) => {
        error = failure
        return unresponsive
      })
      if (reason !== standby.reason && !stopping.signal.aborted) {
        if (reason === undefined) log.info({ server }, `Requests read from ${server}.`)
        else
          log.warn(
            { server, reason, ...(error === undefined ? {} : { err: error }) },
            `Requests do not read from ${server}: ${reason}.`,
          )
      }
      standby.reason = reason
      // an error that the server sends is a response
      failures = error === undefined || error instanceof pg.DatabaseError ? 0 : failures + 1
      // only at the second failure: the first one may only mean that this process was busy
      if (failures === 1) return measureEveryMs
      if (failures === 2) onUnresponsive(server)
      return error === undefined ? measureEveryMs : failedMs
    })
  }

  return {
    start(log, onUnresponsive) {
      startedAt = Date.now()
      if (measured.length > 0)
        loops = [watchPrimary(log), ...measured.map((standby) => watchStandby(log, onUnresponsive, standby))]
    },
    all: () =>
      measured.map((standby) => ({
        server: standby.live.server,
        usable: isReadable(standby),
        asOf: standby.asOf,
        reason: isReadable(standby)
          ? undefined
          : (standby.reason ?? (isLate(standby) ? tooLate : 'a request failed on it a moment ago')),
      })),
    usable() {
      const all = measured.filter(isReadable)
      const first = all.length === 0 ? 0 : turn++ % all.length
      return [...all.slice(first), ...all.slice(0, first)]
    },
    reportFailure(server) {
      for (const standby of measured) if (standby.live.server === server) standby.excludedUntil = Date.now() + failedMs
    },
    async close() {
      stopping.abort()
      // before the loops: a query that a server does not answer would hold them
      const pools = [primaryPool, ...standbyPools]
      for (const pool of pools) dropConnections(pool)
      await Promise.all([...pools.map(endPool), ...loops])
    },
  }
}
