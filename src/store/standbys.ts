/**
 * Which standbys may be read, and how current each is. It is measured in the background on connections of its own: no
 * request waits for it, and a busy pool makes no standby look dead.
 *
 * Any role can measure it. The primary is asked again and again how far its log is; a standby that has replayed as far
 * has everything that was committed when the primary was asked. The time of the last replayed commit tells less (behind
 * an idle primary it grows old though nothing is missing), and what the WAL receiver knows is hidden from most roles.
 */
import { sql } from 'kysely'
import pg from 'pg'
import type { Config } from '../config.js'
import { pause } from '../database/pause.js'
import { createPool, standbyConnectMs, type ServerName } from '../database/pool.js'
import { readerOf, type Standby } from '../database/reader.js'
import { statement } from '../database/statement.js'
import { readStoreState, type KnownState } from './state.js'

export interface Log {
  info(object: object, message: string): void
  warn(object: object, message: string): void
}

/** A standby that may be read now. */
export interface UsableStandby extends Standby {
  /** What was committed before this moment is there; milliseconds. */
  asOf: number
  known: KnownState
}

export interface Standbys {
  /** @param silent called with a standby that does not answer any more: what waits for it would wait long */
  start(log: Log, silent: (server: ServerName) => void): void
  /** Those that are within the limit now; each call begins with the next. */
  usable(): UsableStandby[]
  /** Every one; `asOf` in milliseconds, 0: not known. `reason`: in a sentence, why it is not read. */
  all(): { server: ServerName; usable: boolean; asOf: number; reason: string | undefined }[]
  /** A request failed on it: it is let alone for a while. */
  reportFailure(server: ServerName): void
  close(): Promise<void>
}

const measureEveryMs = 250
/** A server that did not answer is not asked again, nor a standby used on which a request failed, for as long. */
const failedMs = 2_000
const absentStoreMs = 5_000
/** A server that does not say where it is for so long is not read. Ours is the longer one: a slow server says so itself. */
const statementMs = 1_500
const answerMs = 2_000

/** Where the primary's log was at a moment; milliseconds. */
interface Mark {
  position: bigint
  at: number
}

interface Measured extends UsableStandby {
  heldUntil: number
  reason: string | undefined
}

const positionOf = (lsn: string): bigint => {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/**
 * Where the log ends that somebody can replay. Behind a full page PostgreSQL says where the next record will begin: after
 * the page's header of 24 bytes, or 40 in the first page of a segment, as on an idle primary whose segment was switched.
 * Nobody replays a header. Where a record of the page before ends there, who has replayed up to the page has it as well:
 * nothing ends in its midst.
 */
const endOfLog = (lsn: string): bigint => {
  const position = positionOf(lsn)
  const inPage = position % 8_192n
  return inPage === 24n || inPage === 40n ? position - inPage : position
}

export function createStandbys(
  config: Pick<Config, 'readLagS'>,
  standbys: readonly Standby[],
  url: string,
  standbyUrls: readonly string[],
): Standbys {
  const open = (where: string) =>
    createPool({ statementTimeoutMs: statementMs }, where, {
      max: 1,
      name: 'attempt-api standbys',
      connectMs: standbyConnectMs,
      queryMs: answerMs,
    })
  const pools = standbyUrls.length === 0 ? [] : [url, ...standbyUrls].map(open)
  const [primary, ...measuring] = pools.map((pool) => readerOf(pool))
  const measured = standbys.map((standby): Measured => ({
    ...standby,
    asOf: 0,
    known: { state: undefined, at: 0 },
    heldUntil: 0,
    reason: 'not measured yet',
  }))
  const stopping = new AbortController()
  let loops: Promise<void>[] = []
  let marks: Mark[] = []
  let cluster: string | null | undefined
  let turn = 0
  let startedAt = 0

  const tooLate = `it is more than ${config.readLagS} s behind`
  const late = ({ asOf }: Measured) => Date.now() - asOf > config.readLagS * 1000

  const readable = (standby: Measured) =>
    standby.reason === undefined && standby.heldUntil <= Date.now() && !late(standby)

  async function mark(): Promise<void> {
    // before the question: what is committed while it is answered may be behind the position
    const at = Date.now()
    const [row] =
      (await primary?.rows(
        statement(sql`select pg_current_wal_insert_lsn(), system_identifier from pg_control_system()`),
      )) ?? []
    cluster = row?.[1]
    const position = endOfLog(row?.[0] ?? '0/0')
    // an idle primary stands still; of equal positions the last time is the one that counts
    if (marks.at(-1)?.position === position) marks.pop()
    // after a failover positions may begin again further back: what was marked before says nothing any more
    if ((marks.at(-1)?.position ?? 0n) > position) marks = []
    marks.push({ position, at })
    const oldest = at - (config.readLagS + 1) * 1000
    if ((marks[0] as Mark).at < oldest) marks = marks.filter((one) => one.at >= oldest)
  }

  async function measure(standby: Measured, index: number): Promise<string | undefined> {
    const reader = measuring[index] as ReturnType<typeof readerOf>
    const [row] = await reader.rows(
      statement(sql`select pg_is_in_recovery(), pg_last_wal_replay_lsn(), system_identifier from pg_control_system()`),
    )
    if (row?.[0] !== 't') return 'it is no standby'
    if (cluster === undefined) return standby.reason
    if (row[2] !== cluster) return 'it is a standby of another primary'
    const replayed = positionOf(row[1] ?? '0/0')
    for (let at = marks.length - 1; at >= 0; at--) {
      const { position, at: asOf } = marks[at] as Mark
      if (position > replayed) continue
      standby.asOf = asOf
      break
    }
    if (
      standby.store !== undefined &&
      (standby.known.state !== undefined || Date.now() - standby.known.at > absentStoreMs)
    ) {
      const at = Date.now()
      standby.known = { state: await readStoreState(reader, standby.known.state !== undefined), at }
    }
    // what it had before the first mark is not known: it gets the time to reach one
    if (standby.asOf === 0 && Date.now() - startedAt < config.readLagS * 1000) return standby.reason
    return late(standby) ? tooLate : undefined
  }

  /** Until the end; `what` gives the pause after it. */
  async function again(what: () => Promise<number>): Promise<void> {
    while (!stopping.signal.aborted) await pause(await what(), stopping.signal)
  }

  const markings = (log: Log) => {
    let failing = false
    return again(async () => {
      try {
        await mark()
        failing = false
      } catch (error) {
        if (!failing && !stopping.signal.aborted)
          log.warn(
            { err: error },
            'the primary does not say how far it is: standbys are read for as long as they are known to be within READ_LAG_S',
          )
        failing = true
      }
      // a primary that is back is asked at once: without it no standby can be used for long
      return measureEveryMs
    })
  }

  const measurements = (log: Log, silent: (server: ServerName) => void, standby: Measured, index: number) => {
    let failures = 0
    return again(async () => {
      let error: unknown
      const reason = await measure(standby, index).catch((failure: unknown) => {
        error = failure
        return 'it does not answer'
      })
      if (reason !== standby.reason && !stopping.signal.aborted) {
        const { server } = standby.live
        if (reason === undefined) log.info({ server }, 'reading from the standby')
        else log.warn({ server, reason, ...(error === undefined ? {} : { err: error }) }, 'the standby is not read')
      }
      standby.reason = reason
      // an error of the server is an answer
      failures = error === undefined || error instanceof pg.DatabaseError ? 0 : failures + 1
      // twice: the first time it may have been this process that was late
      if (failures === 1) return measureEveryMs
      if (failures === 2) silent(standby.live.server)
      return error === undefined ? measureEveryMs : failedMs
    })
  }

  return {
    start(log, silent) {
      startedAt = Date.now()
      if (standbys.length > 0)
        loops = [markings(log), ...measured.map((standby, index) => measurements(log, silent, standby, index))]
    },
    all: () =>
      measured.map((standby) => ({
        server: standby.live.server,
        usable: readable(standby),
        asOf: standby.asOf,
        reason: readable(standby)
          ? undefined
          : (standby.reason ?? (late(standby) ? tooLate : 'a request failed on it a moment ago')),
      })),
    usable() {
      const all = measured.filter(readable)
      const first = all.length === 0 ? 0 : turn++ % all.length
      return [...all.slice(first), ...all.slice(0, first)]
    },
    reportFailure(server) {
      for (const standby of measured) if (standby.live.server === server) standby.heldUntil = Date.now() + failedMs
    },
    async close() {
      stopping.abort()
      await Promise.all(loops)
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}
