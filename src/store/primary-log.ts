/**
 * Which moment of the primary a standby has reached. The position of the primary's log is recorded again and again; a
 * standby that has replayed up to a recorded position has everything that was committed when it was read.
 */

/** The position of the primary's log at a moment; milliseconds. */
interface Mark {
  position: bigint
  at: number
}

export interface PrimaryLog {
  /** @param at the moment before the position was read: what is committed meanwhile may be behind it */
  record(lsn: string, at: number): void
  /** The latest moment whose position is within what a standby has replayed; undefined where none is recorded. */
  momentOf(replayedLsn: string): number | undefined
}

const pageBytes = 8_192n
/** The header of a page, and of the first page of a segment. */
const headerBytes = [24n, 40n]

const positionOf = (lsn: string): bigint => {
  const [high = '0', low = '0'] = lsn.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

/**
 * The position up to which a standby can replay. After a full page PostgreSQL reports where the next record will begin:
 * after the header of the next page, as on an idle primary whose segment was switched. A standby never replays a
 * header. Where a record of the previous page ends there, a standby that has replayed the page has it as well: no
 * record ends inside a header.
 */
const replayableEnd = (lsn: string): bigint => {
  const position = positionOf(lsn)
  const inPage = position % pageBytes
  return headerBytes.includes(inPage) ? position - inPage : position
}

/** @param keptMs marks that are older are dropped */
export function createPrimaryLog(keptMs: number): PrimaryLog {
  let marks: Mark[] = []
  return {
    record(lsn, at) {
      const position = replayableEnd(lsn)
      // on an idle primary the position stays; of equal positions the latest moment counts
      if (marks.at(-1)?.position === position) marks.pop()
      // after a failover positions may start further back, and the earlier marks are void
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
