/** ETags of answers from the store: a tag names the last version that changed a row which the answer depends on. */
import { createHash } from 'node:crypto'
import type { Reader } from '../database/reader.js'
import { instantsOfDays } from '../queries/aggregates.js'
import { and, Values } from '../queries/sql.js'
import { rangeConditions, type Range } from '../queries/students-of-range.js'
import { epochOf } from '../store/epochs.js'
import { readReadyStore, type ReadyStore } from '../store/state.js'

type Days = Range & { zone: string }

/** The rows that an answer depends on: of a range of time, or of days in a time zone; of all students, or of one. */
export type EtagScope = { student?: string } & ({ range: Range } | { days: Days })

/** The state of these rows in one snapshot of the store. Equal states have the same rows. */
export interface EtagVersion {
  version: string
  epoch: string | null
  count: string
}

/** That an instant's day in the zone is not before the first day, and another's not after the last. */
function between(last: string, first: string, { since, until, zone }: Days, values: Values): string[] {
  const dayOf = (instant: string) => `(${instant} at time zone ${values.add(zone, 'text')})::date`
  return [
    ...(since === undefined ? [] : [`${dayOf(last)} >= ${values.add(since, 'date')}`]),
    ...(until === undefined ? [] : [`${dayOf(first)} < ${values.add(until, 'date')}`]),
  ]
}

/**
 * The newest version among what is covered. Of days that is the days' own, which deletions raise as well. Of a student it is
 * the rows' own, with their number: whatever is there at a version was there when the version was given, so that of two
 * such sets with as many rows neither lacks one. The epoch tells two versions of one number apart.
 * @throws StoreNotWhole
 */
export async function readEtagVersion(
  reader: Reader,
  covers: EtagScope,
): Promise<{ state: ReadyStore; covered: EtagVersion }> {
  const values = new Values()
  const range = 'range' in covers ? covers.range : instantsOfDays(covers.days)
  const zoned = 'days' in covers && covers.days.zone !== 'UTC' ? covers.days : undefined
  const conditions: string[] = []
  let from: string
  if (covers.student !== undefined) {
    conditions.push(`student_id = ${values.add(covers.student, 'uuid')}`, ...rangeConditions(range, values))
    if (zoned !== undefined) conditions.push(...between('completed_at', 'completed_at', zoned, values))
    from = 'attempt_materialized'
  } else {
    // an instant's UTC day
    if (range.since !== undefined)
      conditions.push(`date >= (${values.add(range.since, 'timestamptz')} at time zone 'UTC')::date`)
    if (range.until !== undefined)
      conditions.push(
        `date < (${values.add(range.until, 'timestamptz')} at time zone 'UTC' + interval '1 day' - interval '1 microsecond')::date`,
      )
    // those with an instant of the days, and no more: since 2000 no clock has been put back by more than 3 hours
    if (zoned !== undefined)
      conditions.push(
        `(date < '2000-01-01' or ${and(between(`(date + interval '27 hours') at time zone 'UTC'`, `(date - interval '3 hours') at time zone 'UTC'`, zoned, values))})`,
      )
    from = 'attempt_day'
  }
  const {
    state,
    more: [version, count, epoch],
  } = await readReadyStore(reader, {
    columns: `covered.version, covered.count, ${epochOf('covered.version')}`,
    from: `(select coalesce(max(version), 0) as version, count(*) as count from ${from} where ${and(conditions)}) as covered`,
    values,
  })
  return { state, covered: { version: version as string, count: count as string, epoch: epoch ?? null } }
}

/** @param what the part of the request that the answer depends on beside its rows */
export const etagOf = ({ version, count, epoch }: EtagVersion, covers: EtagScope, what: unknown): string =>
  // weak: as_of and the bytes of a representation may differ
  `W/"${version}-${createHash('sha256')
    .update(JSON.stringify([epoch, count, covers, what]))
    .digest('base64url')
    .slice(0, 12)}"`

/**
 * Whether If-None-Match names the tag, by weak comparison (RFC 9110, 13.1.2): a proxy may have removed the W/.
 * @param any whether `*` names it
 */
export const matchesEtag = (header: string, tag: string, any: boolean): boolean =>
  header.trim() === '*' ? any : header.match(/"[^"]*"/g)?.includes(tag.slice(2)) === true
