/**
 * How current a standby is. The position of the primary's write-ahead log is recorded at an interval, with the time. A
 * standby that has replayed up to a recorded position has every transaction that was committed at that time.
 */

/** The position of the primary's log at a time (milliseconds). */
interface Mark {
  position: bigint
  at: number
}

export interface PrimaryLog {
  /** @param at the time before the position was read: a transaction that commits during the read may be missing */
  record(lsn: string, at: number): void
  /** The latest recorded time whose position the standby has replayed; undefined if there is none. */
  momentOf(replayedLsn: string): number | undefined
}

const pageBytes = 8_192n
/** Length of the header of a page, and of the first page of a segment. */
const headerBytes = [24n, 40n]

const positionOf = (lsn: string): bigint => {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/**
 * The position up to which a standby can replay. After a full page PostgreSQL reports where the next record will begin,
 * which is after the header of the next page: for example, on an idle primary after a segment switch. A standby never
 * replays a header by itself, so the position before the header counts. No record is lost by this: none ends inside a
 * header.
 */
const replayableEnd = (lsn: string): bigint => {
  const position = positionOf(lsn)
  const inPage = position % pageBytes
  return headerBytes.includes(inPage) ? position - inPage : position
}

/** @param keptMs older marks are dropped; milliseconds */
export function createPrimaryLog(keptMs: number): PrimaryLog {
  let marks: Mark[] = []
  return {
    record(lsn, at) {
      const position = replayableEnd(lsn)
      // on an idle primary the position does not change: the latest time counts
      if (marks.at(-1)?.position === position) marks.pop()
      // after a failover positions may go backwards, which makes the earlier marks invalid
      if ((marks.at(-1)?.position ?? 0n) > position) marks = []
      marks.push({ position, at })
      const [oldest] = marks
      if (oldest !== undefined && oldest.at < at - keptMs) marks = marks.filter((mark) => mark.at >= at - keptMs)
    },
    momentOf(replayedLsn) {
      const replayed = positionOf(replayedLsn)
      return marks.findLast(({ position }) => position <= replayed)?.at
    },
  }
}
